import type { Metadata } from "next";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { Prefetched } from "../prefetched";
import { paymentChoices } from "./_components/payment-choices";
import { PaymentsScreen } from "./_components/payments-screen";
import { paymentFilter, paymentsTable } from "./_components/payments-table";

export const metadata: Metadata = { title: "Payments" };

const MINUTE_MS = 60_000;

export default async function PaymentsPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const ctx = await webContext("payments:read");
  const { user } = await requireSession();
  const choices = await paymentChoices(ctx);
  const def = paymentsTable(choices);
  const state = parseTableState(def, await searchParams);
  const renderedAtMs = Math.floor(ctx.clock.now().getTime() / MINUTE_MS) * MINUTE_MS;
  const filter = paymentFilter(def, state, renderedAtMs);
  const input = { filter, limit: state.size, cursor: state.cursor };
  return (
    <Prefetched
      load={(trpc, client) =>
        Promise.all([
          client.prefetchQuery(trpc.payments.list.queryOptions(input)),
          client.prefetchQuery(trpc.payments.totals.queryOptions({ filter })),
        ])
      }
    >
      <PaymentsScreen
        choices={choices}
        hasPartners={ctx.scope.partners === "all" || ctx.scope.partners.length > 1}
        canTake={can(user, "payments:create")}
        may={{ capture: can(user, "payments:capture"), refund: can(user, "payments:refund") }}
        renderedAtMs={renderedAtMs}
      />
    </Prefetched>
  );
}
