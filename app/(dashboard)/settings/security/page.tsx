import type { Metadata } from "next";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Notice } from "@/components/notice";
import { Page, PageHeader } from "@/components/page-header";
import { CrumbLabel } from "@/components/shell/crumb-label";
import { SubNav } from "@/components/sub-nav";
import { Panel } from "@/components/ui/panel";
import { accountOf, getSecurity, proofsOf } from "@/server/auth/security";
import { CONFIRMED_FOR_MS } from "@/server/auth/sessions";
import { requireSession, webContext } from "@/server/auth/web";
import { settingsNav } from "../nav";
import { AuthenticatorApp } from "./authenticator-app";
import { ConfirmIdentity } from "./confirm-identity";
import { Passkeys } from "./passkeys";
import { Password } from "./password";
import { RecoveryCodesPanel } from "./recovery-codes-panel";

export const metadata: Metadata = { title: "Your security" };

export default async function SecurityPage() {
  const ctx = await webContext("sessions:own");
  const session = await requireSession();
  const [security, account] = await Promise.all([getSecurity(ctx, session), accountOf(ctx, session)]);
  const proofs = proofsOf(account);
  const confirmedMs = session.confirmedAt?.getTime() ?? Number.NEGATIVE_INFINITY;
  const isConfirmed = ctx.clock.now().getTime() - confirmedMs <= CONFIRMED_FOR_MS;
  const hasFactor = security.totpSince !== null || security.passkeys.length > 0;
  return (
    <Page isForm>
      <CrumbLabel label="Your security" />
      <PageHeader title="Your security" description="How you sign in. Each change is told to you by mail." />
      <SubNav label="Settings" items={settingsNav(session.user)} />
      {security.isTwoFactorWanted && !hasFactor ? (
        <Notice tone="warn" title="Your role can move money: set up a second step">
          {security.isTwoFactorRequired
            ? "You are asked to at your next sign-in."
            : "This demo lets you in with a password alone. A production installation asks everybody with such a role for a second step."}
        </Notice>
      ) : null}
      {isConfirmed ? null : <ConfirmIdentity proofs={proofs} />}
      <Password hasPassword={security.hasPassword} email={security.email} changedAt={security.passwordChangedAt} />
      <AuthenticatorApp
        since={security.totpSince}
        isConfirmed={isConfirmed}
        isLast={security.isTwoFactorRequired && security.passkeys.length === 0}
      />
      <Passkeys
        passkeys={security.passkeys}
        isConfirmed={isConfirmed}
        isLast={security.isTwoFactorRequired && security.totpSince === null && security.passkeys.length === 1}
      />
      {hasFactor ? <RecoveryCodesPanel left={security.recoveryCodesLeft} isConfirmed={isConfirmed} /> : null}
      {security.identities.length === 0 ? null : (
        <Panel title="Single sign-on" description="Providers that sign you in here">
          <DefinitionList
            items={security.identities.map((identity) => ({
              term: ctx.env.OIDC_NAME,
              value: <span className="break-all">{identity.issuer}</span>,
              hint: (
                <>
                  Since <DateTime value={identity.since} />
                </>
              ),
            }))}
          />
        </Panel>
      )}
    </Page>
  );
}
