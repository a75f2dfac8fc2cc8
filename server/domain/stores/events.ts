import { type ServiceContext, type Services, systemContext } from "@/server/context";
import { newId } from "@/server/core/ids";
import { MODES } from "@/server/core/schema";
import type { Row } from "@/server/db/client";
import { loadStoreRows, type Queries, type StoreRow, toPublicStore } from "./rows";
import type { PublicStore } from "./schema";

/* What Partners hear of their stores. */

const ANNOUNCED_AT_ONCE = 200;

/** The fields that changed, as they were. */
function previousOf(before: PublicStore, after: PublicStore): Record<string, unknown> {
  return Object.fromEntries(
    (Object.keys(after) as (keyof PublicStore)[])
      .filter((key) => key !== "updated_at" && JSON.stringify(before[key]) !== JSON.stringify(after[key]))
      .map((key) => [key, before[key]]),
  );
}

async function append(
  tx: Queries,
  ctx: ServiceContext,
  type: "store.onboarded" | "store.updated",
  stores: readonly { row: StoreRow; previous: Record<string, unknown> | null }[],
): Promise<void> {
  const now = ctx.clock.now();
  const events = stores.map(({ row, previous }) => ({
    event: newId("event", now.getTime()),
    store: row.id,
    payload: { object: toPublicStore(row), ...(previous === null ? {} : { previous }) },
  }));
  await tx.query<Row>({
    text: `with counted as (update stores set event_sequence = event_sequence + 1 where id = any($1) returning id, partner_id, mode, event_sequence)
      insert into outbox_events (id, partner_id, mode, type, subject_kind, subject_id, sequence, payload, request_id, created_at)
      select e.event, c.partner_id, c.mode, $3, 'store', c.id, c.event_sequence, e.payload, $4, $5
      from jsonb_to_recordset($2::jsonb) as e(event text, store text, payload jsonb) join counted c on c.id = e.store order by e.event`,
    values: [stores.map(({ row }) => row.id), JSON.stringify(events), type, ctx.requestId, now],
  });
}

/** Tells of a change within its transaction. Call `ctx.nudge("outbox")` after the commit. */
export async function appendStoreUpdated(
  tx: Queries,
  ctx: ServiceContext,
  before: PublicStore,
  after: StoreRow,
): Promise<void> {
  await append(tx, ctx, "store.updated", [{ row: after, previous: previousOf(before, toPublicStore(after)) }]);
}

/**
 * Announces stores that Klarna has given an id to, each once, however the id came: with the onboarding, alone, by a check or
 * with a payment. Answers how many were announced.
 */
export async function announceOnboarded(services: Services): Promise<{ announced: number }> {
  let announced = 0;
  for (const mode of MODES) {
    const ctx = systemContext(services, "store-events", mode);
    for (;;) {
      const count = await services.db.transaction(async (tx) => {
        const found = await tx.query<{ id: string }>({
          text: `select id from stores where mode = $1 and klarna_store_id is not null and announced_at is null and status <> 'DRAFT'
            order by id limit $2 for no key update skip locked`,
          values: [mode, ANNOUNCED_AT_ONCE],
        });
        const ids = found.map((row) => row.id);
        if (ids.length === 0) return 0;
        const rows = await loadStoreRows(tx, ctx.scope, ids);
        await append(
          tx,
          ctx,
          "store.onboarded",
          rows.map((row) => ({ row, previous: null })),
        );
        await tx.query<Row>({
          text: "update stores set announced_at = $2 where id = any($1)",
          values: [ids, services.clock.now()],
        });
        return ids.length;
      });
      announced += count;
      if (count < ANNOUNCED_AT_ONCE) break;
    }
  }
  if (announced > 0) services.nudge("outbox");
  return { announced };
}
