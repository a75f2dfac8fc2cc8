import "server-only";
import { parseTableState, type SearchParams } from "@/components/data-table/table-state";
import type { Permission } from "@/server/auth/permissions";
import type { ServiceContext } from "@/server/context";
import { toDecimalString } from "@/server/core/money";
import { listApprovals } from "@/server/domain/approvals/service";
import { AuditFilterSchema } from "@/server/domain/audit/schema";
import { exportAudit } from "@/server/domain/audit/service";
import { listBulkRuns } from "@/server/domain/bulk/service";
import { listImports } from "@/server/domain/imports/service";
import { listInbox } from "@/server/domain/inbox/service";
import { listMails } from "@/server/domain/mail/service";
import { listAlarms, listOperations, listRequests } from "@/server/domain/overview/service";
import { listOnboardings, listPartners } from "@/server/domain/partners/service";
import { listPeople, listRoles } from "@/server/domain/people/service";
import { listStores } from "@/server/domain/stores/service";
import { listTerminals } from "@/server/domain/terminals/service";
import { listEndpointRecords, listEventRecords, listReplays } from "@/server/domain/webhooks/service";
import { auditInput, auditTable } from "../audit/table";
import { requestsInput, requestsTable } from "../developers/requests/table";
import { importsInput, importsTable } from "../imports/table";
import { onboardingInput, onboardingTable } from "../partners/onboarding/table";
import { partnersInput, partnersTable } from "../partners/table";
import { bulkInput, bulkTable } from "../payments/bulk/table";
import { approvalsInput, approvalsTable } from "../settings/approvals/table";
import { usersInput, usersTable } from "../settings/users/table";
import { storesInput, storesTable } from "../stores/table";
import { alarmsInput, alarmsTable } from "../system/alarms/table";
import { mailsInput, mailsTable } from "../system/mails/table";
import { operationsInput, operationsTable } from "../system/operations/table";
import { inboxInput, inboxTable } from "../system/received/table";
import { terminalsInput, terminalsTable } from "../terminals/table";
import { webhookChoices } from "../webhooks/choices";
import { eventsInput, eventsTable } from "../webhooks/events/table";
import { replaysInput, replaysTable } from "../webhooks/replays/table";
import { endpointsInput, endpointsTable } from "../webhooks/table";
import type { Cell } from "./stream";

/*
 * Every list as a file: the same permission, the same filter and sort, and all of its rows, read page by page. Payments and
 * webhook deliveries have routes of their own.
 */

const PAGE_ROWS = 500;

type Page<Row> = { items: readonly Row[]; nextCursor: string | null };
export type ExportList = {
  permission: Permission;
  head: readonly string[];
  pages: (ctx: ServiceContext, params: SearchParams, signal: AbortSignal) => AsyncGenerator<Cell[][]>;
};

function exported<Row, Input extends { cursor: string | null; limit: number }>(options: {
  permission: Permission;
  columns: Readonly<Record<string, (row: Row) => Cell>>;
  /** The question that the address asks, without a place in the list. */
  ask: (ctx: ServiceContext, params: SearchParams) => Promise<Input> | Input;
  read: (ctx: ServiceContext, input: Input) => Promise<Page<Row>>;
}): ExportList {
  const reads = Object.values(options.columns);
  return {
    permission: options.permission,
    head: Object.keys(options.columns),
    async *pages(ctx, params, signal) {
      const input = await options.ask(ctx, params);
      let cursor: string | null = null;
      do {
        const page: Page<Row> = await options.read(ctx, { ...input, limit: PAGE_ROWS, cursor });
        yield page.items.map((row) => reads.map((read) => read(row)));
        cursor = page.nextCursor;
      } while (cursor !== null && !signal.aborted);
    },
  };
}

const decimal = (amount: number | null, currency: string | null): string | null =>
  amount === null || currency === null ? null : toDecimalString({ amount, currency });

