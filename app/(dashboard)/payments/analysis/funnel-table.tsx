import { cn } from "@/components/cn";
import { Panel } from "@/components/ui/panel";
import type { PaymentAnalysis } from "@/server/domain/payments/service";
import { durationWords } from "./span";

type Step = PaymentAnalysis["funnel"][number];

const STEP_WORDS: Readonly<Record<Step["step"], string>> = {
  created: "Payment begun",
  stepped_up: "Customer was asked",
  entered: "Customer opened it",
  finished: "Customer approved it",
  approved: "Paid",
};
const LOST_WORDS: Readonly<Record<keyof Step["lost"], string>> = {
  declined: "declined",
  failed: "failed",
  canceled: "canceled",
  expired: "expired",
  open: "still open",
};
const LOST = ["declined", "failed", "canceled", "expired", "open"] as const;
const COUNT = new Intl.NumberFormat("en");
const PERCENT = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });

/** From begun to paid: how many are left at each step, how long it takes, and what became of the others. A list with bars: readable without seeing it. */
export function FunnelTable({ steps, direct }: { steps: readonly Step[]; direct: number }) {
  const first = steps[0]?.count ?? 0;
  return (
    <Panel
      title="Step-up funnel"
      description={
        direct === 0
          ? "Times are medians from the step before"
          : `Times are medians from the step before. ${COUNT.format(direct)} were approved without asking the customer.`
      }
    >
      <ol className="grid gap-4 py-1">
        {steps.map((step, index) => {
          const share = first === 0 ? 0 : step.count / first;
          const lost = LOST.filter((kind) => step.lost[kind] > 0);
          return (
            <li key={step.step} className="grid gap-1">
              <div className="flex items-baseline gap-2 text-sm">
                <span className="min-w-0 flex-1 truncate">{STEP_WORDS[step.step]}</span>
                {step.medianMs === null ? null : (
                  <span className="whitespace-nowrap text-ink-3 text-xs">after {durationWords(step.medianMs)}</span>
                )}
                <span className="font-medium">{COUNT.format(step.count)}</span>
                <span className="w-12 text-right text-ink-3 text-xs">{PERCENT.format(share)}</span>
              </div>
              <div aria-hidden className="h-2 overflow-hidden rounded-xs bg-neutral-soft">
                <div
                  className={cn("h-full rounded-xs", index === steps.length - 1 ? "bg-chart-2" : "bg-chart-1")}
                  style={{ width: `${Math.max(share * 100, step.count === 0 ? 0 : 0.5)}%` }}
                />
              </div>
              {lost.length === 0 ? null : (
                <p className="text-ink-3 text-xs">
                  Came no further:{" "}
                  {lost.map((kind) => `${COUNT.format(step.lost[kind])} ${LOST_WORDS[kind]}`).join(", ")}
                </p>
              )}
            </li>
          );
        })}
      </ol>
    </Panel>
  );
}
