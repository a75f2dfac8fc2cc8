import { afterAll, beforeAll, expect, it } from "vitest";
import type { ServiceContext, Services } from "@/server/context";
import { checkDrift, getDraft, listKlarnaChanges, saveBrand, syncPartners } from "@/server/domain/partners/service";
import type { KlarnaOutcome, KlarnaRequest } from "@/server/klarna/client";
import { unique } from "@/server/testing/builders";
import { asUser, type TestServices, testServices } from "@/server/testing/context";
import { onboardPartner } from "@/server/testing/onboarding";

let test: TestServices;
beforeAll(async () => {
  test = await testServices();
});
afterAll(() => test.close());

const admin = () => asUser(test.services, "ACQUIRER_ADMIN");
const brand = (reference: string, name: string) => ({
  reference,
  name,
  website: null,
  logoUrl: "https://static.example/logo.png",
  iconUrl: null,
  featureImageUrl: null,
});

/** Services whose calls to Klarna pass through `fault`, which may lose an answer or make one up. */
function faulty(
  fault: (request: KlarnaRequest, real: () => Promise<KlarnaOutcome>) => Promise<KlarnaOutcome>,
): Services {
  const { klarna } = test.services;
  return {
    ...test.services,
    klarna: { ...klarna, call: (request, options) => fault(request, () => klarna.call(request, options)) },
  };
}

async function drain(partnerId: string, services: Services = test.services): Promise<void> {
  await test.services.db.query({
    text: "update partner_accounts set klarna_free_at = null where partner_id = $1",
    values: [partnerId],
  });
  await test.services.db.query({
    text: "update klarna_changes set next_attempt_at = now() - interval '1 second' where partner_id = $1 and next_attempt_at is not null",
    values: [partnerId],
  });
  await syncPartners(services, { partnerId, paceMs: 0 });
}

async function changesOf(ctx: ServiceContext, partnerId: string) {
  return (await listKlarnaChanges(ctx, partnerId)).filter((change) => change.kind !== "ONBOARD").reverse();
}

it("a change whose answer is lost holds back those behind it and is made once", async () => {
  const ctx = admin();
  const { partnerId } = await onboardPartner(test.services, test.simulator.url, { reference: unique("lost") });
  await saveBrand(ctx, partnerId, brand("first", "First"));
  await saveBrand(ctx, partnerId, brand("second", "Second"));
  const keys: (string | undefined)[] = [];
  const services = faulty(async (request, real) => {
    if (request.method !== "POST") return real();
    keys.push(request.idempotencyKey);
    const outcome = await real();
    return { kind: "unknown", reason: "UND_ERR_SOCKET", calls: outcome.calls };
  });
  await drain(partnerId, services);
  expect((await changesOf(ctx, partnerId)).map((change) => change.state)).toEqual(["UNKNOWN", "PENDING"]);
  await drain(partnerId, services);
  expect(new Set(keys).size).toBe(1);
  expect(keys.length).toBe(2);
  await drain(partnerId);
  expect((await changesOf(ctx, partnerId)).map((change) => change.state)).toEqual(["DONE", "DONE"]);
  expect(await checkDrift(ctx, partnerId)).toMatchObject({ open: 0 });
});

it("what Klarna has under our reference already is taken for ours, not made again", async () => {
  const ctx = admin();
  const { partnerId, accountId } = await onboardPartner(test.services, test.simulator.url, {
    reference: unique("there"),
  });
  await saveBrand(ctx, partnerId, brand("there", "There"));
  const answer = await fetch(`${test.simulator.url}/v2/accounts/${encodeURIComponent(accountId)}/brands`, {
    method: "POST",
    headers: {
      authorization: `Basic ${test.simulator.apiKey}`,
      "content-type": "application/json",
      "klarna-idempotency-key": crypto.randomUUID(),
    },
    body: JSON.stringify({ brand_reference: "there", display_name: "There" }),
  });
  expect(answer.status).toBe(201);
  const made = (await answer.json()) as { brand_id: string };
  await drain(partnerId);
  expect((await changesOf(ctx, partnerId)).map((change) => change.state)).toEqual(["DONE"]);
  const known = (await getDraft(ctx, partnerId)).brands.find((one) => one.reference === "there");
  expect(known?.klarnaId).toBe(made.brand_id);
});

