import type { ServiceContext } from "@/server/context";
import { newId } from "@/server/core/ids";
import type { Mode } from "@/server/core/schema";
import type { Row, Transaction } from "@/server/db/client";
import { type AuditContext, appendAuditMany } from "@/server/domain/audit/service";
import type { TerminalDevice } from "./states";

/*
 * Terminals of one account written many at a time, three statements whatever their number. The caller holds the account and
 * has checked permission, scope, values and that the stores are the account's.
 */

export type BulkAccount = { partnerId: string; mode: Mode; isDraft: boolean };
export type BulkTerminal = {
  storeId: string;
  reference: string;
  label: string;
  device: TerminalDevice;
  canShowQr: boolean;
};
type Queries = Pick<Transaction, "query">;

/** What a terminal is recognised by within its account. */
export const terminalKey = (terminal: { storeId: string; reference: string }): string =>
  `${terminal.storeId} ${terminal.reference}`;

/** Registers terminals. Answers the id of each that was free, by `terminalKey`; one that is taken is left out. */
export async function insertTerminals(
  tx: Queries,
  ctx: Pick<ServiceContext, "clock">,
  by: AuditContext,
  account: BulkAccount,
  terminals: readonly BulkTerminal[],
): Promise<Map<string, string>> {
  if (terminals.length === 0) return new Map();
  const now = ctx.clock.now();
  const inserted = await tx.query<{ id: string; storeId: string; reference: string; label: string; device: string }>({
    text: `insert into terminals (id, partner_id, mode, store_id, reference, label, device, can_show_qr, status, created_at, updated_at)
      select r.id, $1, $2, r."storeId", r.reference, r.label, r.device, r."canShowQr", $3, $4, $4
      from jsonb_to_recordset($5::jsonb) as r(id text, "storeId" text, reference text, label text, device text, "canShowQr" boolean)
      on conflict (partner_id, mode, store_id, reference) do nothing returning id, store_id as "storeId", reference, label, device`,
    values: [
      account.partnerId,
      account.mode,
      account.isDraft ? "DRAFT" : "ACTIVE",
      now,
      JSON.stringify(terminals.map((terminal) => ({ id: newId("terminal", now.getTime()), ...terminal }))),
    ],
  });
  await appendAuditMany(
    tx,
    by,
    inserted.map((row) => ({
      action: "terminal.created",
      subjectKind: "terminal",
      subjectId: row.id,
      partnerId: account.partnerId,
      mode: account.mode,
      after: { reference: row.reference, label: row.label, device: row.device, store_id: row.storeId },
    })),
  );
  return new Map(inserted.map((row) => [terminalKey(row), row.id]));
}

export type TerminalChange = {
  id: string;
  label: string;
  device: TerminalDevice;
  canShowQr: boolean;
  before: { label: string; device: string; canShowQr: boolean };
};

/** Writes label, device and whether they can show a QR code anew. Klarna hears of a terminal's reference only. */
export async function updateTerminals(
  tx: Queries,
  ctx: Pick<ServiceContext, "clock">,
  by: AuditContext,
  account: BulkAccount,
  changes: readonly TerminalChange[],
): Promise<void> {
  if (changes.length === 0) return;
  await tx.query<Row>({
    text: `update terminals t set label = r.label, device = r.device, can_show_qr = r."canShowQr", version = t.version + 1, updated_at = $3
      from jsonb_to_recordset($4::jsonb) as r(id text, label text, device text, "canShowQr" boolean)
      where t.partner_id = $1 and t.mode = $2 and t.id = r.id`,
    values: [account.partnerId, account.mode, ctx.clock.now(), JSON.stringify(changes)],
  });
  await appendAuditMany(
    tx,
    by,
    changes.map(({ id, before, ...after }) => ({
      action: "terminal.updated",
      subjectKind: "terminal",
      subjectId: id,
      partnerId: account.partnerId,
      mode: account.mode,
      before: { label: before.label, device: before.device, can_show_qr: before.canShowQr },
      after: { label: after.label, device: after.device, can_show_qr: after.canShowQr },
    })),
  );
}
