import { statusWord } from "@/components/display/status-words";
import { TextLink } from "@/components/text-link";
import type { DeliveryCounts } from "@/server/domain/webhooks/schema";

const STATES = ["pending", "delivered", "failed"] as const;

/** How the deliveries of an event stand, each count a way to them. */
export function EventDeliveries({ event, counts }: { event: string; counts: DeliveryCounts }) {
  const shown = STATES.filter((status) => counts[status] > 0);
  if (shown.length === 0) return <span className="text-ink-3">None asked for</span>;
  return (
    <span className="inline-flex flex-wrap gap-x-3">
      {shown.map((status) => (
        <TextLink
          key={status}
          href={`/webhooks/deliveries?event=${event}&status=${status}`}
          className={`inline-flex min-h-6 items-center ${status === "failed" ? "text-bad" : ""}`}
        >
          {counts[status]} {statusWord("delivery", status).word.toLowerCase()}
        </TextLink>
      ))}
    </span>
  );
}
