import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";

/** A span of one's own, to the minute, in UTC; works without scripts. */
export function SpanForm({ from, to, by }: { from: string; to: string; by: string }) {
  return (
    <form action="/payments/analysis" className="flex flex-wrap items-end gap-2" key={`${from} ${to}`}>
      <label className="grid gap-1 text-xs" htmlFor="analysis-from">
        <span className="text-ink-2">From, UTC</span>
        <Input id="analysis-from" type="datetime-local" name="from" defaultValue={from} required />
      </label>
      <label className="grid gap-1 text-xs" htmlFor="analysis-to">
        <span className="text-ink-2">To, UTC</span>
        <Input id="analysis-to" type="datetime-local" name="to" defaultValue={to} required />
      </label>
      <input type="hidden" name="by" value={by} />
      <Button type="submit">Show</Button>
    </form>
  );
}