export const EXPORT_LISTS: ReadonlyMap<string, ExportList> = new Map<string, ExportList>([
  [
    "partners",
    exported({
      permission: "partners:read",
      ask: (_ctx, params) => partnersInput(parseTableState(partnersTable, params)),
      read: (ctx, input) => listPartners(ctx, input.filter, input),
      columns: {
        partner_id: (row) => row.id,
        reference: (row) => row.reference,
        name: (row) => row.name,
        country: (row) => row.country,
        currency: (row) => row.currency,
        state: (row) => row.state.toLowerCase(),
        account_state: (row) => row.account?.state.toLowerCase(),
        product_state: (row) => row.account?.productState.toLowerCase(),
        klarna_partner_account_id: (row) => row.account?.klarnaPartnerAccountId,
        stores: (row) => row.storeCount,
        terminals: (row) => row.terminalCount,
        created_at: (row) => row.createdAt,
      },
    }),
  ],
  [
    "onboarding",
    exported({
      permission: "partners:read",
      ask: (_ctx, params) => onboardingInput(parseTableState(onboardingTable, params)),
      read: (ctx, input) => listOnboardings(ctx, input.filter, input),
      columns: {
        onboarding_id: (row) => row.id,
        partner_id: (row) => row.partnerId,
        partner: (row) => row.partnerName,
        reference: (row) => row.partnerReference,
        country: (row) => row.country,
        state: (row) => row.state.toLowerCase(),
        partner_may_edit: (row) => (row.partnerMayEdit ? "yes" : "no"),
        submitted_at: (row) => row.submittedAt,
        updated_at: (row) => row.updatedAt,
        created_at: (row) => row.createdAt,
      },
    }),
  ],
  [
    "stores",
    exported({
      permission: "stores:read",
      ask: (_ctx, params) => storesInput(parseTableState(storesTable, params)),
      read: (ctx, input) => listStores(ctx, input.filter, input),
      columns: {
        store_id: (row) => row.id,
        reference: (row) => row.reference,
        name: (row) => row.name,
        type: (row) => row.type.toLowerCase(),
        status: (row) => row.status.toLowerCase(),
        opening_state: (row) => row.openingState.toLowerCase(),
        source: (row) => row.source.toLowerCase(),
        partner_id: (row) => row.partnerId,
        partner: (row) => row.partnerName,
        store_group: (row) => row.storeGroup?.name,
        brand: (row) => row.brand?.name,
        postal_code: (row) => row.postalCode,
        city: (row) => row.city,
        country: (row) => row.country,
        url: (row) => row.url,
        klarna_store_id: (row) => row.klarnaStoreId,
        terminals: (row) => row.terminalCount,
        terminals_with_qr: (row) => row.qrTerminalCount,
        created_at: (row) => row.createdAt,
      },
    }),
  ],
  [
    "terminals",
    exported({
      permission: "terminals:read",
      ask: (_ctx, params) => terminalsInput(parseTableState(terminalsTable, params)),
      read: (ctx, input) => listTerminals(ctx, input.filter, input),
      columns: {
        terminal_id: (row) => row.id,
        store: (row) => row.store.reference,
        store_name: (row) => row.store.name,
        reference: (row) => row.reference,
        label: (row) => row.label,
        device: (row) => row.device.toLowerCase(),
        can_show_qr: (row) => (row.canShowQr ? "yes" : "no"),
        status: (row) => row.status.toLowerCase(),
        last_seen_at: (row) => row.lastSeenAt,
        partner_id: (row) => row.partnerId,
        partner: (row) => row.partnerName,
        created_at: (row) => row.createdAt,
      },
    }),
  ],
  [
    "users",
    exported({
      permission: "users:read",
      ask: async (ctx, params) => usersInput(parseTableState(usersTable(await listRoles(ctx)), params)),
      read: (ctx, input) => listPeople(ctx, input.filter, input),
      columns: {
        user_id: (row) => row.id,
        email: (row) => row.email,
        name: (row) => row.name,
        state: (row) => row.state.toLowerCase(),
        role: (row) => row.role.name,
        partners: (row) => row.partners.map((partner) => partner.name).join("; "),
        two_factor: (row) => (row.hasTwoFactor ? "yes" : "no"),
        last_seen_at: (row) => row.lastSeenAt,
        created_at: (row) => row.createdAt,
      },
    }),
  ],
  [
    "audit",
    exported({
      permission: "audit:export",
      ask: (_ctx, params) => auditInput(parseTableState(auditTable, params)),
      read: (ctx, input) => exportAudit(ctx, AuditFilterSchema.parse(input.filter), input),
      columns: {
        created_at: (row) => row.createdAt,
        entry_id: (row) => row.id,
        action: (row) => row.action,
        subject_kind: (row) => row.subjectKind,
        subject: (row) => row.subjectId,
        actor_kind: (row) => row.actorKind.toLowerCase(),
        actor_id: (row) => row.actorId,
        actor: (row) => row.actorName,
        way: (row) => row.way.toLowerCase(),
        request_id: (row) => row.requestId,
        partner_id: (row) => row.partnerId,
        partner: (row) => row.partnerName,
        mode: (row) => row.mode,
        before: (row) => (row.before === null ? null : JSON.stringify(row.before)),
        after: (row) => (row.after === null ? null : JSON.stringify(row.after)),
      },
    }),
  ],
  [
    "approvals",
    exported({
      permission: "approvals:read",
      ask: (_ctx, params) => approvalsInput(parseTableState(approvalsTable, params)),
      read: (ctx, input) => listApprovals(ctx, input.filter, input),
      columns: {
        approval_id: (row) => row.id,
        kind: (row) => row.kind.toLowerCase(),
        state: (row) => row.state.toLowerCase(),
        summary: (row) => row.summary,
        amount: (row) => decimal(row.amount, row.currency),
        currency: (row) => row.currency,
        partner_id: (row) => row.partnerId,
        partner: (row) => row.partnerName,
        subject: (row) => row.subjectId,
        reason: (row) => row.reason,
        requested_by: (row) => row.requestedBy.name,
        decided_by: (row) => row.decidedBy?.name,
        decided_at: (row) => row.decidedAt,
        decision_reason: (row) => row.decisionReason,
        executed_at: (row) => row.executedAt,
        created_at: (row) => row.createdAt,
      },
    }),
  ],
  [
    "requests",
    exported({
      permission: "request_log:read",
      ask: (_ctx, params) => requestsInput(parseTableState(requestsTable, params)),
      read: (ctx, input) => listRequests(ctx, input.filter, input),
      columns: {
        created_at: (row) => row.createdAt,
        request_id: (row) => row.id,
        method: (row) => row.method,
        path: (row) => row.path,
        status: (row) => row.status,
        duration_ms: (row) => row.durationMs,
        api_key_id: (row) => row.apiKeyId,
        api_key: (row) => row.apiKeyName,
        address: (row) => row.address,
        partner_id: (row) => row.partnerId,
        partner: (row) => row.partnerName,
      },
    }),
  ],
  [
    "bulk-runs",
    exported({
      permission: "payments:read",
      ask: (_ctx, params) => bulkInput(parseTableState(bulkTable, params)),
      read: (ctx, input) => listBulkRuns(ctx, input.filter, input),
      columns: {
        run_id: (row) => row.id,
        kind: (row) => row.kind.toLowerCase(),
        source: (row) => row.source.toLowerCase(),
        file: (row) => row.fileName,
        state: (row) => row.state.toLowerCase(),
        rows: (row) => row.rowCount,
        partner_id: (row) => row.partnerId,
        partner: (row) => row.partnerName,
        by: (row) => row.createdByName,
        created_at: (row) => row.createdAt,
        started_at: (row) => row.startedAt,
        ended_at: (row) => row.finishedAt,
        note: (row) => row.note,
      },
    }),
  ],
  [
    "imports",
    exported({
      permission: "imports:write",
      ask: (_ctx, params) => importsInput(parseTableState(importsTable, params)),
      read: (ctx, input) => listImports(ctx, input.filter, input),
      columns: {
        import_id: (row) => row.id,
        kind: (row) => row.kind.toLowerCase(),
        state: (row) => row.state.toLowerCase(),
        file: (row) => row.fileName,
        partner_id: (row) => row.partnerId,
        partner: (row) => row.partnerName,
        rows: (row) => row.rowCount,
        ready: (row) => row.validCount,
        with_errors: (row) => row.invalidCount,
        done: (row) => row.doneCount,
        failed: (row) => row.failedCount,
        uploaded_by: (row) => row.createdByName ?? row.createdBy,
        created_at: (row) => row.createdAt,
        finished_at: (row) => row.finishedAt,
      },
    }),
  ],
  [
    "alarms",
    exported({
      permission: "system:read",
      ask: (_ctx, params) => alarmsInput(parseTableState(alarmsTable, params)),
      read: (ctx, input) => listAlarms(ctx, input.filter, input),
      columns: {
        raised_at: (row) => row.createdAt,
        alarm_id: (row) => row.id,
        kind: (row) => row.kind,
        message: (row) => row.message,
        subject: (row) => row.subjectId,
        partner_id: (row) => row.partnerId,
        partner: (row) => row.partnerName,
        cleared_at: (row) => row.clearedAt,
      },
    }),
  ],
  [
    "klarna-operations",
    exported({
      permission: "system:read",
      ask: (_ctx, params) => operationsInput(parseTableState(operationsTable, params)),
      read: (ctx, input) => listOperations(ctx, input.filter, input),
      columns: {
        opened_at: (row) => row.createdAt,
        operation_id: (row) => row.id,
        kind: (row) => row.kind.toLowerCase(),
        state: (row) => row.state.toLowerCase(),
        payment_id: (row) => row.paymentId,
        partner: (row) => row.partnerName,
        attempts: (row) => row.attempts,
        klarna_error_code: (row) => row.klarnaErrorCode,
        result: (row) => row.result,
        settled_at: (row) => row.settledAt,
      },
    }),
  ],
  [
    "klarna-events",
    exported({
      permission: "klarna_events:read",
      ask: (_ctx, params) => inboxInput(parseTableState(inboxTable, params)),
      read: (ctx, input) => listInbox(ctx, input.filter, input),
      columns: {
        received_at: (row) => row.createdAt,
        id: (row) => row.id,
        event_id: (row) => row.eventId,
        type: (row) => row.eventType,
        state: (row) => row.state.toLowerCase(),
        attempts: (row) => row.attempts,
        note: (row) => row.note,
        payment_id: (row) => row.paymentId,
        klarna_payment_request_id: (row) => row.paymentRequestId,
        klarna_payment_transaction_id: (row) => row.paymentTransactionId,
        occurred_at: (row) => row.occurredAt,
        processed_at: (row) => row.processedAt,
      },
    }),
  ],
  [
    "mails",
    exported({
      permission: "mails:read",
      ask: (_ctx, params) => mailsInput(parseTableState(mailsTable, params)),
      read: (ctx, input) => listMails(ctx, input.filter, input),
      columns: {
        created_at: (row) => row.createdAt,
        mail_id: (row) => row.id,
        kind: (row) => row.kind,
        to: (row) => row.to,
        subject: (row) => row.subject,
        state: (row) => row.state.toLowerCase(),
        attempts: (row) => row.attempts,
        failure: (row) => row.failure,
        partner: (row) => row.partnerName,
        sent_at: (row) => row.sentAt,
      },
    }),
  ],
  [
    "webhook-endpoints",
    exported({
      permission: "webhooks:read",
      ask: async (ctx, params) => endpointsInput(parseTableState(endpointsTable(await webhookChoices(ctx)), params)),
      read: (ctx, input) => listEndpointRecords(ctx, input.filter, input),
      columns: {
        endpoint_id: (row) => row.id,
        url: (row) => row.url,
        status: (row) => row.status,
        disabled_reason: (row) => row.disabled_reason,
        events: (row) => row.events.join(" "),
        description: (row) => row.description,
        ordered: (row) => (row.ordered ? "yes" : "no"),
        failing_since: (row) => row.failing_since,
        partner_id: (row) => row.partner_id,
        partner: (row) => row.partner_name,
        created_at: (row) => row.created_at,
      },
    }),
  ],
  [
    "webhook-events",
    exported({
      permission: "webhooks:read",
      ask: async (ctx, params) => {
        const choices = await webhookChoices(ctx);
        return eventsInput(parseTableState(eventsTable(choices), params), choices);
      },
      read: (ctx, input) => listEventRecords(ctx, input.filter, input),
      columns: {
        created_at: (row) => row.created_at,
        event_id: (row) => row.id,
        type: (row) => row.type,
        about: (row) => row.subject,
        sequence: (row) => row.sequence,
        partner_id: (row) => row.partner_id,
        partner: (row) => row.partner_name,
      },
    }),
  ],
  [
    "webhook-replays",
    exported({
      permission: "webhooks:read",
      ask: (_ctx, params) => ({ filter: {}, ...replaysInput(parseTableState(replaysTable, params)) }),
      read: (ctx, input) => listReplays(ctx, input.filter, input),
      columns: {
        created_at: (row) => row.created_at,
        replay_id: (row) => row.id,
        status: (row) => row.status,
        expected: (row) => row.expected,
        replayed: (row) => row.replayed,
        skipped: (row) => row.skipped,
        endpoint_id: (row) => row.endpoint,
        endpoint_url: (row) => row.endpoint_url,
        partner_id: (row) => row.partner_id,
        partner: (row) => row.partner_name,
        finished_at: (row) => row.finished_at,
      },
    }),
  ],
]);
