import { createHmac, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { Pool } from "undici";
import type { Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import { createEndpoint, deliverDue, stopDeliveries, wakeDeliveries } from "@/server/domain/webhooks/service";
import { asSystem } from "@/server/testing/builders";
import { quantile } from "./messages";

const ENDPOINTS = 20;
const DELIVERIES = 4_000;
const ROUNDS = 2;
const SENDING = 64;
const HANGING = 2;
const PACED_PER_TICK = 10;
const TICK_MS = 50;
const TICKS = 80;

type Quantiles = { median: number; p99: number };
export type DeliveryFigures = {
  perSecond: { ours: number; floor: number };
  /** Milliseconds from a delivery's row to the receiver, at endpoints that work. */
  othersMs: { usually: Quantiles; whileHanging: Quantiles };
};

async function makeEndpoints(services: Services, partnerId: string, urls: readonly string[]): Promise<string[]> {
  const made: string[] = [];
  for (const url of urls)
    made.push((await createEndpoint(asSystem(services), { url, events: ["*"], ordered: true }, partnerId)).endpoint.id);
  return made;
}

/** Owes each of these endpoints in turn an event that looks like a real payment's. Returns the events' ids. */
async function owe(services: Services, endpointIds: readonly string[], count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => newId("event"));
  await services.db.query({
    name: "bench_owe",
    text: `with sample as (
        select e.* from outbox_events e join payments p on p.id = e.subject_id where p.created_by <> 'floor' order by e.position limit 1
      ), events as (
        insert into outbox_events (id, partner_id, mode, type, version, subject_kind, subject_id, sequence, payload, created_at, relayed_at)
        select i.id, s.partner_id, s.mode, s.type, s.version, s.subject_kind, 'pay_' || substr(i.id, 5), 1, s.payload, now(), now()
        from sample s, unnest($1::text[]) as i(id) returning id, partner_id, mode, type, subject_id, sequence
      )
      insert into webhook_deliveries (id, partner_id, mode, endpoint_id, event_id, event_type, subject_id, sequence, next_attempt_at, created_at, updated_at)
      select 'whd_' || substr(e.id, 5), e.partner_id, e.mode, w.endpoint_id, e.id, e.type, e.subject_id, e.sequence, now(), now(), now()
      from events e join unnest($1::text[], $2::text[]) as w(id, endpoint_id) on w.id = e.id`,
    values: [ids, ids.map((_, index) => endpointIds[index % endpointIds.length] ?? "")],
  });
  return ids;
}

/**
 * The floor: the same deliveries in batches; a body of the stored payload, one HMAC, one POST, and attempt rows and states
 * written for many at a time.
 */
async function sendBare(services: Services, port: number, secret: Buffer): Promise<void> {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: SENDING, pipelining: 1 });
  for (;;) {
    const owed = await services.db.query<{ id: string; payload: unknown }>({
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

/** Both send the same number in turns; of each the best round. */
async function measureRate(
  services: Services,
  endpoints: readonly string[],
  port: number,
): Promise<DeliveryFigures["perSecond"]> {
  const best = { ours: 0, floor: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const side of ["floor", "ours"] as const) {
      await owe(services, endpoints, DELIVERIES);
      await services.db.query({ text: "vacuum analyze webhook_deliveries", values: [] });
      const from = performance.now();
      if (side === "floor") await sendBare(services, port, randomBytes(32));
      else {
        const { sent } = await deliverDue(services, { budgetMs: 60_000 });
        if (sent !== DELIVERIES) throw new Error(`${sent} of ${DELIVERIES} webhooks were sent`);
      }
      best[side] = Math.max(best[side], DELIVERIES / ((performance.now() - from) / 1_000));
    }
  }
  const [rows] = await services.db.query<{ tried: number; owed: number }>({
    text: `select (select count(*) from webhook_attempts a join webhook_deliveries d on d.id = a.delivery_id where d.endpoint_id = any($1))::int as tried,
      (select count(*) from webhook_deliveries where endpoint_id = any($1) and state <> 'DELIVERED')::int as owed`,
    values: [endpoints],
  });
  if (rows?.tried !== 2 * ROUNDS * DELIVERIES || rows.owed !== 0)
    throw new Error(`${rows?.tried} attempt rows, ${rows?.owed} not delivered`);
  return best;
}

/** Deliveries fall due at a steady pace, to all of twenty endpoints alike, while two of them hang or none does. */
async function measureOthers(services: Services, partnerId: string): Promise<DeliveryFigures["othersMs"]> {
  const arrived = new Map<string, number>();
  let isHanging = false;
  const server = createServer((request, response) => {
    const id = String(request.headers["webhook-id"]);
    arrived.set(id, performance.now());
    request.resume();
    request.on("end", () => {
      if (!isHanging || request.url !== "/hangs") response.writeHead(200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  const urls = Array.from(
    { length: ENDPOINTS },
    (_, n) => `http://127.0.0.1:${port}/${n < HANGING ? "hangs" : "works"}`,
  );
  const endpoints = await makeEndpoints(services, partnerId, urls);
  const working = endpoints.slice(HANGING);
  const measure = async (): Promise<Quantiles> => {
    const due = new Map<string, number>();
    for (let tick = 0; tick < TICKS; tick += 1) {
      const fromMs = performance.now();
      for (const id of await owe(
        services,
        [...working].sort(() => Math.random() - 0.5),
        PACED_PER_TICK,
      ))
        due.set(id, fromMs);
      await owe(services, endpoints.slice(0, HANGING), HANGING);
      wakeDeliveries(services);
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    const waits: number[] = [];
    for (const [id, fromMs] of due) {
      for (let tries = 0; !arrived.has(id) && tries < 500; tries += 1)
        await new Promise((resolve) => setTimeout(resolve, 20));
      waits.push((arrived.get(id) ?? Number.POSITIVE_INFINITY) - fromMs);
    }
    return { median: quantile(waits, 0.5), p99: quantile(waits, 0.99) };
  };
  const none: Quantiles = { median: Number.POSITIVE_INFINITY, p99: Number.POSITIVE_INFINITY };
  const found = { usually: none, whileHanging: none };
  const better = (a: Quantiles, b: Quantiles): Quantiles => ({
    median: Math.min(a.median, b.median),
    p99: Math.min(a.p99, b.p99),
  });
  for (let round = 0; round < ROUNDS; round += 1) {
    isHanging = false;
    found.usually = better(found.usually, await measure());
    isHanging = true;
    found.whileHanging = better(found.whileHanging, await measure());
    server.closeAllConnections();
  }
  await stopDeliveries(services, 0);
  server.close();
  server.closeAllConnections();
  return found;
}

/** Webhooks sent a second to twenty endpoints that answer at once, and what two that hang cost the others. Stops sending. */
export async function measureDeliveries(
  services: Services,
  partnerId: string,
  receiverPort: number,
): Promise<DeliveryFigures> {
  const urls = Array.from({ length: ENDPOINTS }, () => `http://127.0.0.1:${receiverPort}/hook`);
  const endpoints = await makeEndpoints(services, partnerId, urls);
  const perSecond = await measureRate(services, endpoints, receiverPort);
  return { perSecond, othersMs: await measureOthers(services, partnerId) };
}
