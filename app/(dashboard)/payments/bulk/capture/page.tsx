import type { Metadata } from "next";
import { Page, PageHeader } from "@/components/page-header";
import { CrumbLabel } from "@/components/shell/crumb-label";
import { Panel } from "@/components/ui/panel";
import { webContext } from "@/server/auth/web";
import { ownPartners } from "../_components/own-partners";
import { UploadRows } from "../_components/upload-rows";

export const metadata: Metadata = { title: "Capture many" };

export default async function CaptureManyPage() {
  const ctx = await webContext("payments:capture");
  return (
    <Page isForm>
      <CrumbLabel label="Capture many" />
      <PageHeader
        title="Capture many"
        description="A file with a payment in each row. You see what each row would capture before anything is asked for."
      />
      <Panel>
        <UploadRows kind="CAPTURE" partners={await ownPartners(ctx)} />
      </Panel>
    </Page>
  );
}
