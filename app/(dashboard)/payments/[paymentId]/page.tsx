import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { Prefetched } from "@/app/(dashboard)/prefetched";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { idSchema } from "@/server/core/ids";
import { getPayment } from "@/server/domain/payments/service";
import { PaymentRecord } from "./_components/payment-record";

export const metadata: Metadata = { title: "Payment" };

export default async function PaymentPage({ params }: { params: Promise<{ paymentId: string }> }) {
  const ctx = await webContext("payments:read");
  const { user } = await requireSession();
  const id = (await params).paymentId;
  if (!idSchema("payment").safeParse(id).success) notFound();
  await orNotFound(getPayment(ctx, id));
  return (
    <Prefetched
      load={(trpc, client) =>
        Promise.all([
          client.prefetchQuery(trpc.payments.get.queryOptions({ id })),
          client.prefetchQuery(trpc.payments.timeline.queryOptions({ id })),
        ])
      }
    >
      <PaymentRecord
        id={id}
        may={{
          cancel: can(user, "payments:cancel"),
          capture: can(user, "payments:capture"),
          void: can(user, "payments:void"),
          refund: can(user, "payments:refund"),
        }}
        linksTo={{
          partners: can(user, "partners:read"),
          stores: can(user, "stores:read"),
          terminals: can(user, "terminals:read"),
        }}
        canSeeApprovals={can(user, "approvals:read")}
      />
    </Prefetched>
  );
}
