import type { ReactNode } from "react";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { Id } from "@/components/display/id";
import { StatusBadge } from "@/components/display/status-badge";
import { Notice } from "@/components/notice";
import { Page, PageHeader } from "@/components/page-header";
import { CrumbLabel } from "@/components/shell/crumb-label";
import { SubNav } from "@/components/sub-nav";
import { ButtonLink } from "@/components/ui/button";
import { can, type Permission } from "@/server/auth/permissions";
import type { WebSession } from "@/server/auth/sessions";
import { requireSession, webContext } from "@/server/auth/web";
import type { ServiceContext } from "@/server/context";
import type { PartnerRecord } from "@/server/domain/partners/schema";
import type { AccountRecord } from "@/server/domain/partners/schema-account";
import { getAccountRecord, getPartner } from "@/server/domain/partners/service";
import { LifecycleActions } from "./lifecycle-actions";

export type PartnerPage = {
  ctx: ServiceContext;
  user: WebSession["user"];
  partner: PartnerRecord;
  /** Null where the Partner has none in the mode that is looked at. */
  account: AccountRecord | null;
};

/** What each part of a Partner's record begins with. Who may not see the Partner, or this part of it, has no such page. */
export async function loadPartner(
  params: Promise<{ id: string }>,
  permission: Permission = "partners:read",
): Promise<PartnerPage> {
  const ctx = await webContext(permission);
  const { user } = await requireSession();
  const { id } = await params;
  const partner = await orNotFound(getPartner(ctx, id));
  return { ctx, user, partner, account: await getAccountRecord(ctx, partner.id) };
}

const OPEN = ["DRAFT", "SUBMITTED", "REFUSED", "APPROVED", "ONBOARDING", "ONBOARDED"];

/** Head, what calls for a person, and the ways to the other parts of the record. */
export function PartnerFrame({ page, children }: { page: PartnerPage; children: ReactNode }) {
  const { user, partner, account, ctx } = page;
  const base = `/partners/${partner.id}`;
  const isAcquirer = ctx.scope.partners === "all";
  const isOnboarding = account !== null && OPEN.some((state) => state === account.onboarding);
  const mayDraft = can(user, "partners:draft");
  return (
    <Page>
      <CrumbLabel label={partner.name} />
      <PageHeader
        title={partner.name}
        aside={<StatusBadge kind="partner" status={partner.state} />}
        description={
          <div className="flex flex-wrap items-center gap-x-4 gap-y-0.5">
            <Id value={partner.id} />
            <span className="text-ink-3 text-xs">Reference {partner.reference}</span>
          </div>
        }
        {...(isAcquirer && can(user, "partners:suspend") && partner.state !== "DRAFT" && partner.state !== "CLOSED"
          ? {
              actions: (
                <LifecycleActions
                  partner={{ id: partner.id, name: partner.name, state: partner.state }}
                  hasProduct={partner.accounts.some((one) => one.klarnaPartnerAccountId !== null)}
                />
              ),
            }
          : {})}
      />
      {isOnboarding ? (
        <Notice
          tone="info"
          title={
            account.state === "NOT_ONBOARDED"
              ? "Onboarding is under way."
              : "Klarna has not made the account operational yet."
          }
          action={
            mayDraft ? (
              <ButtonLink href={`${base}/onboarding`} size="sm" variant="primary">
                Go to the onboarding
              </ButtonLink>
            ) : undefined
          }
        >
          {account.state === "NOT_ONBOARDED" ? "Klarna does not know this Partner yet." : "No payments until then."}
        </Notice>
      ) : null}
      {partner.state === "SUSPENDED" || partner.state === "CLOSED" ? (
        <Notice
          tone={partner.state === "CLOSED" ? "info" : "warn"}
          title={partner.state === "CLOSED" ? "Closed: no payments any more." : "Suspended: no new payments."}
        >
          {account?.stateReason ?? undefined}
        </Notice>
      ) : null}
      {account !== null && account.openDecisions > 0 ? (
        <Notice
          tone="bad"
          title={
            account.openDecisions === 1
              ? "Klarna has decided something about this Partner."
              : `Klarna has made ${account.openDecisions} decisions about this Partner.`
          }
          action={
            <ButtonLink href={`${base}/lifecycle`} size="sm">
              Look at it
            </ButtonLink>
          }
        />
      ) : null}
      <SubNav
        label="Parts of the Partner"
        items={[
          { label: "Overview", href: base },
          { label: "Company", href: `${base}/company` },
          { label: "Brands", href: `${base}/brands` },
          ...(can(user, "users:read") ? [{ label: "People", href: `${base}/people` }] : []),
          { label: "In step with Klarna", href: `${base}/klarna` },
          { label: "Lifecycle", href: `${base}/lifecycle` },
          { label: "Settings", href: `${base}/settings` },
          ...(can(user, "audit:read") ? [{ label: "Audit", href: `${base}/audit` }] : []),
        ]}
      />
      {children}
    </Page>
  );
}

/** What a part says when there is no account in the mode that is looked at. */
export function NoAccount({ mode }: { mode: string }) {
  return <p className="py-6 text-center text-ink-3 text-sm">This Partner has no account in {mode} mode.</p>;
}