it("a key that Klarna does not take loses no change: it goes out when the key is right, under a new idempotency key", async () => {
  const ctx = admin();
  const { partnerId } = await onboardPartner(test.services, test.simulator.url, { reference: unique("key") });
  await saveBrand(ctx, partnerId, brand("late", "Late"));
  const keys: (string | undefined)[] = [];
  await drain(
    partnerId,
    faulty(async (request) => {
      keys.push(request.idempotencyKey);
      const error = { status: 401, code: "UNAUTHORIZED", errorId: null, message: null, fields: [] };
      return { kind: "refused", error, calls: [] };
    }),
  );
  expect((await changesOf(ctx, partnerId)).map((change) => change.state)).toEqual(["PENDING"]);
  await drain(
    partnerId,
    faulty((request, real) => {
      if (request.method === "POST") keys.push(request.idempotencyKey);
      return real();
    }),
  );
  expect((await changesOf(ctx, partnerId)).map((change) => change.state)).toEqual(["DONE"]);
  expect(new Set(keys).size).toBe(2);
});

it("changes of an account that is not operational wait and are not lost", async () => {
  const ctx = admin();
  const { partnerId, accountId } = await onboardPartner(test.services, test.simulator.url, {
    reference: unique("waits"),
  });
  const state = (to: string) =>
    fetch(`${test.simulator.url}/_control/accounts/${encodeURIComponent(accountId)}/state`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ state: to }),
    });
  // Ours has not heard of it yet: the refusal itself tells.
  await state("DISABLED");
  await saveBrand(ctx, partnerId, brand("waiting", "Waiting"));
  await drain(partnerId);
  expect((await changesOf(ctx, partnerId)).map((change) => change.state)).toEqual(["PENDING"]);
  expect((await getDraft(ctx, partnerId)).accountState).toBe("DISABLED");
  // Known by now, it is not asked in vain again, however long it lasts.
  const due = () =>
    test.services.db.query({
      text: "update klarna_changes set next_attempt_at = now() where partner_id = $1 and next_attempt_at is not null",
      values: [partnerId],
    });
  const tries = async () => (await listKlarnaChanges(ctx, partnerId)).map(({ attempts }) => attempts);
  const before = await tries();
  await due();
  await drain(partnerId);
  expect(await tries()).toEqual(before);
  await state("OPERATIONAL");
  await test.services.db.query({
    text: "update partner_accounts set state = 'OPERATIONAL' where partner_id = $1",
    values: [partnerId],
  });
  await drain(partnerId);
  expect((await changesOf(ctx, partnerId)).map((change) => change.state)).toEqual(["DONE"]);
});

it("two workers never send one change twice, and one account gets about one call a second", async () => {
  const ctx = admin();
  const { partnerId } = await onboardPartner(test.services, test.simulator.url, { reference: unique("pace") });
  for (const name of ["Alpha", "Beta", "Gamma"]) await saveBrand(ctx, partnerId, brand(name.toLowerCase(), name));
  await test.services.db.query({
    text: "update partner_accounts set klarna_free_at = null where partner_id = $1",
    values: [partnerId],
  });
  const sent = await Promise.all([1, 2, 3, 4].map(() => syncPartners(test.services, { partnerId, paceMs: 60_000 })));
  expect(sent.reduce((sum, one) => sum + one.sent, 0)).toBe(1);
  expect((await changesOf(ctx, partnerId)).map((change) => change.state)).toEqual(["DONE", "PENDING", "PENDING"]);
});
