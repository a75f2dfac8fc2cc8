import type { Metadata } from "next";
import { AuditPanel } from "@/app/(dashboard)/audit-panel";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { requirePagePermission, webContext } from "@/server/auth/web";
import { getStore } from "@/server/domain/stores/service";
import { StoreFrame } from "../store-frame";

export const metadata: Metadata = { title: "Store's history" };

export default async function StoreHistoryPage({ params }: { params: Promise<{ id: string }> }) {
  const { user } = await requirePagePermission("audit:read");
  const ctx = await webContext("stores:read");
  const { id } = await params;
  const store = await orNotFound(getStore(ctx, id));
  return <StoreFrame store={store} user={user} part="History" main={<AuditPanel ctx={ctx} subject={store.id} />} />;
}
