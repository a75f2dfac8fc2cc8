import type { Metadata } from "next";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { Prefetched } from "@/app/(dashboard)/prefetched";
import { Page, PageHeader } from "@/components/page-header";
import { CrumbLabel } from "@/components/shell/crumb-label";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { getStore } from "@/server/domain/stores/service";
import { TerminalForm } from "../terminal-form";

export const metadata: Metadata = { title: "Add a terminal" };

export default async function NewTerminalPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const ctx = await webContext("terminals:write");
  const { user } = await requireSession();
  const { store: asked } = await searchParams;
  const store = typeof asked === "string" && can(user, "stores:read") ? await orNotFound(getStore(ctx, asked)) : null;
  return (
    <Page isForm>
      <CrumbLabel label="Add a terminal" />
      <PageHeader
        title="Add a terminal"
        description="A till, kiosk or tablet of a physical store. Each in-store payment names the one it was taken at."
      />
      <Panel>
        <Prefetched
          load={(trpc, client) =>
            client.prefetchQuery(trpc.stores.choices.queryOptions({ type: ["PHYSICAL"], status: ["ACTIVE", "DRAFT"] }))
          }
        >
          <TerminalForm
            terminal={null}
            store={store === null ? null : { id: store.id, name: store.name, partnerId: store.partnerId }}
          />
        </Prefetched>
      </Panel>
    </Page>
  );
}
