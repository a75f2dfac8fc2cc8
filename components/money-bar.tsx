import { cn } from "@/components/cn";
import { Money } from "@/components/display/money";

export type MoneyBarProps = {
  currency: string;
  authorized: number;
  captured: number;
  refunded: number;
  voided?: number;
  className?: string;
};

/** Where the authorized amount is now: kept, given back, released, left to capture. */
export function MoneyBar({ currency, authorized, captured, refunded, voided = 0, className }: MoneyBarProps) {
  const left = Math.max(0, authorized - captured - voided);
  const kept = Math.max(0, captured - refunded);
  const total = Math.max(1, authorized, captured + voided);
  const parts = [
    { id: "kept", label: "Captured and kept", amount: kept, color: "bg-chart-2" },
    { id: "refunded", label: "Refunded", amount: refunded, color: "bg-chart-3" },
    { id: "left", label: "Left to capture", amount: left, color: "bg-chart-1" },
    { id: "voided", label: "Released", amount: voided, color: "bg-chart-5" },
  ];
  return (
    <div className={cn("grid gap-3", className)}>
      <div aria-hidden className="flex h-2 gap-px overflow-hidden rounded-full bg-neutral-soft">
        {parts.map((part) =>
          part.amount > 0 ? (
            <div key={part.id} className={part.color} style={{ width: `${(part.amount / total) * 100}%` }} />
          ) : null,
        )}
      </div>
      <dl className="grid gap-1">
        <Line label="Authorized" amount={authorized} currency={currency} isStrong />
        <Line label="Captured" amount={captured} currency={currency} />
        {parts
          .filter((part) => part.id !== "kept" && (part.id !== "voided" || part.amount > 0))
          .map((part) => (
            <Line key={part.id} label={part.label} amount={part.amount} currency={currency} color={part.color} />
          ))}
        {refunded > 0 ? <Line label="Kept" amount={kept} currency={currency} color="bg-chart-2" /> : null}
      </dl>
    </div>
  );
}

function Line({
  label,
  amount,
  currency,
  color,
  isStrong = false,
}: {
  label: string;
  amount: number;
  currency: string;
  color?: string;
  isStrong?: boolean;
}) {
  return (
    <div className="flex items-center gap-2 text-sm">
      <span aria-hidden className={cn("size-2 rounded-full", color)} />
      <dt className={cn("flex-1", isStrong ? "font-medium" : "text-ink-2")}>{label}</dt>
      <dd className={isStrong ? "font-medium" : ""}>
        <Money amount={amount} currency={currency} isQuietWhenZero />
      </dd>
    </div>
  );
}
