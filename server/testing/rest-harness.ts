import { afterAll, beforeAll, expect } from "vitest";
import { newId } from "@/server/core/ids";
import { createRest, type Rest } from "@/server/rest/run";
import { type BuiltPartner, makePartner } from "./builders";
import { type TestServices, testServices } from "./context";
import { callRest, makeKey, type RestAnswer, type RestCall } from "./rest";

/* The REST API of a test file over the simulator, with a Partner in the US and a key of its own that may do everything. */

export const PAYMENTS = "/api/v1/payments";

type Body = Record<string, unknown>;

export function restHarness() {
  let test: TestServices;
  let rest: Rest;
  let own: BuiltPartner;
  let key: string;

  beforeAll(async () => {
    test = await testServices({ connections: 8 });
    rest = createRest(test.services);
    own = await makePartner(test.services, { country: "US", currency: "USD" });
    key = (await makeKey(test.services, own.partner.id)).key;
  });
  afterAll(async () => {
    await rest.close();
    await test.close();
  });

  /** The body of a sale at the till that waits for its customer: 118.00. */
  const sale = (fields: Body = {}, partner = own): Body => ({
    amount: 11_800,
    currency: "USD",
    reference: newId("request"),
    store: { reference: partner.store.reference },
    terminal: { reference: partner.terminal.reference },
    ...fields,
  });
  const post = (target: string, options: RestCall = {}) => callRest(rest, "POST", target, { key, ...options });
  return {
    get test() {
      return test;
    },
    get rest() {
      return rest;
    },
    get own() {
      return own;
    },
    get key() {
      return key;
    },
    sale,
    post,
    get: (target: string, options: RestCall = {}) => callRest(rest, "GET", target, { key, ...options }),
    pay: async (fields: Body = {}) => {
      const answer = await post(PAYMENTS, { body: sale(fields) });
      expect([201, 202], answer.text).toContain(answer.status);
      return answer.json as {
        id: string;
        status: string;
        klarna: { payment_request_id: string; qr_code: { target_url: string } };
      };
    },
    /** How many rows there are of everything that a call about a payment may write. */
    counts: () =>
      test.services.db.query({
        text: "select (select count(*) from payments) p, (select count(*) from klarna_operations) o, (select count(*) from idempotent_answers) i, (select count(*) from outbox_events) e, (select count(*) from refunds) r",
        values: [],
      }),
  };
}

/** The problem that a refused call is answered with. */
export const problem = (answer: RestAnswer) =>
  answer.json as {
    code: string;
    detail: string;
    status: number;
    type: string;
    request_id: string;
    errors?: { pointer: string }[];
  };
