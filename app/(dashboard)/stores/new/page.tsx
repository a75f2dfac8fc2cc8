import type { Metadata } from "next";
import { partnerOptions } from "@/app/(dashboard)/partner-options";
import { Page, PageHeader } from "@/components/page-header";
import { CrumbLabel } from "@/components/shell/crumb-label";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { getPartner } from "@/server/domain/partners/service";
import { listStoreGroupChoices } from "@/server/domain/stores/service";
import { StoreForm } from "../store-form";

export const metadata: Metadata = { title: "Add a store" };

export default async function NewStorePage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const ctx = await webContext("stores:write");
  const { partner: asked } = await searchParams;
  const { user } = await requireSession();
  const partners = can(user, "partners:read") ? await partnerOptions(ctx) : [];
  const partner =
    partners.find((one) => one.value === asked)?.value ?? (partners.length === 1 ? partners[0]?.value : undefined);
  const [groups, country] =
    partner === undefined
      ? [[], "SE"]
      : await Promise.all([
          listStoreGroupChoices(ctx, partner),
          getPartner(ctx, partner).then((record) => record.country),
        ]);
  return (
    <Page isForm>
      <CrumbLabel label="Add a store" />
      <PageHeader
        title="Add a store"
        description="Klarna is told of it in the background. Payments can name it by its reference at once."
      />
      <Panel>
        <StoreForm
          key={partner ?? "none"}
          store={null}
          partner={partner ?? null}
          partners={partners}
          groups={groups}
          country={country}
        />
      </Panel>
    </Page>
  );
}
