import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { Page, PageHeader } from "@/components/page-header";
import { CrumbLabel } from "@/components/shell/crumb-label";
import { Panel } from "@/components/ui/panel";
import { webContext } from "@/server/auth/web";
import { getTerminal } from "@/server/domain/terminals/service";
import { TerminalForm } from "../../terminal-form";

export const metadata: Metadata = { title: "Edit terminal" };

export default async function EditTerminalPage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("terminals:write");
  const { id } = await params;
  const terminal = await orNotFound(getTerminal(ctx, id));
  if (terminal.status === "ARCHIVED") notFound();
  return (
    <Page isForm>
      <CrumbLabel label={`Edit ${terminal.label}`} />
      <PageHeader title={`Edit ${terminal.label}`} description={`Reference ${terminal.reference}`} />
      <Panel>
        <TerminalForm terminal={terminal} store={null} />
      </Panel>
    </Page>
  );
}
