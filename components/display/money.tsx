import { cn } from "@/components/cn";
import { formatMoney } from "@/server/core/money";

export type MoneyProps = {
  amount: number | null | undefined;
  currency: string;
  /** Quiet for an amount of nothing, so that the eye finds the others. */
  isQuietWhenZero?: boolean;
  className?: string;
};

/** The only place on screens where an amount becomes text. */
export function Money({ amount, currency, isQuietWhenZero = false, className }: MoneyProps) {
  if (amount === null || amount === undefined) return <span className={cn("text-ink-3", className)}>–</span>;
  return (
    <span className={cn("whitespace-nowrap tabular-nums", isQuietWhenZero && amount === 0 && "text-ink-3", className)}>
      {formatMoney(amount, currency)}
    </span>
  );
}

/** For places that take only text: titles, labels of buttons, accessible names. */
export function moneyText(amount: number, currency: string, locale?: string): string {
  return formatMoney(amount, currency, locale);
}
