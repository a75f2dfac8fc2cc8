import type { Metadata } from "next";
import { Page, PageHeader } from "@/components/page-header";
import { CrumbLabel } from "@/components/shell/crumb-label";
import { SubNav } from "@/components/sub-nav";
import { listAcquirerKeys } from "@/server/auth/acquirer-keys";
import { ACQUIRER_SCOPE_NAMES, can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { KeyList } from "../../developers/key-list";
import { keyView } from "../../developers/key-view";
import { settingsNav } from "../nav";
import { revokeSystemKeyAction, rotateSystemKeyAction } from "./actions";
import { AddSystemKey } from "./add-system-key";

export const metadata: Metadata = { title: "API keys" };

export default async function SystemKeysPage() {
  const ctx = await webContext("credentials:read");
  const { user } = await requireSession();
  const canWrite = can(user, "credentials:write");
  const now = ctx.clock.now();
  const views = (await listAcquirerKeys(ctx)).map((key) => keyView(key, "Every Partner", now));
  return (
    <Page>
      <CrumbLabel label="API keys" />
      <PageHeader
        title="API keys"
        description="Keys of your own systems: they onboard Partners and keep their stores, over every Partner. They take no payments; a Partner's keys are under Developers."
        actions={canWrite ? <AddSystemKey mode={ctx.scope.mode} scopes={ACQUIRER_SCOPE_NAMES} /> : undefined}
      />
      <SubNav label="Settings" items={settingsNav(user)} />
      <KeyList
        keys={views}
        scopeCount={ACQUIRER_SCOPE_NAMES.length}
        mode={ctx.scope.mode}
        canWrite={canWrite}
        hasPartners={false}
        empty={
          canWrite
            ? "A system of yours, such as a CRM, onboards Partners with a key. Create the first one above; it is shown once."
            : "A system of yours, such as a CRM, onboards Partners with a key. An acquirer admin can create one."
        }
        onRevoke={revokeSystemKeyAction}
        onRotate={rotateSystemKeyAction}
      />
    </Page>
  );
}
