import type { Metadata } from "next";
import type { ReactNode } from "react";
import { AuditPanel } from "@/app/(dashboard)/audit-panel";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { JsonView } from "@/components/display/json-view";
import { Money, moneyText } from "@/components/display/money";
import { StatusBadge } from "@/components/display/status-badge";
import { Notice } from "@/components/notice";
import { RecordLayout } from "@/components/record-layout";
import { TextLink } from "@/components/text-link";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import type { ApprovalRecord } from "@/server/domain/approvals/schema";
import { getApproval } from "@/server/domain/approvals/service";
import { APPROVAL_KIND_WORDS, APPROVAL_PERMISSIONS } from "@/server/domain/approvals/states";
import { CarryOut, CollectKey, Decide, Withdraw } from "./decide";

export const metadata: Metadata = { title: "Approval" };

const TITLES: Readonly<Record<string, string>> = {
  PENDING: "What will be done",
  APPROVED: "What will be done",
  EXECUTED: "What was done",
};

/** The list of what will be done: names as they stand, texts and numbers in words. */
function payloadFacts(approval: ApprovalRecord): { term: string; value: ReactNode }[] {
  const { payload } = approval;
  if (payload === null || typeof payload !== "object" || Array.isArray(payload)) return [];
  return Object.entries(payload).flatMap(([name, value]): { term: string; value: ReactNode }[] => {
    // Bank data stays sealed; its hints stand beside it.
    if (name === "sealed" || value === null || (Array.isArray(value) && value.length === 0)) return [];
    const term = `${name.charAt(0).toUpperCase()}${name.slice(1).replaceAll("_", " ")}`;
    if (name === "amount" && typeof value === "number" && approval.currency !== null)
      return [{ term, value: <Money amount={value} currency={approval.currency} /> }];
    if (name === "payment" && typeof value === "string")
      return [{ term, value: <TextLink href={`/payments/${value}`}>{value}</TextLink> }];
    if (name.endsWith("_at") && typeof value === "string") return [{ term, value: <DateTime value={value} /> }];
    if (Array.isArray(value) && value.every((item) => typeof item === "string"))
      return [{ term, value: value.join(", ") }];
    if (typeof value === "object") return [{ term, value: <JsonView value={value} label={term} /> }];
    return [{ term, value: String(value) }];
  });
}

export default async function ApprovalPage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("overview:read");
  const { user } = await requireSession();
  const { id } = await params;
  // Who asked may look without the permission to see all; everybody else is told that there is no such thing.
  const approval = await orNotFound(getApproval(ctx, id));
  const isMine = approval.requestedBy.id === user.id;
  const mayDecide = can(user, "approvals:decide") && can(user, APPROVAL_PERMISSIONS[approval.kind]);
  const words =
    approval.amount === null || approval.currency === null
      ? APPROVAL_KIND_WORDS[approval.kind]
      : moneyText(approval.amount, approval.currency);
  const question = {
    id: approval.id,
    summary: approval.summary,
    partner: approval.partnerName,
    mode: ctx.scope.mode,
    requestedBy: approval.requestedBy.name,
    ...(approval.amount === null || approval.currency === null
      ? {}
      : { amount: { amount: approval.amount, currency: approval.currency } }),
  };
  return (
    <RecordLayout
      title={approval.summary}
      crumb={words}
      badge={<StatusBadge kind="approval" status={approval.state} />}
      ids={<Id value={approval.id} />}
      actions={
        <>
          {approval.state === "PENDING" && !isMine && mayDecide ? (
            <Decide {...question} isIntact={approval.isIntact} />
          ) : null}
          {approval.state === "PENDING" && isMine ? <Withdraw {...question} /> : null}
          {approval.state === "APPROVED" && approval.kind !== "API_KEY" && mayDecide ? (
            <CarryOut {...question} />
          ) : null}
          {approval.state === "APPROVED" && approval.kind === "API_KEY" && isMine && can(user, "api_keys:write") ? (
            <CollectKey {...question} />
          ) : null}
        </>
      }
      notice={
        approval.isIntact ? (
          approval.state === "PENDING" && isMine ? (
            <Notice tone="info" title="Somebody else must decide">
              Those who can were told by mail. Nothing is done before one of them agrees.
            </Notice>
          ) : approval.state === "APPROVED" && approval.kind === "API_KEY" ? (
            <Notice tone="info" title="Approved">
              {isMine
                ? "Collect the key here. It is shown once."
                : `${approval.requestedBy.name} collects the key; nobody else sees it.`}
            </Notice>
          ) : approval.state === "APPROVED" ? (
            <Notice tone="warn" title="Approved, and not done yet">
              It is tried again every few minutes until the request ends.
            </Notice>
          ) : undefined
        ) : (
          <Notice tone="bad" title="This is not what was asked for">
            The request was altered after it was written down. It cannot be approved or carried out.
          </Notice>
        )
      }
      main={
        <>
          <Panel
            title={TITLES[approval.state] ?? "What was asked for"}
            {...(approval.state in TITLES ? { description: "Exactly this, and nothing else." } : {})}
          >
            <DefinitionList items={payloadFacts(approval)} />
          </Panel>
          <AuditPanel ctx={ctx} subject={approval.id} />
        </>
      }
      facts={
        <Panel title="Facts">
          <DefinitionList
            items={[
              { term: "Kind", value: APPROVAL_KIND_WORDS[approval.kind] },
              { term: "Partner", value: approval.partnerName },
              { term: "Asked by", value: isMine ? "You" : approval.requestedBy.name },
              { term: "Reason", value: approval.reason },
              { term: "Asked", value: <DateTime value={approval.createdAt} /> },
              { term: "Ends", value: <DateTime value={approval.expiresAt} /> },
              { term: "Decided by", value: approval.decidedBy?.name, isHidden: approval.decidedBy === null },
              {
                term: "Decided",
                value: approval.decidedAt === null ? null : <DateTime value={approval.decidedAt} />,
                hint: approval.decisionReason ?? undefined,
                isHidden: approval.decidedAt === null,
              },
              {
                term: "Done",
                value: approval.executedAt === null ? null : <DateTime value={approval.executedAt} />,
                hint: approval.resultId === null ? undefined : <Id value={approval.resultId} isFull />,
                isHidden: approval.executedAt === null,
              },
            ]}
          />
        </Panel>
      }
    />
  );
}
