import type { Metadata } from "next";
import { Page, PageHeader } from "@/components/page-header";
import { CrumbLabel } from "@/components/shell/crumb-label";
import { SubNav } from "@/components/sub-nav";
import { listAcquirerKeys } from "@/server/auth/acquirer-keys";
import { ACQUIRER_SCOPE_NAMES, can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { KeyList, type KeyView } from "../../developers/key-list";
import { keyStatus } from "../../developers/key-status";
import { settingsNav } from "../nav";
import { revokeSystemKeyAction, rotateSystemKeyAction } from "./actions";
import { AddSystemKey } from "./add-system-key";

export const metadata: Metadata = { title: "API keys" };

export default async function SystemKeysPage() {
  const ctx = await webContext("credentials:read");
  const { user } = await requireSession();
  const canWrite = can(user, "credentials:write");
  const now = ctx.clock.now();
  const views: KeyView[] = (await listAcquirerKeys(ctx)).map((key) => ({
    id: key.id,
    name: key.name,
    hint: key.hint,
    partnerName: "Every Partner",
    scopes: key.scopes,
    addresses: key.addresses,
    status: keyStatus(key, now),
    createdAt: key.createdAt.toISOString(),
    lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
    expiresAt: key.expiresAt?.toISOString() ?? null,
    revokedAt: key.revokedAt?.toISOString() ?? null,
  }));
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
