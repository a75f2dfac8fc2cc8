import type { Metadata } from "next";
import { AuditPanel } from "@/app/(dashboard)/audit-panel";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { RecentPayments } from "@/app/(dashboard)/recent-payments";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { StatusBadge } from "@/components/display/status-badge";
import { RecordLayout } from "@/components/record-layout";
import { TextLink } from "@/components/text-link";
import { ButtonLink } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { getTerminal } from "@/server/domain/terminals/service";
import { TERMINAL_DEVICE_WORDS } from "@/server/domain/terminals/states";

export const metadata: Metadata = { title: "Terminal" };

const COUNT = new Intl.NumberFormat("en");
const COUNT_MAX = 10_000;

export default async function TerminalPage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("terminals:read");
  const { user } = await requireSession();
  const { id } = await params;
  const terminal = await orNotFound(getTerminal(ctx, id));
  return (
    <RecordLayout
      title={terminal.label}
      crumb={terminal.label}
      badge={<StatusBadge kind="terminal" status={terminal.status} />}
      ids={
        <>
          <Id value={terminal.id} />
          <span className="text-ink-3 text-xs">Reference {terminal.reference}</span>
        </>
      }
      actions={
        can(user, "payments:create") && terminal.status === "ACTIVE" && terminal.canShowQr ? (
          <ButtonLink href={`/take-payment?terminal=${terminal.id}`} variant="primary">
            Take a payment
          </ButtonLink>
        ) : undefined
      }
      main={
        <>
          <RecentPayments ctx={ctx} filter={{ terminal: terminal.id }} href={`/payments?terminal=${terminal.id}`} />
          <AuditPanel ctx={ctx} subject={terminal.id} />
        </>
      }
      facts={
        <Panel title="Facts">
          <DefinitionList
            items={[
              {
                term: "Store",
                value: <TextLink href={`/stores/${terminal.store.id}`}>{terminal.store.name}</TextLink>,
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
            ]}
          />
        </Panel>
      }
    />
  );
}
