import type { Metadata } from "next";
import { FactRow } from "@/app/(dashboard)/fact-row";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import type { Mode } from "@/components/display/mode-badge";
import { Notice } from "@/components/notice";
import { Page, PageHeader } from "@/components/page-header";
import { SubNav } from "@/components/sub-nav";
import { TextLink } from "@/components/text-link";
import { Badge, type Tone } from "@/components/ui/badge";
import { Panel, PanelEmpty } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import type { AccessView, CredentialItem, CredentialWarning } from "@/server/domain/credentials/schema";
import { getAccess, hasNeed, listCredentials } from "@/server/domain/credentials/service";
import {
  CREDENTIAL_KINDS,
  CREDENTIAL_NEEDS,
  type CredentialKind,
  type CredentialNeed,
  IP_MODE_WORDS,
  KIND_WORDS,
} from "@/server/domain/credentials/states";
import { systemNav } from "../nav";
import {
  ChangeDomains,
  ChangeIpList,
  CreateCredential,
  DisableCredential,
  DisableForeign,
  EnforceCertificate,
  ResumeCredential,
  UseCredential,
} from "./credential-actions";

export const metadata: Metadata = { title: "Credentials" };

const ABOUT: Readonly<Record<CredentialKind, string>> = {
  API_KEY: "Every call to Klarna is made with the one in use. To rotate: create, use, then disable the one before.",
  CLIENT_CERTIFICATE: "Shown in the TLS handshake with Klarna, and what links into Klarna's portal are signed with.",
  CLIENT_IDENTIFIER: "Starts Klarna's SDK in web pages of the domains that it is made for.",
};
const STATES: Readonly<Record<CredentialItem["state"], { tone: Tone; word: string }>> = {
  REQUESTED: { tone: "working", word: "No answer yet" },
  READY: { tone: "info", word: "Ready" },
  ACTIVE: { tone: "neutral", word: "Valid, not used" },
  DISABLED: { tone: "neutral", word: "Disabled" },
  FAILED: { tone: "bad", word: "Refused" },
};

const NEED_WORDS: Readonly<Record<CredentialNeed, string>> = {
  idle: "Only keys that nobody uses",
  old: "Only keys that are old",
  ending: "Only credentials that have ended or end soon",
};

export default async function CredentialsPage({ searchParams }: { searchParams: Promise<Record<string, unknown>> }) {
  const ctx = await webContext("credentials:read");
  const { user } = await requireSession();
  const { needs } = await searchParams;
  const need = CREDENTIAL_NEEDS.find((one) => one === needs);
  const [all, access] = await Promise.all([listCredentials(ctx), getAccess(ctx)]);
  const items = need === undefined ? all : all.filter((item) => hasNeed(item, need));
  const { mode } = ctx.scope;
  const mayChange = can(user, "credentials:write");
  return (
    <Page>
      <PageHeader title="System" description={`What we show to Klarna when we call, in ${mode} mode.`} />
      <SubNav label="System" items={systemNav(user)} />
      <Source access={access} />
      {need === undefined ? null : (
        <Notice
          title={`${NEED_WORDS[need]} are shown: ${items.length} of ${all.length}`}
          action={
            <TextLink href="/system/credentials" className="text-sm">
              Show all
            </TextLink>
          }
        >
          {items.length === 0
            ? "None is any more."
            : "To rotate one: create another for the same purpose, use it, then disable the one before."}
        </Notice>
      )}
      {CREDENTIAL_KINDS.map((kind) => (
        <Panel
          key={kind}
          title={KIND_WORDS[kind].many}
          description={ABOUT[kind]}
          isFlush
          actions={mayChange && access.keySource !== "NONE" ? <CreateCredential kind={kind} mode={mode} /> : undefined}
        >
          <Credentials
            items={items.filter((item) => item.kind === kind)}
            mode={mode}
            mayChange={mayChange}
            isFiltered={need !== undefined}
          />
        </Panel>
      ))}
      <Addresses access={access} mayChange={mayChange} />
      <Certificate access={access} mayChange={mayChange} />
      <Foreign access={access} mayChange={mayChange} />
      <Panel title="Webhook signing keys" description="What Klarna signs its events with">
        <TextLink href="/system/subscription#keys">Open subscription and keys</TextLink>
      </Panel>
      {can(user, "audit:read") ? (
        <Panel title="History" description="Who made, used and disabled what">
          <p className="flex flex-wrap gap-x-6 gap-y-2">
            <TextLink href="/audit?action=klarna_credential">Credentials in the audit</TextLink>
            <TextLink href="/audit?action=klarna_access">Addresses and mutual TLS in the audit</TextLink>
          </p>
        </Panel>
      ) : null}
    </Page>
  );
}

