import { createHmac, randomBytes } from "node:crypto";
import { Pool } from "undici";
import type { Services } from "@/server/context";
import { createEndpoint, deliverDue, stopDeliveries } from "@/server/domain/webhooks/service";
import { asSystem } from "@/server/testing/builders";

const ENDPOINTS = 40;
const DELIVERIES = 4_000;
const SENDING = 64;

type Owed = { id: string; payload: unknown };

/** Owes the endpoints the events of payments that were taken before. */
async function owe(services: Services, endpointIds: readonly string[], mark: string): Promise<number> {
  const rows = await services.db.query<{ id: string }>({
    text: `with events as (
        select e.id, e.type, e.partner_id, e.mode, e.subject_id, e.sequence, row_number() over (order by e.position) as n
        from outbox_events e join payments p on p.id = e.subject_id where p.created_by <> 'floor' order by e.position limit $3
      )
      insert into webhook_deliveries (id, partner_id, mode, endpoint_id, event_id, event_type, subject_id, sequence, created_at, updated_at)
      select $2 || e.id, e.partner_id, e.mode, ($1::text[])[1 + e.n % cardinality($1::text[])], e.id, e.type, e.subject_id, e.sequence, now(), now()
      from events e returning id`,
    values: [endpointIds, mark, DELIVERIES],
  });
  await services.db.query({ text: "analyze webhook_deliveries", values: [] });
  return rows.length;
}

/**
 * The floor: the same deliveries in batches; a body of the stored payload, one HMAC, one POST, and attempt rows and states
 * written for many at a time.
 */
async function sendBare(services: Services, port: number, secret: Buffer): Promise<void> {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: SENDING, pipelining: 1 });
  for (;;) {
    const owed = await services.db.query<Owed>({
      name: "bare_owed",
      text: `select d.id, e.payload from webhook_deliveries d join outbox_events e on e.id = d.event_id
        where d.state = 'PENDING' limit 512`,
      values: [],
    });
    if (owed.length === 0) break;
    const left = [...owed];
    const lane = async (): Promise<void> => {
      for (let next = left.pop(); next; next = left.pop()) {
        const body = JSON.stringify(next.payload);
        const signature = createHmac("sha256", secret).update(body).digest("base64");
        const answer = await pool.request({
          method: "POST",
          path: "/hook",
          headers: { "content-type": "application/json", "webhook-id": next.id, "webhook-signature": signature },
          body,
        });
        await answer.body.text();
      }
    };
    await Promise.all(Array.from({ length: SENDING }, lane));
    await services.db.query({
      name: "bare_record",
      text: `with moved as (
          update webhook_deliveries set state = 'DELIVERED', attempts = 1, next_attempt_at = null, delivered_at = now(), updated_at = now()
          where id = any($1) returning id, partner_id, mode
        ) insert into webhook_attempts (delivery_id, partner_id, mode, number, status, outcome, duration_ms)
        select id, partner_id, mode, 1, 200, 'delivered', 1 from moved`,
      values: [owed.map(({ id }) => id)],
    });
  }
  await pool.close();
}

/** Webhooks sent a second to forty endpoints that answer at once; null when too few payments were taken before. */
export async function measureDeliveries(
  services: Services,
  partnerId: string,
  receiverPort: number,
): Promise<{ floor: number; ours: number } | null> {
  const make = async (): Promise<string[]> => {
    const made: string[] = [];
    for (let index = 0; index < ENDPOINTS / 2; index += 1) {
      const url = `http://127.0.0.1:${receiverPort}/hook`;
      const input = { url, events: ["*"], ordered: true };
      made.push((await createEndpoint(asSystem(services), input, partnerId)).endpoint.id);
    }
    return made;
  };
  const [first, second] = [await make(), await make()];
  const bare = await owe(services, first, "bare_");
  if (bare < DELIVERIES / 4) return null;
  let from = performance.now();
  await sendBare(services, receiverPort, randomBytes(32));
  const floor = bare / ((performance.now() - from) / 1_000);
  const owed = await owe(services, second, "ours_");
  from = performance.now();
  const { sent } = await deliverDue(services, { budgetMs: 60_000 });
  const ours = sent / ((performance.now() - from) / 1_000);
  await stopDeliveries(services);
  if (sent !== owed) throw new Error(`${sent} of ${owed} webhooks were sent`);
  return { floor, ours };
}
