import { ArrowDownRight, ArrowRight, ArrowUpRight } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import type { ReactNode } from "react";
import { cn } from "@/components/cn";
import { Skeleton } from "@/components/ui/skeleton";

export type StatProps = {
  label: string;
  value: ReactNode;
  /** Change against the same span before, in basis points; null where there was nothing before. */
  changeBps?: number | null;
  /** A change of a rate is told in points, of everything else in percent. */
  changeUnit?: "percent" | "points";
  /** Whether more is better, worse, or neither. */
  betterWhen?: "up" | "down" | "neither";
  comparedTo?: string;
  hint?: ReactNode;
  href?: string;
  isLoading?: boolean;
};

/** One figure, and whether it moved. */
export function Stat({
  label,
  value,
  changeBps,
  changeUnit = "percent",
  betterWhen = "up",
  comparedTo,
  hint,
  href,
  isLoading = false,
}: StatProps) {
  const body = (
    <>
      <p className="text-ink-2 text-xs">{label}</p>
      {isLoading ? (
        <Skeleton className="my-2 h-5 w-28" />
      ) : (
        <p className="truncate font-semibold text-3xl tracking-[-0.02em] max-sm:text-base max-sm:leading-7">{value}</p>
      )}
      <div className="flex min-h-4 flex-wrap items-center gap-x-1.5 text-ink-3 text-xs">
        {isLoading ? (
          <Skeleton className="w-20" />
        ) : (
          <Change bps={changeBps} unit={changeUnit} betterWhen={betterWhen} comparedTo={comparedTo} />
        )}
        {isLoading ? null : hint}
      </div>
    </>
  );
  const styles = "grid min-w-0 content-start gap-0.5 bg-surface px-4 py-3";
  if (href === undefined) return <div className={styles}>{body}</div>;
  return (
    <Link href={href as Route} className={cn(styles, "hover:bg-raised focus-visible:-outline-offset-2")}>
      {body}
    </Link>
  );
}

const PERCENT = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });
const POINTS = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
/** Beyond this a percentage says less than words. */
const TENFOLD_BPS = 90_000;

function changeWords(bps: number, unit: "percent" | "points"): string {
  const sign = bps > 0 ? "+" : "";
  if (unit === "points") return `${sign}${POINTS.format(bps / 100)} points`;
  return bps >= TENFOLD_BPS ? "more than tenfold" : `${sign}${PERCENT.format(bps / 10_000)}`;
}

function Change({
  bps,
  unit,
  betterWhen,
  comparedTo,
}: {
  bps: number | null | undefined;
  unit: "percent" | "points";
  betterWhen: "up" | "down" | "neither";
  comparedTo: string | undefined;
}) {
  if (bps === undefined) return null;
  if (bps === null) return <span>Nothing to compare with</span>;
  const Icon = bps > 0 ? ArrowUpRight : bps < 0 ? ArrowDownRight : ArrowRight;
  const isGood = bps !== 0 && betterWhen !== "neither" && bps > 0 === (betterWhen === "up");
  const isBad = bps !== 0 && betterWhen !== "neither" && !isGood;
  return (
    <>
      <span className={cn("inline-flex items-center font-medium", isGood && "text-good", isBad && "text-bad")}>
        <Icon aria-hidden className="size-3.5" />
        {changeWords(bps, unit)}
      </span>
      {comparedTo === undefined ? null : <span>{comparedTo}</span>}
    </>
  );
}

/** Figures in a row with hairlines between them; two by two on a phone. */
export function StatRow({ children }: { children: ReactNode }) {
  return (
    <div className="grid grid-cols-2 gap-px overflow-hidden rounded-md border border-line bg-line bg-clip-padding xl:grid-cols-4">
      {children}
    </div>
  );
}
