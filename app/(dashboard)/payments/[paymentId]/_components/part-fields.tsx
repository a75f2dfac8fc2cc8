"use client";

import { useId, useState } from "react";
import type { PaymentRecordView } from "@/app/(dashboard)/payments/_components/rows";
import { Money, moneyText } from "@/components/display/money";
import { MoneyInput } from "@/components/forms/money-input";
import { Checkbox } from "@/components/ui/checkbox";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";

/** How much of a payment is meant: an amount, or lines whose sum it is. */
export type Part = {
  amount: number | null;
  lines: readonly number[];
  reference: string;
  setAmount: (amount: number | null) => void;
  toggleLine: (place: number) => void;
  setReference: (text: string) => void;
  reset: () => void;
};

export function usePart(all: number, items: PaymentRecordView["payment"]["lineItems"]): Part {
  const [amount, setAmount] = useState<number | null>(all);
  const [lines, setLines] = useState<readonly number[]>([]);
  const [reference, setReference] = useState("");
  return {
    amount,
    lines,
    reference,
    setAmount: (next) => {
      setLines([]);
      setAmount(next);
    },
    toggleLine: (place) => {
      const next = lines.includes(place)
        ? lines.filter((other) => other !== place)
        : [...lines, place].sort((a, b) => a - b);
      setLines(next);
      setAmount(next.length === 0 ? all : next.reduce((sum, at) => sum + (items[at]?.total_amount ?? 0), 0));
    },
    setReference,
    reset: () => {
      setAmount(all);
      setLines([]);
      setReference("");
    },
  };
}

/** What goes to the action: all that is left is said as such, so that it is all of what is left then. */
export function partInput(part: Part, all: number): { amount?: number; lines?: number[]; reference?: string } {
  return {
    ...(part.lines.length > 0
      ? { lines: [...part.lines] }
      : part.amount === null || part.amount === all
        ? {}
        : { amount: part.amount }),
    ...(part.reference.trim() === "" ? {} : { reference: part.reference.trim() }),
  };
}

export function isPossible(part: Part, max: number): boolean {
  return part.amount !== null && part.amount >= 1 && part.amount <= max;
}

export function PartFields({
  part,
  max,
  currency,
  items,
  verb,
}: {
  part: Part;
  max: number;
  currency: string;
  items: PaymentRecordView["payment"]["lineItems"];
  /** "captured" */
  verb: string;
}) {
  const isOver = part.amount !== null && part.amount > max;
  return (
    <>
      <Field
        label="Amount"
        isRequired
        hint={`At most ${moneyText(max, currency)}`}
        error={isOver ? `At most ${moneyText(max, currency)} can still be ${verb}.` : undefined}
      >
        {(control) => (
          <MoneyInput
            {...control}
            key={part.lines.join(" ")}
            value={part.amount}
            currency={currency}
            onChange={part.setAmount}
          />
        )}
      </Field>
      {items.length === 0 ? null : (
        <LineChoices
          legend="Or by lines"
          items={items}
          chosen={part.lines}
          currency={currency}
          onToggle={part.toggleLine}
        />
      )}
      <Field label="Reference">
        {(control) => (
          <Input
            {...control}
            value={part.reference}
            maxLength={255}
            onChange={(event) => part.setReference(event.target.value)}
          />
        )}
      </Field>
    </>
  );
}

/** The lines of a purchase, each to be chosen by its place. */
export function LineChoices({
  legend,
  items,
  chosen,
  currency,
  onToggle,
}: {
  legend: string;
  items: PaymentRecordView["payment"]["lineItems"];
  chosen: readonly number[];
  currency: string;
  onToggle: (place: number) => void;
}) {
  const id = useId();
  return (
    <fieldset className="grid gap-1">
      <legend className="mb-1 font-medium text-sm">{legend}</legend>
      <ul className="max-h-40 overflow-y-auto rounded-md border border-line">
        {items.map((item, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the items of a payment never change their order
          <li key={place} className="border-line border-b last:border-b-0">
            <label htmlFor={`${id}-${place}`} className="flex min-h-9 items-center gap-2 px-3 text-sm hover:bg-hover">
              <Checkbox
                id={`${id}-${place}`}
                checked={chosen.includes(place)}
                onCheckedChange={() => onToggle(place)}
              />
              <span className="min-w-0 flex-1 truncate">
                {item.quantity === 1 ? "" : `${item.quantity.toLocaleString("en")} × `}
                {item.name}
              </span>
              <Money amount={item.total_amount} currency={currency} />
            </label>
          </li>
        ))}
      </ul>
    </fieldset>
  );
}
