import type { Transaction } from "@/server/db/client";
import type { SecretBox } from "@/server/db/secrets";
import { inboxPlace } from "@/server/events/inbox";
import type { History } from "./story";

/* The rows of a played history, written many at a time. */

const ROWS_PER_STATEMENT = 1_000;

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Inserts rows as JSON under their column names: PostgreSQL types them by the table, defaults fill what is not named. */
async function insertRows(
  tx: Transaction,
  table: string,
  rows: readonly object[],
  without: readonly string[] = [],
): Promise<void> {
  const [first] = rows;
  if (!first) return;
  const columns = Object.keys(first)
    .map(snake)
    .filter((column) => !without.includes(column))
    .join(", ");
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
    const chunk = rows
      .slice(start, start + ROWS_PER_STATEMENT)
      .map((row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [snake(key), value])));
    await tx.query({
      text: `insert into ${table} (${columns}) select ${columns} from jsonb_populate_recordset(null::${table}, $1::jsonb)`,
      values: [JSON.stringify(chunk)],
    });
  }
}

const JOINED = [
  "store_reference",
  "store_name",
  "store_address",
  "store_source",
  "store_klarna_id",
  "terminal_reference",
  "terminal_label",
  "partner_name",
  "account_id",
  "clock_ahead_ms",
];

export async function writeHistory(tx: Transaction, secrets: SecretBox, history: History): Promise<void> {
  await insertRows(tx, "payments", history.payments, JOINED);
  await insertRows(tx, "captures", history.captures);
  await insertRows(tx, "refunds", history.refunds, ["store_reference", "terminal_reference"]);
  await insertRows(tx, "klarna_operations", history.operations);
  await insertRows(tx, "klarna_calls", history.calls);
  await insertRows(
    tx,
    "inbox_events",
    history.inbox.map(({ body, ...event }) => ({
      ...event,
      rawBody: `\\x${secrets.sealBytes(Buffer.from(JSON.stringify(body), "utf8"), inboxPlace(event)).toString("hex")}`,
    })),
  );
  await insertRows(tx, "outbox_events", history.events);
  await insertRows(tx, "audit_entries", history.audit);
  await insertRows(
    tx,
    "alarms",
    history.alarms.map((alarm) => ({ clearedAt: null, clearedBy: null, ...alarm })),
  );
}
