/** How long a run took; a dash while it has not ended. */
export function tookWords(startedAt: Date | null, endedAt: Date | null): string {
  if (startedAt === null || endedAt === null) return "–";
  const ms = Math.max(0, endedAt.getTime() - startedAt.getTime());
  if (ms < 1_000) return `${ms} ms`;
  return ms < 120_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}
