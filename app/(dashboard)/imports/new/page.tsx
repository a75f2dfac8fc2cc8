import type { Metadata } from "next";
import { partnerOptions } from "@/app/(dashboard)/partner-options";
import { Page, PageHeader } from "@/components/page-header";
import { CrumbLabel } from "@/components/shell/crumb-label";
import { Panel } from "@/components/ui/panel";
import { can, type Permission } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { IMPORT_KINDS, type ImportKind } from "@/server/domain/imports/states";
import { listPartners } from "@/server/domain/partners/service";
import { NewImport } from "./new-import";

export const metadata: Metadata = { title: "Import a file" };

const NEEDS: Readonly<Record<ImportKind, Permission>> = {
  PARTNERS: "partners:write",
  STORES: "stores:write",
  TERMINALS: "terminals:write",
};

export default async function NewImportPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const ctx = await webContext("imports:write");
  const { user } = await requireSession();
  const { kind: asked, partner } = await searchParams;
  const kinds = IMPORT_KINDS.filter((kind) => can(user, NEEDS[kind]));
  const kind = kinds.find((one) => one === asked);
  const options = can(user, "partners:read") ? await partnerOptions(ctx) : [];
  // The list of choices ends somewhere; the Partner that was asked for is always one of them.
  const known =
    typeof partner !== "string" || options.some((option) => option.value === partner)
      ? []
      : (await listPartners(ctx, { search: partner.slice(0, 60) }, { limit: 1 })).items.map((item) => ({
          value: item.id,
          label: item.name,
        }));
  const partners = [...known, ...options];
  return (
    <Page isForm>
      <CrumbLabel label="Import a file" />
      <PageHeader
        title="Import a file"
        description="A file of rows becomes Partners, stores or terminals. You see what each row does before anything is made."
      />
      <Panel>
        <NewImport
          kind={kind}
          kinds={kinds}
          partnerId={partners.find((option) => option.value === partner)?.value}
          partners={partners}
        />
      </Panel>
    </Page>
  );
}
