import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { Prefetched } from "@/app/(dashboard)/prefetched";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { idSchema } from "@/server/core/ids";
import { getBulkRun } from "@/server/domain/bulk/service";
import { BulkRun } from "../_components/bulk-run";

export const metadata: Metadata = { title: "Captures and refunds of many" };

export default async function BulkRunPage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("payments:read");
  const { user } = await requireSession();
  const { id } = await params;
  if (!idSchema("bulkRun").safeParse(id).success) notFound();
  const run = await orNotFound(getBulkRun(ctx, id));
  return (
    <Prefetched load={(trpc, client) => client.prefetchQuery(trpc.bulk.get.queryOptions({ id }))}>
      <BulkRun id={id} canDo={can(user, run.kind === "CAPTURE" ? "payments:capture" : "payments:refund")} />
    </Prefetched>
  );
}
