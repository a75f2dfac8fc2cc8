import { createServer } from "node:https";
import { afterAll, afterEach, beforeAll } from "vitest";
import type { ServiceContext, Services } from "@/server/context";
import type { Row } from "@/server/db/client";
import { createDeliverer, type Deliverer, type DelivererOptions } from "@/server/domain/webhooks/deliver";
import { CreateEndpointSchema } from "@/server/domain/webhooks/schema";
import { createEndpoint } from "@/server/domain/webhooks/service";
import { type Receiver, startReceiver } from "@/server/domain/webhooks/testing";
import { makePartner } from "./builders";
import { asApiKey, type TestServices, testServices } from "./context";
import { makeSelfSigned } from "./self-signed";

export type DeliveryFacts = Row & {
  id: string;
  state: string;
  attempts: number;
  schedule_base: number;
  next_attempt_at: Date | null;
  claimed_until: Date | null;
  event_id: string;
  event_type: string;
};
export type AttemptFacts = Row & { number: number; status: number | null; outcome: string };

/** What tests of webhooks start from: a movable clock, receivers and senders that end with each test. */
export function withWebhooks() {
  let test: TestServices | undefined;
  const closers: Array<() => Promise<void>> = [];
  const deliverers: Deliverer[] = [];

  const started = (): TestServices => {
    if (!test) throw new Error("the test has not started");
    return test;
  };
  const query = <R extends Row>(text: string, values: readonly unknown[] = []): Promise<R[]> =>
    started().services.db.query<R>({ text, values });

  beforeAll(async () => {
    test = await testServices({ simulator: false, clock: "movable", connections: 8 });
  });
  afterEach(async () => {
    await Promise.all(deliverers.splice(0).map((deliverer) => deliverer.stop(0)));
    await Promise.all(closers.splice(0).map((close) => close()));
    // Whatever a test left owed is nobody's business in the next one.
    await query("update webhook_deliveries set state = 'FAILED', next_attempt_at = null where state = 'PENDING'");
    await query("update webhook_replays set state = 'DONE', finished_at = now() where state = 'RUNNING'");
    await query("update webhook_endpoints set notice_due_at = null where notice_due_at is not null");
    await query("update outbox_events set relayed_at = now() where relayed_at is null");
  });
  afterAll(() => test?.close());

  return {
    get test(): TestServices {
      return started();
    },
    get services(): Services {
      return started().services;
    },
    query,
    closeLater(close: () => Promise<void>): void {
      closers.push(close);
    },
    async receiver(): Promise<Receiver> {
      const made = await startReceiver();
      closers.push(() => made.close());
      return made;
    },
    /** Speaks TLS with a certificate that nobody vouches for. `hits` counts the requests that came through. */
    async untrustedReceiver(): Promise<{ url: string; hits: () => number }> {
      let hits = 0;
      const server = createServer(makeSelfSigned("127.0.0.1"), (_request, response) => {
        hits += 1;
        response.end();
      });
      await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
      closers.push(
        () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      );
      const address = server.address();
      return {
        url: `https://127.0.0.1:${typeof address === "object" && address ? address.port : 0}/hook`,
        hits: () => hits,
      };
    },
    deliverer(options: DelivererOptions = {}, services: Services = started().services): Deliverer {
      const made = createDeliverer(services, { random: () => 0.5, timeoutMs: 2_000, ...options });
      deliverers.push(made);
      return made;
    },
    async partner(): Promise<{ id: string; ctx: ServiceContext }> {
      const { partner } = await makePartner(started().services);
      return { id: partner.id, ctx: asApiKey(started().services, { partnerId: partner.id }) };
    },
    async endpoint(
      ctx: ServiceContext,
      url: string,
      more: Record<string, unknown> = {},
    ): Promise<{ id: string; secret: string }> {
      const made = await createEndpoint(ctx, CreateEndpointSchema.parse({ url, events: ["*"], ...more }));
      return { id: made.endpoint.id, secret: made.secret };
    },
    async endpointRow(id: string): Promise<Row> {
      return (await query<Row>("select * from webhook_endpoints where id = $1", [id]))[0] ?? {};
    },
    deliveriesOf: (endpointId: string): Promise<DeliveryFacts[]> =>
      query<DeliveryFacts>("select * from webhook_deliveries where endpoint_id = $1 order by created_at, id", [
        endpointId,
      ]),
    attemptsOf: (deliveryId: string): Promise<AttemptFacts[]> =>
      query<AttemptFacts>("select number, status, outcome from webhook_attempts where delivery_id = $1 order by id", [
        deliveryId,
      ]),
    async auditOf(subjectId: string): Promise<string[]> {
      const rows = await query<Row & { action: string }>(
        "select action from audit_entries where subject_id = $1 order by position",
        [subjectId],
      );
      return rows.map((row) => row.action);
    },
  };
}
