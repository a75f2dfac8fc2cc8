import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { Page, PageHeader } from "@/components/page-header";
import { CrumbLabel } from "@/components/shell/crumb-label";
import { Panel } from "@/components/ui/panel";
import { webContext } from "@/server/auth/web";
import { getStore, listStoreGroupChoices } from "@/server/domain/stores/service";
import { StoreForm } from "../../store-form";

export const metadata: Metadata = { title: "Edit store" };

export default async function EditStorePage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("stores:write");
  const { id } = await params;
  const store = await orNotFound(getStore(ctx, id));
  if (store.status === "ARCHIVED") notFound();
  const groups = await listStoreGroupChoices(ctx, store.partnerId);
  return (
    <Page isForm>
      <CrumbLabel label={`Edit ${store.name}`} />
      <PageHeader title={`Edit ${store.name}`} description={`Reference ${store.reference}`} />
      <Panel>
        <StoreForm
          store={store}
          partner={store.partnerId}
          partners={[]}
          groups={groups}
          country={store.country ?? "SE"}
        />
      </Panel>
    </Page>
  );
}
