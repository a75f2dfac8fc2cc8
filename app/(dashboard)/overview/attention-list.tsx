import { ChevronRight, CircleAlert, CircleCheck, TriangleAlert } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import { DateTime } from "@/components/display/date-time";
import { Deadline } from "@/components/display/deadline";
import type { Attention } from "@/server/domain/overview/schema";

/** What needs a person, at most seven lines; each leads to the thing, or to the list of them. */
export function AttentionList({ items, canSeeSystem }: { items: readonly Attention[]; canSeeSystem: boolean }) {
  if (items.length === 0) {
    return (
      <p className="flex items-center gap-2 rounded-md border border-line bg-surface px-4 py-2.5 text-ink-2 text-sm">
        <CircleCheck aria-hidden className="size-4 text-good" />
        Nothing needs you now.
      </p>
    );
  }
  return (
    <section aria-labelledby="attention" className="overflow-hidden rounded-md border border-line bg-surface">
      <h2 id="attention" className="border-line border-b px-4 py-2.5 font-semibold text-base">
        Needs you
      </h2>
      <ul>
        {items.map((item) => {
          const Icon = item.tone === "bad" ? CircleAlert : TriangleAlert;
          const href = hrefOf(item, canSeeSystem);
          const body = (
            <>
              <Icon
                aria-label={item.tone === "bad" ? "Urgent" : "Soon"}
                className={`size-4 shrink-0 ${item.tone === "bad" ? "text-bad" : "text-warn"}`}
              />
              <span className="min-w-0 flex-1 text-sm">{item.title}</span>
              <span className="shrink-0 text-ink-3 text-xs">
                {item.at === null ? null : item.atMeaning === "deadline" ? (
                  <Deadline at={item.at} hasDate={false} />
                ) : (
                  <DateTime value={item.at} format="relative" />
                )}
              </span>
              {href === null ? null : <ChevronRight aria-hidden className="size-4 shrink-0 text-ink-3" />}
            </>
          );
          const styles = "flex min-h-10 items-center gap-3 px-4 py-1.5";
          return (
            <li key={`${item.kind} ${item.title}`} className="border-line border-b last:border-b-0">
              {href === null ? (
                <div className={styles}>{body}</div>
              ) : (
                <Link href={href as Route} className={`${styles} hover:bg-hover focus-visible:-outline-offset-2`}>
                  {body}
                </Link>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

const RECORD_PATHS: Readonly<Record<string, string>> = {
  payment: "/payments/",
  webhook_endpoint: "/webhooks/",
  partner: "/partners/",
  store: "/stores/",
  approval: "/settings/approvals/",
};

const LISTS: Readonly<Record<Attention["kind"], string>> = {
  alarm: "/system",
  late_approval: "/payments?status=canceled,expired,declined,failed",
  pending_approval: "/settings/approvals?state=PENDING",
  unknown_operation: "/system",
  authorization_ends: "/payments?ends=3d",
  disabled_account: "/partners?account=DISABLED",
  disabled_endpoint: "/webhooks?status=disabled",
  failing_endpoint: "/webhooks?status=failing",
  expiring_key: "/developers",
  idle_credential: "/system/credentials?needs=idle",
  old_credential: "/system/credentials?needs=old",
  ending_credential: "/system/credentials?needs=ending",
  store_without_qr: "/stores?needs=qr",
};

/** The one thing, else the list of them; nothing where the person may not open the list. */
function hrefOf(item: Attention, canSeeSystem: boolean): string | null {
  const path = item.subject === null ? undefined : RECORD_PATHS[item.subject.kind];
  if (path !== undefined && item.subject !== null) return `${path}${item.subject.id}`;
  const list = LISTS[item.kind];
  return list === "/system" && !canSeeSystem
    ? item.kind === "alarm"
      ? "/payments"
      : "/payments?status=finalizing"
    : list;
}
