export type TooltipRow = { id: string; label: string; value: string; color: string };

/** Exact values under the pointer or the arrow keys. */
export function ChartTooltip({ title, rows }: { title: string; rows: readonly TooltipRow[] }) {
  return (
    <div className="grid min-w-36 gap-1 rounded-md border border-line bg-raised px-2.5 py-2 text-xs shadow-float">
      <p className="font-medium">{title}</p>
      {rows.map((row) => (
        <p key={row.id} className="flex items-center gap-1.5 text-ink-2">
          <span aria-hidden className="size-2 rounded-xs" style={{ background: row.color }} />
          <span className="flex-1 pr-3">{row.label}</span>
          <span className="text-ink tabular-nums">{row.value}</span>
        </p>
      ))}
    </div>
  );
}
