import { afterAll, afterEach, beforeAll, expect } from "vitest";
import type { ServiceContext, Services } from "@/server/context";
import { isAppError } from "@/server/core/errors";
import { SECOND_MS } from "@/server/core/time";
import { processInbox } from "@/server/domain/inbox/service";
import { checkInvariants } from "@/server/domain/invariants";
import type { OperationRow } from "@/server/domain/payments/rows";
import { type CreatePaymentInput, CreatePaymentSchema, type PublicPayment } from "@/server/domain/payments/schema";
import { advanceDuePayments, createPayment, getPayment } from "@/server/domain/payments/service";
import { type BuiltPartner, makePartner, unique } from "./builders";
import { asApiKey, type TestServices, testServices } from "./context";
import { receiveKlarnaWebhooks, type WebhookReceiver } from "./klarna-webhooks";

/** An amount that the simulator's Klarna leaves to the customer. */
export const STEP_UP = { amount: 11_850 } as const;

/** The events about a thing, in the order in which they were written. */
export async function eventsOf(services: Services, subject: string): Promise<string[]> {
  const rows = await services.db.query<{ type: string }>({
    text: "select type from outbox_events where subject_id = $1 order by sequence",
    values: [subject],
  });
  return rows.map((row) => row.type);
}
/** The alarms about a thing that nobody has cleared, oldest first. */
export async function openAlarmsOf(services: Services, subject: string): Promise<string[]> {
  const rows = await services.db.query<{ kind: string }>({
    text: "select kind from alarms where subject_id = $1 and cleared_at is null order by raised_at",
    values: [subject],
  });
  return rows.map((row) => row.kind);
}
/** The journal of a payment's calls to Klarna, oldest first. */
export function journalOf(
  services: Services,
  paymentId: string,
): Promise<Pick<OperationRow, "kind" | "state" | "result" | "attempts">[]> {
  return services.db.query({
    text: "select kind, state, result, attempts from klarna_operations where payment_id = $1 order by opened_at, id",
    values: [paymentId],
  });
}

/** Waits until calls that were held back after so many lost answers may be tried again. */
export async function letThrough(services: Services): Promise<void> {
  if (services.klarna.breakers().some(({ state }) => state === "open"))
    await new Promise((resolve) => setTimeout(resolve, 2_100));
}

/*
 * A test file's payments against the simulator, for what comes after a payment. Klarna's webhooks come over HTTP through the
 * product's own listener; background work runs when it is asked to. After each test every invariant holds.
 */
