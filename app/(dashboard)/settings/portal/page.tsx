import type { Metadata } from "next";
import { FactRow } from "@/app/(dashboard)/fact-row";
import { partnerOptions } from "@/app/(dashboard)/partner-options";
import { DateTime } from "@/components/display/date-time";
import { Page, PageHeader } from "@/components/page-header";
import { SubNav } from "@/components/sub-nav";
import { Badge, type Tone } from "@/components/ui/badge";
import { Panel, PanelEmpty } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import type { PortalGrantItem } from "@/server/domain/portal/schema";
import { listPortalGrants } from "@/server/domain/portal/service";
import { PORTAL_ROLE_WORDS, PORTAL_ROLES } from "@/server/domain/portal/states";
import { settingsNav } from "../nav";
import { InviteToPortal, OpenPortal, RevokePortal } from "./portal-actions";

export const metadata: Metadata = { title: "Klarna's portal" };

const STATES: Readonly<Record<PortalGrantItem["state"], { tone: Tone; word: string }>> = {
  REQUESTED: { tone: "working", word: "No answer" },
  OPENED: { tone: "good", word: "Opened" },
  INVITED: { tone: "info", word: "Invited" },
  ACTIVE: { tone: "good", word: "Active" },
  REVOKED: { tone: "neutral", word: "Taken back" },
  FAILED: { tone: "bad", word: "Refused" },
};

const roleWord = (role: string): string => {
  const known = PORTAL_ROLES.find((one) => one === role);
  return known === undefined ? role : PORTAL_ROLE_WORDS[known];
};

export default async function PortalPage({ searchParams }: { searchParams: Promise<{ partner?: string | string[] }> }) {
  const ctx = await webContext("portal:open");
  const { user } = await requireSession();
  const asked = (await searchParams).partner;
  const partners = await partnerOptions(ctx);
  const first = partners.find((partner) => partner.value === asked)?.value ?? null;
  const grants = await listPortalGrants(ctx, first);
  const mayInvite = can(user, "users:write");
  return (
    <Page>
      <PageHeader
        title="Settings"
        description="Klarna's own portal, where Express Checkout, On-site Messaging and Sign in with Klarna are set up."
      />
      <SubNav label="Settings" items={settingsNav(user)} />
      <Panel
        title="Open Klarna's portal"
        description="You are signed in there as one of the Partner's people. The link is good for one use within a minute."
      >
        {partners.length === 0 ? (
          <p className="text-ink-3 text-sm">There is no Partner yet whose portal could be opened.</p>
        ) : (
          <OpenPortal partners={partners} first={first} />
        )}
      </Panel>
      <Panel
        title="Who was given access"
        description="Each opening and each invitation, newest first"
        isFlush
        actions={mayInvite && partners.length > 0 ? <InviteToPortal partners={partners} first={first} /> : undefined}
      >
        {grants.length === 0 ? (
          <PanelEmpty>Nobody was given access yet.</PanelEmpty>
        ) : (
          <ul>
            {grants.map((grant) => (
              <FactRow
                key={grant.id}
                title={
                  <>
                    <span className="break-all font-medium">{grant.email}</span>
                    <Badge tone={STATES[grant.state].tone} hasDot>
                      {STATES[grant.state].word}
                    </Badge>
                  </>
                }
                facts={
                  <>
                    <span>{grant.kind === "DEEP_LINK" ? "Link" : "Invitation"}</span>
                    <span>{grant.partnerName}</span>
                    <span>{grant.roles.map(roleWord).join(", ")}</span>
                    <span>
                      <DateTime value={grant.createdAt} format="relative" /> by {grant.grantedByName}
                    </span>
                  </>
                }
              >
                {mayInvite && (grant.state === "INVITED" || grant.state === "ACTIVE") ? (
                  <RevokePortal id={grant.id} email={grant.email} mode={ctx.scope.mode} />
                ) : null}
              </FactRow>
            ))}
          </ul>
        )}
      </Panel>
    </Page>
  );
}
