import type { Services } from "@/server/context";
import type { Row } from "@/server/db/client";

/** Only one relay at a time: with two, a later event of a subject could be owed before an earlier one is. */
const RELAY_LOCK = 7_402_511_101;
export const RELAY_LIMIT_DEFAULT = 500;

/**
 * Turns waiting events of the outbox into deliveries, in one statement.
 *
 * Takes at most `limit` events in the order of their positions; each enabled endpoint of the event's Partner and mode that
 * subscribes to its type is owed one delivery (`*`, the type itself or its family such as `payment.*`). A test event goes
 * to its own endpoint. Returns how many events were taken and how many deliveries they made; fewer events than `limit`
 * means that nothing waits any more.
 */
export async function relayOutbox(
  services: Pick<Services, "db" | "clock">,
  options: { limit?: number } = {},
): Promise<{ events: number; deliveries: number }> {
  const rows = await services.db.query<Row & { events: number; deliveries: number }>({
    name: "webhooks_relay",
    text: `
      with turn as materialized (select pg_advisory_xact_lock(${RELAY_LOCK})),
      batch as materialized (
        select e.position, e.id, e.partner_id, e.mode, e.type, e.subject_kind, e.subject_id, e.sequence
        from outbox_events e cross join turn where e.relayed_at is null
        order by e.position limit $1 for update of e
      ),
      -- The random part of each delivery's id, one value a row.
      owed as materialized (
        select b.*, w.id as endpoint_id, uuid_send(gen_random_uuid()) as random
        from batch b join webhook_endpoints w on w.partner_id = b.partner_id and w.mode = b.mode
          and w.state = 'ENABLED' and w.deleted_at is null
          and case when b.type = 'webhook_endpoint.test' then w.id = b.subject_id
              else w.events && array['*', b.type, split_part(b.type, '.', 1) || '.*'] end
      ),
      made as (
        insert into webhook_deliveries (id, partner_id, mode, endpoint_id, event_id, event_type, subject_id, sequence, next_attempt_at, created_at, updated_at)
        -- A ULID: the time of the event's own id and 16 characters of chance.
        select 'whd_' || substr(o.id, 5, 10) || (
            select string_agg(substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (get_byte(o.random, i) & 31) + 1, 1), '' order by i) from generate_series(0, 15) i
          ), o.partner_id, o.mode, o.endpoint_id, o.id, o.type, o.subject_id, o.sequence, $2, $2, $2
        from owed o order by o.position, o.endpoint_id
        on conflict (endpoint_id, event_id) do nothing
        returning id
      ),
      done as (update outbox_events e set relayed_at = $2 from batch b where e.position = b.position returning e.position)
      select (select count(*) from done)::int as events, (select count(*) from made)::int as deliveries`,
    values: [options.limit ?? RELAY_LIMIT_DEFAULT, services.clock.now()],
  });
  return rows[0] ?? { events: 0, deliveries: 0 };
}

/** Relays until nothing waits. Returns how many deliveries are now owed more than before. */
export async function relayAll(services: Pick<Services, "db" | "clock">): Promise<number> {
  let deliveries = 0;
  for (;;) {
    const relayed = await relayOutbox(services);
    deliveries += relayed.deliveries;
    if (relayed.events < RELAY_LIMIT_DEFAULT) return deliveries;
  }
}