function Source({ access }: { access: AccessView }) {
  if (access.keySource === "NONE")
    return (
      <Notice tone="warn" title={`No API key in ${access.mode} mode`}>
        The first key comes from Klarna by a secure link. Set it as KLARNA_{access.mode.toUpperCase()}_API_KEY and start
        again; all others are made here.
      </Notice>
    );
  return (
    <>
      {access.isReachable ? null : (
        <Notice tone="bad" title="Klarna could not be asked">
          What stands here is what we hold. Look again in a moment.
        </Notice>
      )}
      {access.keySource === "SETTINGS" ? (
        <Notice title="The key of the settings is in use">
          It is the one that Klarna gave at first. Create one here and use it; then disable the first one below.
        </Notice>
      ) : null}
    </>
  );
}

function Credentials({
  items,
  mode,
  mayChange,
  isFiltered,
}: {
  items: readonly CredentialItem[];
  mode: Mode;
  mayChange: boolean;
  isFiltered: boolean;
}) {
  if (items.length === 0) return <PanelEmpty>{isFiltered ? "None of these." : "None made here."}</PanelEmpty>;
  return (
    <ul>
      {items.map((item) => (
        <FactRow
          key={item.id}
          title={
            <>
              <span className="font-medium">{item.purpose}</span>
              <State item={item} />
              {item.warnings.map((warning) => (
                <Badge key={warning.kind} tone="warn">
                  <Warning warning={warning} />
                </Badge>
              ))}
            </>
          }
          facts={
            <>
              {item.hint === null ? null : (
                <span className="break-all font-mono">
                  {item.kind === "CLIENT_IDENTIFIER" ? item.hint : `••••${item.hint}`}
                </span>
              )}
              {item.domains.length === 0 ? null : <span className="break-all">{item.domains.join(", ")}</span>}
              <span>
                made <DateTime value={item.createdAt} format="relative" /> by {item.createdByName}
              </span>
              {item.lastUsedAt === null ? (
                item.kind === "CLIENT_IDENTIFIER" ? null : (
                  <span>never used</span>
                )
              ) : (
                <span>
                  used <DateTime value={item.lastUsedAt} format="relative" />
                </span>
              )}
              {item.expiresAt === null ? null : (
                <span>
                  ends <DateTime value={item.expiresAt} />
                </span>
              )}
              {item.disabledAt === null ? null : (
                <span>
                  disabled <DateTime value={item.disabledAt} format="relative" />
                </span>
              )}
            </>
          }
        >
          {mayChange ? <RowActions item={item} mode={mode} /> : null}
        </FactRow>
      ))}
    </ul>
  );
}

function State({ item }: { item: CredentialItem }) {
  const state =
    item.isInUse || (item.kind === "CLIENT_IDENTIFIER" && item.state === "ACTIVE")
      ? ({ tone: "good", word: item.isInUse ? "In use" : "Active" } as const)
      : STATES[item.state];
  return (
    <Badge tone={state.tone} hasDot>
      {state.word}
    </Badge>
  );
}

function Warning({ warning }: { warning: CredentialWarning }) {
  switch (warning.kind) {
    case "IDLE":
      return <>unused for {warning.days} days: Klarna disables it after 60</>;
    case "OLD":
      return <>{warning.days} days old: rotate it</>;
    case "EXPIRES":
      return (
        <>
          ends <DateTime value={warning.at} format="relative" />
        </>
      );
    case "EXPIRED":
      return <>has ended</>;
  }
}

