import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { Prefetched } from "@/app/(dashboard)/prefetched";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { idSchema } from "@/server/core/ids";
import { getPayment } from "@/server/domain/payments/service";
import { CashierScreen } from "../_components/cashier-screen";

export const metadata: Metadata = { title: "Taking a payment" };

export default async function TakingPaymentPage({ params }: { params: Promise<{ paymentId: string }> }) {
  const ctx = await webContext("payments:create");
  const { user } = await requireSession();
  const id = (await params).paymentId;
  if (!idSchema("payment").safeParse(id).success) notFound();
  await orNotFound(getPayment(ctx, id));
  return (
    <Prefetched load={(trpc, client) => client.prefetchQuery(trpc.payments.get.queryOptions({ id }))}>
      <CashierScreen id={id} canCancel={can(user, "payments:cancel")} />
    </Prefetched>
  );
}
