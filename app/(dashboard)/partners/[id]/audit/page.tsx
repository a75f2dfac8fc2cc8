import type { Metadata } from "next";
import { AuditPanel } from "@/app/(dashboard)/audit-panel";
import { loadPartner, PartnerFrame } from "../partner-frame";

export const metadata: Metadata = { title: "Partner's audit" };

export default async function PartnerAuditPage({ params }: { params: Promise<{ id: string }> }) {
  const page = await loadPartner(params, "audit:read");
  return (
    <PartnerFrame page={page}>
      <div className="max-w-[880px]">
        <AuditPanel ctx={page.ctx} subject={page.partner.id} />
      </div>
    </PartnerFrame>
  );
}