function RowActions({ item, mode }: { item: CredentialItem; mode: Mode }) {
  const row = { id: item.id, purpose: item.purpose, mode };
  return (
    <div className="flex items-center gap-2">
      {item.state === "REQUESTED" ? <ResumeCredential {...row} /> : null}
      {item.state === "READY" ? <UseCredential {...row} kind={item.kind} /> : null}
      {item.kind === "CLIENT_IDENTIFIER" && item.state === "ACTIVE" ? (
        <ChangeDomains id={item.id} domains={item.domains} />
      ) : null}
      {item.disableFrom === null ? null : <DisableCredential {...row} />}
    </div>
  );
}

function Addresses({ access, mayChange }: { access: AccessView; mayChange: boolean }) {
  return (
    <Panel
      title="Addresses that may call"
      description="Klarna can take our calls from these addresses only"
      actions={
        mayChange && access.ipMode !== null ? (
          <ChangeIpList mode={access.ipMode} addresses={access.ipAddresses} />
        ) : undefined
      }
    >
      <DefinitionList
        items={[
          { term: "Mode", value: access.ipMode === null ? null : IP_MODE_WORDS[access.ipMode] },
          {
            term: "Addresses",
            value: access.ipAddresses.length === 0 ? "None" : access.ipAddresses.join(", "),
            hint:
              access.pendingIp === null
                ? undefined
                : `Changing to ${access.pendingIp.addresses.join(", ")} (${access.pendingIp.mode.toLowerCase()}) within five minutes`,
          },
          {
            term: "Klarna said",
            value: access.lastIpStatus?.toLowerCase() ?? null,
            hint: access.lastIpStatusAt === null ? undefined : <DateTime value={access.lastIpStatusAt} format="both" />,
          },
        ]}
      />
    </Panel>
  );
}

function Certificate({ access, mayChange }: { access: AccessView; mayChange: boolean }) {
  const isValid = access.lastMtlsStatus === "VALID";
  const isEnforced = access.mtls !== null && access.mtls.status !== "NOT_ENFORCED";
  return (
    <Panel
      title="Mutual TLS"
      description="Required of Acquiring Partners: certificate in use, Klarna says valid, then enforce"
      actions={mayChange && isValid && !isEnforced ? <EnforceCertificate mode={access.mode} /> : undefined}
    >
      <DefinitionList
        items={[
          {
            term: "Enforced",
            value: access.mtls === null ? null : access.mtls.status.toLowerCase().replaceAll("_", " "),
            hint: access.mtls?.from ? <DateTime value={access.mtls.from} format="both" /> : undefined,
          },
          {
            term: "Klarna said",
            value: access.lastMtlsStatus?.toLowerCase().replaceAll("_", " ") ?? null,
            hint:
              access.lastMtlsStatusAt === null ? undefined : <DateTime value={access.lastMtlsStatusAt} format="both" />,
          },
        ]}
      />
    </Panel>
  );
}

function Foreign({ access, mayChange }: { access: AccessView; mayChange: boolean }) {
  const active = access.foreign.filter((one) => one.state === "ACTIVE");
  if (active.length === 0) return null;
  return (
    <Panel
      title={`Made elsewhere · ${active.length}`}
      description="Klarna holds them and we do not: the first key, or what somebody made in Klarna's portal."
      isFlush
    >
      <ul>
        {active.map((one) => (
          <FactRow
            key={one.id}
            title={
              <>
                <span className="font-medium">{one.purpose === "" ? "No purpose given" : one.purpose}</span>
                <span className="text-ink-3">{KIND_WORDS[one.kind].one}</span>
              </>
            }
            facts={
              <>
                <Id value={one.id} />
                <span>
                  made <DateTime value={one.createdAt} format="relative" />
                </span>
                {one.lastUsedAt === null ? null : (
                  <span>
                    used <DateTime value={one.lastUsedAt} format="relative" />
                  </span>
                )}
              </>
            }
          >
            {mayChange && !(one.kind === "API_KEY" && access.keySource !== "DATABASE") ? (
              <DisableForeign id={one.id} purpose={one.purpose} mode={access.mode} />
            ) : null}
          </FactRow>
        ))}
      </ul>
    </Panel>
  );
}
