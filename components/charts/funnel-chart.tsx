import type { ReactNode } from "react";
import { cn } from "@/components/cn";
import { Panel } from "@/components/ui/panel";
import { Skeleton } from "@/components/ui/skeleton";

export type FunnelStep = { id: string; label: string; count: number };

export type FunnelChartProps = {
  title?: string;
  description?: ReactNode;
  /** From the widest to the narrowest; each contains the next. */
  steps: readonly FunnelStep[];
  isLoading?: boolean;
  className?: string;
};

const COUNT = new Intl.NumberFormat("en");
const PERCENT = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });

/** How many get from each step to the next. A list with bars: readable without seeing it. */
export function FunnelChart({
  title = "Step-up funnel",
  description,
  steps,
  isLoading = false,
  className,
}: FunnelChartProps) {
  const first = steps[0]?.count ?? 0;
  return (
    <Panel title={title} description={description} {...(className === undefined ? {} : { className })}>
      {isLoading ? (
        <div className="grid gap-4 py-1">
          {[100, 72, 60, 52].map((width) => (
            <div key={width} className="grid gap-1.5">
              <Skeleton className="w-32" />
              <div className="skeleton h-2" style={{ width: `${width}%` }} />
            </div>
          ))}
        </div>
      ) : first === 0 ? (
        <div className="grid min-h-40 place-items-center rounded-md border border-line border-dashed text-ink-3 text-sm">
          No customer was asked to step up in this time.
        </div>
      ) : (
        <ol className="grid gap-3.5 py-1">
          {steps.map((step, index) => {
            const previous = steps[index - 1]?.count;
            const share = step.count / first;
            const lost = previous === undefined ? 0 : previous - step.count;
            return (
              <li key={step.id} className="grid gap-1">
                <div className="flex items-baseline gap-2 text-sm">
                  <span className="flex-1 truncate">{step.label}</span>
                  {lost > 0 ? <span className="text-ink-3 text-xs">−{COUNT.format(lost)}</span> : null}
                  <span className="font-medium">{COUNT.format(step.count)}</span>
                  <span className="w-12 text-right text-ink-3 text-xs">{PERCENT.format(share)}</span>
                </div>
                <div aria-hidden className="h-2 overflow-hidden rounded-xs bg-neutral-soft">
                  <div
                    className={cn("h-full rounded-xs", index === steps.length - 1 ? "bg-chart-2" : "bg-chart-1")}
                    style={{ width: `${Math.max(share * 100, 0.5)}%` }}
                  />
                </div>
              </li>
            );
          })}
        </ol>
      )}
    </Panel>
  );
}
