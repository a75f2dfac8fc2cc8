/** How long an event was on its way to us. */
export function wayWords(ms: number): string {
  if (ms < 1000) return `${Math.max(0, ms)} ms`;
  return ms < 120_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}
