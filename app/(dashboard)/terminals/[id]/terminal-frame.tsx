import type { ReactNode } from "react";
import { ConnectionWord } from "@/app/(dashboard)/terminals/terminals-list";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { StatusBadge } from "@/components/display/status-badge";
import { Notice } from "@/components/notice";
import { RecordLayout } from "@/components/record-layout";
import { SubNav } from "@/components/sub-nav";
import { TextLink } from "@/components/text-link";
import { ButtonLink } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import type { WebSession } from "@/server/auth/sessions";
import type { TerminalRecord } from "@/server/domain/terminals/schema";
import { TERMINAL_DEVICE_WORDS } from "@/server/domain/terminals/states";
import { ArchiveTerminal, MoveTerminal, RestoreTerminal, TestQr } from "./terminal-actions";

const COUNT = new Intl.NumberFormat("en");
const COUNT_MAX = 10_000;

/** What all parts of a terminal's record share: head, the way to the other parts, facts. */
export function TerminalFrame({
  terminal,
  user,
  part,
  main,
}: {
  terminal: TerminalRecord;
  user: WebSession["user"];
  /** Which part, for the crumb; the terminal itself without one. */
  part?: string;
  main: ReactNode;
}) {
  const mayWrite = can(user, "terminals:write");
  const isArchived = terminal.status === "ARCHIVED";
  const mayPay = can(user, "payments:create") && terminal.status === "ACTIVE" && terminal.canShowQr;
  return (
    <RecordLayout
      title={terminal.label}
      crumb={part ?? terminal.label}
      badge={
        <>
          <StatusBadge kind="terminal" status={terminal.status} />
          {isArchived ? null : (
            <span className="text-ink-2 text-xs">
              <ConnectionWord connection={terminal.connection} />
            </span>
          )}
        </>
      }
      ids={
        <>
          <Id value={terminal.id} />
          <span className="text-ink-3 text-xs">Reference {terminal.reference}</span>
        </>
      }
      {...(mayPay
        ? {
            actions: (
              <>
                {terminal.mode === "test" ? <TestQr id={terminal.id} /> : null}
                <ButtonLink href={`/till/${terminal.id}`} external>
                  Open the till
                </ButtonLink>
                <ButtonLink href={`/take-payment?terminal=${terminal.id}`} variant="primary">
                  Take a payment
                </ButtonLink>
              </>
            ),
          }
        : {})}
      notice={
        <>
          {terminal.status === "DRAFT" ? (
            <Notice title="Part of the onboarding">Payments are possible once Klarna has taken the Partner.</Notice>
          ) : null}
          <SubNav
            label="Parts of the terminal"
            items={[
              { label: "Terminal", href: `/terminals/${terminal.id}` },
              { label: "Settings", href: `/terminals/${terminal.id}/settings` },
              { label: "History", href: `/terminals/${terminal.id}/history` },
            ]}
          />
        </>
      }
      main={main}
      facts={
        <Panel
          title="Facts"
          {...(mayWrite
            ? {
                actions: isArchived ? (
                  <RestoreTerminal id={terminal.id} label={terminal.label} />
                ) : (
                  <>
                    <ArchiveTerminal id={terminal.id} label={terminal.label} />
                    {can(user, "stores:read") ? (
                      <MoveTerminal
                        id={terminal.id}
                        label={terminal.label}
                        store={terminal.store}
                        partnerId={terminal.partnerId}
                      />
                    ) : null}
                    <ButtonLink href={`/terminals/${terminal.id}/edit`} size="sm">
                      Edit
                    </ButtonLink>
                  </>
                ),
              }
            : {})}
        >
          <DefinitionList
            items={[
              {
                term: "Store",
                value: can(user, "stores:read") ? (
                  <TextLink href={`/stores/${terminal.store.id}`}>{terminal.store.name}</TextLink>
                ) : (
                  terminal.store.name
                ),
                hint: terminal.store.reference,
              },
              {
                term: "Partner",
                value: can(user, "partners:read") ? (
                  <TextLink href={`/partners/${terminal.partnerId}`}>{terminal.partnerName}</TextLink>
                ) : (
                  terminal.partnerName
                ),
              },
              { term: "Device", value: TERMINAL_DEVICE_WORDS[terminal.device] },
              { term: "Shows QR codes", value: terminal.canShowQr ? "Yes" : "No" },
              { term: "Currency", value: terminal.partnerCurrency },
              {
                term: "Last seen",
                value: terminal.lastSeenAt === null ? "Never" : <DateTime value={terminal.lastSeenAt} format="both" />,
              },
              {
                term: "Last payment",
                value:
                  terminal.lastPaymentAt === null ? "None" : <DateTime value={terminal.lastPaymentAt} format="both" />,
              },
              {
                term: "Payments",
                value: terminal.paymentCount >= COUNT_MAX ? "10,000 or more" : COUNT.format(terminal.paymentCount),
              },
              { term: "Registered", value: <DateTime value={terminal.createdAt} /> },
              {
                term: "Archived",
                value: terminal.archivedAt === null ? null : <DateTime value={terminal.archivedAt} />,
                isHidden: terminal.archivedAt === null,
              },
            ]}
          />
        </Panel>
      }
    />
  );
}
