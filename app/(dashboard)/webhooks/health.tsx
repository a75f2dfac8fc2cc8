import { TextLink } from "@/components/text-link";
import type { EndpointHealth } from "@/server/domain/webhooks/schema";

const COUNT = new Intl.NumberFormat("en");
const SHARE = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });
const COUNTED_MAX = 10_000;
const GOOD_FROM = 0.99;

export function countWords(count: number): string {
  return count >= COUNTED_MAX ? `${COUNT.format(COUNTED_MAX)}+` : COUNT.format(count);
}

/** Deliveries of an endpoint in one state, as a way to them. */
export function CountLink({
  endpoint,
  status,
  count,
}: {
  endpoint: string;
  status: "pending" | "failed";
  count: number;
}) {
  if (count === 0) return <span className="text-ink-3">0</span>;
  const words = countWords(count);
  return (
    <TextLink
      href={`/webhooks/deliveries?endpoint=${endpoint}&status=${status}`}
      className={status === "failed" ? "text-bad" : ""}
    >
      {words}
      <span className="sr-only"> {status === "failed" ? "failed deliveries" : "deliveries on their way"}</span>
    </TextLink>
  );
}

/** "98.5%" of what was tried in the last day; never rounded up to all of it. */
export function successWords({ success_rate_24h: rate }: EndpointHealth): string {
  if (rate === null) return "–";
  return SHARE.format(rate < 1 ? Math.floor(rate * 1000) / 1000 : 1);
}

export function SuccessRate({ health }: { health: EndpointHealth }) {
  const rate = health.success_rate_24h;
  const ink = rate === null ? "text-ink-3" : rate >= GOOD_FROM ? "" : rate > 0 ? "text-warn" : "text-bad";
  return (
    <span
      className={ink}
      title={rate === null ? "Nothing was tried in 24 hours" : `${health.delivered_24h} of ${health.tried_24h} arrived`}
    >
      {successWords(health)}
    </span>
  );
}
