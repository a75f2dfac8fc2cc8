/** One line of the table; `floor` is left out where there is none. Times are better when smaller. */
export type Figure = { id: string; name: string; unit: "/s" | "ms"; ours: number; floor?: number; isTime?: boolean };

const text = (value: number, unit: Figure["unit"]): string =>
  unit === "ms" ? `${value.toFixed(value < 10 ? 2 : 1)} ms` : `${Math.round(value).toLocaleString("en")} /s`;

/** Of the floor's speed: 1 is as fast as the floor, whichever way the figure counts. */
export function ratioOf(figure: Figure): number | null {
  if (figure.floor === undefined) return null;
  return figure.isTime ? figure.floor / figure.ours : figure.ours / figure.floor;
}

export function printFigures(
  say: (line: string) => void,
  figures: readonly Figure[],
  machine: { cores: number; node: string; postgres: string; load: number; seconds: number },
): void {
  const rows = figures.map((figure) => {
    const ratio = ratioOf(figure);
    return [
      figure.id,
      figure.name,
      figure.floor === undefined ? "" : text(figure.floor, figure.unit),
      text(figure.ours, figure.unit),
      ratio === null ? "" : ratio.toFixed(2),
    ];
  });
  const table = [["", "figure", "floor", "ours", "of the floor"], ...rows];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...table.map((row) => (row[column] ?? "").length)));
  say("");
  for (const row of table)
    say(
      row
        .map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join("  ")
        .trimEnd(),
    );
  say("");
  say(
    `${machine.cores} cores (load ${machine.load.toFixed(1)}), Node ${machine.node}, PostgreSQL ${machine.postgres}, durable commits; ${machine.seconds.toFixed(0)} s. ` +
      "Load, database and simulator run on the same cores: compare figures of one run only.",
  );
}
