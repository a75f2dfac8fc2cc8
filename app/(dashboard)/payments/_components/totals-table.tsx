"use client";

import { useState } from "react";
import { Money } from "@/components/display/money";
import { Button } from "@/components/ui/button";
import { ScrollArea } from "@/components/ui/scroll-area";
import type { PaymentTotalsView } from "./rows";

const SHOWN_AT_FIRST = 2;
const FIGURES = [
  ["amount", "Asked for"],
  ["authorized", "Authorized"],
  ["captured", "Captured"],
  ["refunded", "Refunded"],
  ["left", "Left to capture"],
] as const;

/** What all rows of the filter add up to, a line for each currency: never one sum over several. */
export function TotalsTable({ totals }: { totals: PaymentTotalsView }) {
  const [isOpen, setOpen] = useState(false);
  if (totals.sums.length === 0) return null;
  const shown = isOpen ? totals.sums : totals.sums.slice(0, SHOWN_AT_FIRST);
  const rest = totals.sums.length - SHOWN_AT_FIRST;
  return (
    <div className="rounded-md border border-line bg-surface">
      <ScrollArea label="Totals of the filter" className="overflow-x-auto">
        <table className="w-full text-sm">
          <caption className="sr-only">
            Totals of everything that the filter finds
            {totals.isPartial ? `, of the newest ${totals.count.toLocaleString("en")} payments` : ""}
          </caption>
          <thead className="text-ink-3 text-xs">
            <tr>
              <th scope="col" className="h-7 px-3 text-left font-medium">
                Totals
              </th>
              <th scope="col" className="h-7 px-3 text-right font-medium">
                Payments
              </th>
              {FIGURES.map(([id, label]) => (
                <th key={id} scope="col" className="h-7 whitespace-nowrap px-3 text-right font-medium">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((sum) => (
              <tr key={sum.currency} className="border-line border-t">
                <th scope="row" className="h-8 px-3 text-left font-medium">
                  {sum.currency}
                </th>
                <td className="h-8 px-3 text-right tabular-nums">{sum.count.toLocaleString("en")}</td>
                {FIGURES.map(([id]) => (
                  <td key={id} className="h-8 whitespace-nowrap px-3 text-right">
                    <Money amount={sum[id]} currency={sum.currency} isQuietWhenZero />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollArea>
      {rest <= 0 && !totals.isPartial ? null : (
        <div className="flex flex-wrap items-center gap-2 border-line border-t px-3 py-1 text-ink-3 text-xs">
          {rest <= 0 ? null : (
            <Button variant="ghost" size="sm" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
              {isOpen ? "Fewer currencies" : `${rest} more ${rest === 1 ? "currency" : "currencies"}`}
            </Button>
          )}
          {totals.isPartial ? (
            <p>Of the newest {totals.count.toLocaleString("en")} payments. Narrow the time to add up the rest.</p>
          ) : null}
        </div>
      )}
    </div>
  );
}