export function paymentHarness(options: { environment?: Readonly<Record<string, string>>; connections?: number } = {}) {
  let test: TestServices;
  let webhooks: WebhookReceiver;
  let partner: BuiltPartner;
  let ctx: ServiceContext;

  beforeAll(async () => {
    test = await testServices({
      clock: "movable",
      connections: options.connections ?? 6,
      environment: { KLARNA_TIMEOUT_MS: "1500", ...options.environment },
    });
    webhooks = await receiveKlarnaWebhooks(test.services, test.simulator);
    await freshPartner();
  });
  afterAll(async () => {
    await webhooks.close();
    await test.close();
  });
  afterEach(async () => {
    webhooks.release();
    await test.simulator.control.clearFaults();
    await settleWebhooks();
    expect(
      (await checkInvariants(test.services.db)).filter((result) => result.broken > 0),
      "INV",
    ).toEqual([]);
  });

  /** A Partner of its own from now on: its account, faults and health at Klarna are nobody else's. */
  async function freshPartner(): Promise<void> {
    partner = await makePartner(test.services);
    ctx = asApiKey(test.services, { partnerId: partner.partner.id });
  }
  /** Waits until Klarna's webhooks are in and worked off. */
  async function settleWebhooks(): Promise<void> {
    for (let turn = 0; turn < 2; turn += 1) {
      await test.simulator.control.idle();
      await processInbox(test.services);
    }
  }
  async function passTime(ms: number): Promise<void> {
    test.clock.advance(ms);
    await test.simulator.control.advance(ms);
  }
  /** Lets time go by in steps, as the sweeper sees it. */
  async function sweepFor(ms: number, stepMs = 10 * SECOND_MS): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      await passTime(Math.min(stepMs, ms - passed));
      await advanceDuePayments(test.services);
    }
  }
  const create = (overrides: Partial<CreatePaymentInput> = {}): Promise<PublicPayment> =>
    createPayment(
      ctx,
      CreatePaymentSchema.parse({
        amount: 10_002,
        currency: "SEK",
        reference: unique("order"),
        store: { id: partner.store.id },
        terminal: { id: partner.terminal.id },
        ...overrides,
      }),
    );
  const transactionsOf = (id: string) => test.simulator.control.transactions({ payment_transaction_reference: id });
  async function transactionOf(id: string) {
    const [transaction, ...more] = await transactionsOf(id);
    if (!transaction || more.length > 0) throw new Error(`${id} has ${more.length + 1} transactions`);
    return transaction;
  }
  return {
    get test() {
      return test;
    },
    get services(): Services {
      return test.services;
    },
    get control() {
      return test.simulator.control;
    },
    get webhooks() {
      return webhooks;
    },
    get partner() {
      return partner;
    },
    get ctx() {
      return ctx;
    },
    freshPartner,
    settleWebhooks,
    passTime,
    sweepFor,
    create,
    /** Waits for its customer: 118.50. */
    pending: async (overrides: Partial<CreatePaymentInput> = {}): Promise<string> => {
      const payment = await create({ ...STEP_UP, ...overrides });
      expect(payment.status).toBe("pending");
      return payment.id;
    },
    /** Approved at once, everything left to capture: 100.02. */
    authorized: async (overrides: Partial<CreatePaymentInput> = {}): Promise<string> => {
      const payment = await create({ capture: "manual", ...overrides });
      expect(payment.status).toBe("authorized");
      return payment.id;
    },
    /** Approved at once and captured: 100.02. */
    completed: async (overrides: Partial<CreatePaymentInput> = {}): Promise<string> => {
      const payment = await create(overrides);
      expect(payment.status).toBe("completed");
      return payment.id;
    },
    transactionsOf,
    transactionOf,
    read: (id: string) => getPayment(ctx, id),
    requestOf: async (id: string): Promise<string> => {
      const { klarna } = await getPayment(ctx, id);
      if (klarna.payment_request_id === null) throw new Error("no payment request");
      return klarna.payment_request_id;
    },
    /** Takes every payment so far out of the sweep: their tests are over, and later ones need not spend time on them. */
    async retire(): Promise<void> {
      await test.services.db.query({
        text: "update payments set next_action_at = '2999-01-01', version = version + 1 where next_action_at is not null",
        values: [],
      });
    },
    letThrough: () => letThrough(test.services),
    /** Calls at Klarna's own door, past us: what somebody does in its portal. */
    async atKlarna(id: string, path: string, body: unknown = {}, method = "POST"): Promise<Response> {
      const { payment_transaction_id: transaction } = await transactionOf(id);
      return fetch(
        `${test.simulator.url}/v2/accounts/${partner.account.id}/payment/transactions/${transaction}${path}`,
        {
          method,
          headers: { authorization: `Basic ${test.simulator.apiKey}`, "content-type": "application/json" },
          body: JSON.stringify(body),
        },
      );
    },
    eventsOf: (subject: string) => eventsOf(test.services, subject),
    openAlarmsOf: (subject: string) => openAlarmsOf(test.services, subject),
    journalOf: (id: string) => journalOf(test.services, id),
    operationsOf: (id: string, kind: string): Promise<Pick<OperationRow, "state" | "result" | "attempts">[]> =>
      test.services.db.query({
        text: "select state, result, attempts from klarna_operations where payment_id = $1 and kind = $2 order by epoch",
        values: [id, kind],
      }),
    /** Every call of one kind that reached Klarna about this payment, and the keys it came with. */
    async callsOf(id: string, operation: string): Promise<{ count: number; keys: Set<string | null> }> {
      const { payment_transaction_id: transaction } = await transactionOf(id);
      const calls = (await test.simulator.control.calls({ account: partner.account.id, limit: "10000" })).filter(
        (call) => call.operation === operation && decodeURIComponent(JSON.stringify(call)).includes(transaction),
      );
      return { count: calls.length, keys: new Set(calls.map((call) => call.idempotency_key)) };
    },
  };
}
export type PaymentHarness = ReturnType<typeof paymentHarness>;

/** The code that a call is refused with; fails where it is not refused. */
export async function refusalOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (isAppError(error)) return error.code;
    throw error;
  }
  throw new Error("was not refused");
}
