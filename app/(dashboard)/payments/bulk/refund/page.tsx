import type { Metadata } from "next";
import { Page, PageHeader } from "@/components/page-header";
import { CrumbLabel } from "@/components/shell/crumb-label";
import { Panel } from "@/components/ui/panel";
import { webContext } from "@/server/auth/web";
import { ownPartners } from "../_components/own-partners";
import { UploadRows } from "../_components/upload-rows";

export const metadata: Metadata = { title: "Refund many" };

export default async function RefundManyPage() {
  const ctx = await webContext("payments:refund");
  return (
    <Page isForm>
      <CrumbLabel label="Refund many" />
      <PageHeader
        title="Refund many"
        description="A file with a payment in each row. You see what each row would give back before anything is asked for."
      />
      <Panel>
        <UploadRows kind="REFUND" partners={await ownPartners(ctx)} />
      </Panel>
    </Page>
  );
}
