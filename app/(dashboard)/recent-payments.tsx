import type { Route } from "next";
import Link from "next/link";
import { DateTime } from "@/components/display/date-time";
import { Money } from "@/components/display/money";
import { StatusBadge } from "@/components/display/status-badge";
import { ButtonLink } from "@/components/ui/button";
import { Panel, PanelEmpty } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession } from "@/server/auth/web";
import type { ServiceContext } from "@/server/context";
import type { PaymentFilter } from "@/server/domain/payments/schema";
import { listPayments } from "@/server/domain/payments/service";

const SHOWN = 10;

/** The last payments of a Partner, a store or a terminal, and the way to all of them. */
export async function RecentPayments({
  ctx,
  filter,
  href,
}: {
  ctx: ServiceContext;
  filter: PaymentFilter;
  /** The list with the same filter. */
  href: string;
}) {
  const { user } = await requireSession();
  if (!can(user, "payments:read")) return null;
  const { data } = await listPayments(ctx, filter, { limit: SHOWN });
  return (
    <Panel
      title="Last payments"
      isFlush
      actions={
        data.length === 0 ? undefined : (
          <ButtonLink href={href} variant="ghost" size="sm">
            All payments
          </ButtonLink>
        )
      }
    >
      {data.length === 0 ? (
        <PanelEmpty>No payment was taken here yet.</PanelEmpty>
      ) : (
        <ul>
          {data.map((payment) => (
            <li key={payment.id} className="border-line border-b last:border-b-0">
              <Link
                href={`/payments/${payment.id}` as Route}
                prefetch={false}
                className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-0.5 px-4 py-2 hover:bg-hover focus-visible:-outline-offset-2 sm:grid-cols-[minmax(0,1fr)_160px_112px_120px]"
              >
                <span className="truncate font-medium text-sm">{payment.reference}</span>
                <span className="justify-self-end sm:order-2 sm:justify-self-start">
                  <StatusBadge kind="payment" status={payment.status} />
                </span>
                <span className="text-ink-3 text-xs sm:order-4 sm:text-right">
                  <DateTime value={payment.created_at} format="relative" />
                </span>
                <Money
                  amount={payment.amount}
                  currency={payment.currency}
                  className="justify-self-end text-sm sm:order-3"
                />
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
