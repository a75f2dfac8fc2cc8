import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createApiKeyVerifier } from "@/server/auth/api-key-verifier";
import { collectApiKey, issueApiKey, issueOrAskApiKey, rotateApiKey } from "@/server/auth/api-keys";
import type { ServiceContext } from "@/server/context";
import { isAppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { DAY_MS, HOUR_MS } from "@/server/core/time";
import { carryOut, decide, sweepApprovals } from "@/server/domain/decisions/service";
import { listMails } from "@/server/domain/mail/service";
import { getOverview } from "@/server/domain/overview/service";
import { CreatePaymentSchema, type PublicPayment } from "@/server/domain/payments/schema";
import { createPayment, executeRefund, refundOrAsk, refundPayment } from "@/server/domain/payments/service";
import { asSystem, type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { asApiKey, type TestServices, testServices } from "@/server/testing/context";
import { asPerson, makePerson } from "@/server/testing/people";
import { canonicalJson, type Json, payloadHash } from "./canonical";
import {
  APPROVAL_LIFE_MS,
  countOpenApprovals,
  getApproval,
  listApprovals,
  saveFourEyesRules,
  withdrawApproval,
} from "./service";

let test: TestServices;
let ours: BuiltPartner;
let theirs: BuiltPartner;
let asker: ServiceContext;
let approver: ServiceContext;

beforeAll(async () => {
  test = await testServices({ clock: "movable" });
  ours = await makePartner(test.services);
  theirs = await makePartner(test.services);
  asker = await asPerson(
    test.services,
    await makePerson(test.services, { role: "PARTNER_ADMIN", partners: [ours.partner.id] }),
  );
  approver = await asPerson(test.services, await makePerson(test.services, { role: "ACQUIRER_FINANCE" }));
});
afterAll(() => test.close());
beforeEach(async () => {
  await rules({ refundLimits: { SEK: 5_000 } });
});

function rules(facts: { refundLimits?: Record<string, number>; apiKeys?: boolean }): Promise<void> {
  return saveFourEyesRules(asSystem(test.services), {
    partnerId: ours.partner.id,
    refundLimits: facts.refundLimits ?? {},
    apiKeys: facts.apiKeys ?? null,
    payoutData: null,
  });
}

/** A payment that is captured: amounts ending in 02 are approved at once. */
function sale(amount = 20_002, built = ours): Promise<PublicPayment> {
  const body = CreatePaymentSchema.parse({
    amount,
    currency: "SEK",
    reference: unique("sale"),
    store: { id: built.store.id },
    terminal: { id: built.terminal.id },
  });
  return createPayment(asApiKey(test.services, { partnerId: built.partner.id }), body);
}

async function askFor(payment: PublicPayment, amount?: number): Promise<string> {
  const outcome = await refundOrAsk(asker, payment.id, amount === undefined ? {} : { amount });
  if (outcome.kind !== "approval") throw new Error("expected to need a second person");
  return outcome.approvalId;
}

async function refusalOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (isAppError(error)) return error.code;
    throw error;
  }
  throw new Error("expected to be refused");
}

async function refundedAtKlarna(payment: PublicPayment): Promise<number> {
  const [transaction] = await test.simulator.control.transactions({ payment_transaction_reference: payment.id });
  if (!transaction) throw new Error("Klarna has no transaction");
  return transaction.refunded_amount;
}

async function trailOf(id: string): Promise<string[]> {
  const rows = await test.services.db.query<{ action: string; reason: string | null }>({
    text: "select action, after->>'reason' as reason from audit_entries where subject_id = $1 order by position",
    values: [id],
  });
  return rows.map((row) => (row.action === "approval.refused" ? `${row.action}: ${row.reason}` : row.action));
}

const yes = { decision: "approve", reason: "" } as const;
const no = { decision: "reject", reason: "Not this one" } as const;

describe("refunds above the limit", () => {
  it("up to the limit one person is enough; above it nothing is sent before a second one agrees, and then it is made once", async () => {
    const payment = await sale();
    expect((await refundOrAsk(asker, payment.id, { amount: 4_000 })).kind).toBe("refund");
    const id = await askFor(payment, 6_000);
    expect(await refundedAtKlarna(payment)).toBe(4_000);
    expect(await getApproval(asker, id)).toMatchObject({
      kind: "REFUND",
      state: "PENDING",
      amount: 6_000,
      currency: "SEK",
      subjectId: payment.id,
      requestedBy: { id: asker.actor.id },
      isIntact: true,
    });
    expect(await decide(approver, id, yes)).toMatchObject({ kind: "refunded", status: "succeeded", amount: 6_000 });
    expect(await refundedAtKlarna(payment)).toBe(10_000);
    expect(await getApproval(asker, id)).toMatchObject({ state: "EXECUTED", decidedBy: { id: approver.actor.id } });
    expect(await trailOf(id)).toEqual(["approval.requested", "approval.approved", "approval.executed"]);
  });

  it("the limit counts what was given back on the payment before: many small refunds are one large", async () => {
    const payment = await sale();
    expect((await refundOrAsk(asker, payment.id, { amount: 3_000 })).kind).toBe("refund");
    expect((await refundOrAsk(asker, payment.id, { amount: 2_001 })).kind).toBe("approval");
    expect((await refundOrAsk(asker, payment.id, { amount: 2_000 })).kind).toBe("refund");
    expect(await refundedAtKlarna(payment)).toBe(5_000);
  });

  it("a Partner's own system needs nobody, nor does a currency without a limit", async () => {
    const payment = await sale();
    const key = asApiKey(test.services, { partnerId: ours.partner.id });
    expect(await refundPayment(key, payment.id, { amount: 9_000 })).toMatchObject({ status: "succeeded" });
    await rules({ refundLimits: { EUR: 1 } });
    expect((await refundOrAsk(asker, payment.id, { amount: 9_000 })).kind).toBe("refund");
  });

  it("a Partner's rule counts before the installation's", async () => {
    await saveFourEyesRules(asSystem(test.services), {
      partnerId: null,
      refundLimits: { SEK: 100 },
      apiKeys: null,
      payoutData: null,
    });
    const [mine, other] = [await sale(), await sale(20_002, theirs)];
    const acquirer = await asPerson(test.services, await makePerson(test.services, { role: "ACQUIRER_OPERATIONS" }));
    expect((await refundOrAsk(acquirer, mine.id, { amount: 4_000 })).kind).toBe("refund");
    expect((await refundOrAsk(acquirer, other.id, { amount: 4_000 })).kind).toBe("approval");
    await saveFourEyesRules(asSystem(test.services), {
      partnerId: null,
      refundLimits: {},
      apiKeys: null,
      payoutData: null,
    });
  });

  it("the same wish twice is one request, asked by ten clicks at once too", async () => {
    const payment = await sale();
    const ids = await Promise.all(Array.from({ length: 10 }, () => askFor(payment)));
    expect(new Set(ids).size).toBe(1);
    expect((await listApprovals(approver, { search: payment.id }, { limit: 10 })).total).toBe(1);
  });

  it("those who may decide get a mail, and who asked hears what came of it", async () => {
    const admin = await asPerson(test.services, await makePerson(test.services, { role: "ACQUIRER_ADMIN" }));
    const stranger = await makePerson(test.services, { role: "PARTNER_ADMIN", partners: [theirs.partner.id] });
    const staff = await makePerson(test.services, { role: "PARTNER_STAFF", partners: [ours.partner.id] });
    const payment = await sale();
    const id = await askFor(payment);
    const told = (await listMails(admin, { search: payment.reference }, { limit: 50 })).items;
    const addresses = await test.services.db.query<{ id: string; email: string }>({
      text: "select id, email from users where id = any($1)",
      values: [[approver.actor.id, asker.actor.id, stranger.id, staff.id]],
    });
    const of = (userId: string): string => addresses.find((row) => row.id === userId)?.email ?? "";
    expect(told.filter(({ kind }) => kind === "approval_requested").map(({ to }) => to)).toContain(
      of(approver.actor.id),
    );
    for (const nobody of [asker.actor.id, stranger.id, staff.id])
      expect(told.map(({ to }) => to)).not.toContain(of(nobody));
    await decide(approver, id, no);
    const answered = (await listMails(admin, { search: payment.reference }, { limit: 50 })).items;
    expect(answered.find(({ kind }) => kind === "approval_decided")?.to).toBe(of(asker.actor.id));
  });

  it("a no needs a reason and sends nothing; a request can be taken back by who asked, and by nobody else", async () => {
    const payment = await sale();
    const id = await askFor(payment);
    expect(await refusalOf(decide(approver, id, { decision: "reject", reason: " " }))).toBe("validation_failed");
    expect(await decide(approver, id, no)).toEqual({ kind: "rejected" });
    expect(await refusalOf(decide(approver, id, yes))).toBe("state_conflict");
    const again = await askFor(payment);
    expect(again).not.toBe(id);
    expect(await refusalOf(withdrawApproval(approver, again))).toBe("not_found");
    await withdrawApproval(asker, again);
    expect(await refusalOf(decide(approver, again, yes))).toBe("state_conflict");
    expect(await refundedAtKlarna(payment)).toBe(0);
  });

  it("what ends in time can no longer be decided or carried out, and the sweep writes it down", async () => {
    const payment = await sale();
    const id = await askFor(payment);
    test.clock.advance(APPROVAL_LIFE_MS + 1);
    expect((await getApproval(asker, id)).state).toBe("EXPIRED");
    expect(await refusalOf(decide(approver, id, yes))).toBe("approval_refused");
    await sweepApprovals(test.services);
    expect(await trailOf(id)).toEqual(["approval.requested", "approval.refused: expired", "approval.expired"]);
    expect(await refundedAtKlarna(payment)).toBe(0);
  });

  it("an approver who is cut off between yes and refund: the sweep makes it, once", async () => {
    const payment = await sale();
    const id = await askFor(payment);
    await test.services.db.query({
      text: "update approvals set state = 'APPROVED', decided_by = $2, decided_at = $3, updated_at = $3 where id = $1",
      values: [id, approver.actor.id, test.clock.now()],
    });
    test.clock.advance(HOUR_MS);
    await Promise.all([sweepApprovals(test.services), sweepApprovals(test.services)]);
    await sweepApprovals(test.services);
    expect(await refundedAtKlarna(payment)).toBe(20_002);
    expect((await getApproval(asker, id)).state).toBe("EXECUTED");
  });

  it("what cannot be done any more stays approved and says why", async () => {
    const payment = await sale();
    const id = await askFor(payment);
    await refundPayment(asApiKey(test.services, { partnerId: ours.partner.id }), payment.id, { amount: 1_000 });
    expect(await decide(approver, id, yes)).toMatchObject({ kind: "not_done", code: "refund_exceeds_captured" });
    expect((await getApproval(asker, id)).state).toBe("APPROVED");
    expect(await refundedAtKlarna(payment)).toBe(1_000);
  });
});

describe("S7: four eyes cannot be closed", () => {
  it("S7: nobody approves what they asked for, whatever they may do; the try is audited", async () => {
    const payment = await sale();
    const id = await askFor(payment);
    expect(await refusalOf(decide(asker, id, yes))).toBe("approval_refused");
    expect((await getApproval(asker, id)).state).toBe("PENDING");
    expect(await trailOf(id)).toEqual(["approval.requested", "approval.refused: self_approval"]);
    await expect(
      test.services.db.query({
        text: "update approvals set state = 'APPROVED', decided_by = requested_by, decided_at = now() where id = $1",
        values: [id],
      }),
    ).rejects.toMatchObject({ code: "23514" });
    expect(await refundedAtKlarna(payment)).toBe(0);
  });

  it("S7: an approval is good for nothing but what was asked for: another amount, payment or key is refused and audited", async () => {
    const [payment, other] = [await sale(), await sale()];
    const id = await askFor(payment, 6_000);
    await test.services.db.query({
      text: "update approvals set state = 'APPROVED', decided_by = $2, decided_at = $3, updated_at = $3 where id = $1",
      values: [id, approver.actor.id, test.clock.now()],
    });
    const { payload } = await getApproval(asker, id);
    const facts = payload as Record<string, string>;
    expect(await refusalOf(refundPayment(asker, payment.id, { amount: 6_001 }, { approvalId: id }))).toBe(
      "approval_refused",
    );
    expect(
      await refusalOf(refundPayment(asker, payment.id, { amount: 6_000, reason: "More" }, { approvalId: id })),
    ).toBe("approval_refused");
    expect(await refusalOf(refundPayment(asker, other.id, { amount: 6_000 }, { approvalId: id }))).toBe(
      "approval_refused",
    );
    expect(await refusalOf(executeRefund(approver, id, { ...facts, amount: 9_999 }))).toBe("approval_refused");
    expect(await refusalOf(collectApiKey(asker, id))).toBe("not_found");
    expect((await trailOf(id)).filter((action) => action === "approval.refused: payload_changed")).toHaveLength(4);
    expect([await refundedAtKlarna(payment), await refundedAtKlarna(other)]).toEqual([0, 0]);
  });

  it("S7: a request that was altered in the database is neither approved nor carried out; the database itself refuses to alter one", async () => {
    const payment = await sale();
    const id = await askFor(payment, 6_000);
    const alter = {
      text: "update approvals set payload = jsonb_set(payload, '{amount}', '20002') where id = $1",
      values: [id],
    };
    await expect(test.services.db.query(alter)).rejects.toMatchObject({ code: "23514" });
    await test.services.db.transaction(async (tx) => {
      await tx.query({ text: "alter table approvals disable trigger approvals_guard", values: [] });
      await tx.query(alter);
      await tx.query({ text: "alter table approvals enable trigger approvals_guard", values: [] });
    });
    expect((await getApproval(approver, id)).isIntact).toBe(false);
    expect(await refusalOf(decide(approver, id, yes))).toBe("approval_refused");
    expect(await trailOf(id)).toContain("approval.refused: payload_changed");
    expect(await refundedAtKlarna(payment)).toBe(0);
  });

  it("S7: an approval is used once: a replay is refused and audited, of twenty at once one refunds", async () => {
    const payment = await sale();
    const id = await askFor(payment, 6_000);
    await decide(approver, id, yes);
    expect(await refusalOf(carryOut(approver, id))).toBe("approval_refused");
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => carryOut(approver, id)));
    expect(results.every(({ status }) => status === "rejected")).toBe(true);
    expect(await trailOf(id)).toContain("approval.refused: replayed");
    expect(await refundedAtKlarna(payment)).toBe(6_000);
  });

  it("S7: an approval that nobody gave carries nothing", async () => {
    const payment = await sale();
    const id = await askFor(payment, 6_000);
    expect(await refusalOf(carryOut(approver, id))).toBe("state_conflict");
    expect(await refusalOf(refundPayment(asker, payment.id, { amount: 6_000 }, { approvalId: id }))).toBe(
      "approval_refused",
    );
    expect(
      await refusalOf(refundPayment(asker, payment.id, { amount: 6_000 }, { approvalId: newId("approval") })),
    ).toBe("approval_refused");
    expect(await refundedAtKlarna(payment)).toBe(0);
  });

  it("S7: what somebody asked for who is disabled by now is not approved", async () => {
    const gone = await makePerson(test.services, { role: "PARTNER_ADMIN", partners: [ours.partner.id] });
    const payment = await sale();
    const outcome = await refundOrAsk(await asPerson(test.services, gone), payment.id, {});
    if (outcome.kind !== "approval") throw new Error("expected to need a second person");
    await test.services.db.query({ text: "update users set state = 'DISABLED' where id = $1", values: [gone.id] });
    expect(await refusalOf(decide(approver, outcome.approvalId, yes))).toBe("approval_refused");
    expect(await trailOf(outcome.approvalId)).toContain("approval.refused: requester_gone");
    expect(await decide(approver, outcome.approvalId, no)).toEqual({ kind: "rejected" });
    expect(await refundedAtKlarna(payment)).toBe(0);
  });

  it("R5: twenty clicks on approve make one refund", async () => {
    const payment = await sale();
    const id = await askFor(payment);
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => decide(approver, id, yes)));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await refundedAtKlarna(payment)).toBe(20_002);
  });

  it("S1: another Partner's people neither see nor decide it; who may not do the thing does not approve it", async () => {
    const payment = await sale();
    const id = await askFor(payment);
    const stranger = await asPerson(
      test.services,
      await makePerson(test.services, { role: "PARTNER_ADMIN", partners: [theirs.partner.id] }),
    );
    expect(await refusalOf(getApproval(stranger, id))).toBe("not_found");
    expect(await refusalOf(decide(stranger, id, yes))).toBe("not_found");
    expect(await refusalOf(carryOut(stranger, id))).toBe("not_found");
    const { items } = await listApprovals(stranger, {}, { limit: 50 });
    expect(items.filter(({ partnerId }) => partnerId !== theirs.partner.id)).toEqual([]);
    const reader = await asPerson(test.services, await makePerson(test.services, { role: "READ_ONLY" }));
    expect(await refusalOf(decide(reader, id, yes))).toBe("permission_denied");
    expect(await countOpenApprovals(reader)).toBe(0);
    expect(await countOpenApprovals(approver)).toBeGreaterThan(0);
    const needs = async (ctx: ServiceContext) =>
      (await getOverview(ctx, { days: 7 })).attention.some(({ kind }) => kind === "pending_approval");
    expect([await needs(approver), await needs(reader), await needs(stranger)]).toEqual([true, false, false]);
    const finance = await issueOrAskApiKey(asker, {
      partnerId: ours.partner.id,
      name: "Key",
      scopes: ["payments:read"],
    });
    expect(finance.kind).toBe("key");
  });
});

describe("API keys", () => {
  const wish = () => ({ partnerId: ours.partner.id, name: unique("key"), scopes: ["payments:read" as const] });

  it("where the rule says so a key needs a second person, and only who asked for it collects it, once", async () => {
    await rules({ apiKeys: true });
    const input = wish();
    expect(await refusalOf(issueApiKey(asker, input))).toBe("approval_required");
    const outcome = await issueOrAskApiKey(asker, input);
    if (outcome.kind !== "approval") throw new Error("expected to need a second person");
    expect(await refusalOf(collectApiKey(asker, outcome.approvalId))).toBe("approval_refused");
    expect(await refusalOf(decide(approver, outcome.approvalId, yes))).toBe("permission_denied");
    const admin = await asPerson(test.services, await makePerson(test.services, { role: "ACQUIRER_ADMIN" }));
    expect(await decide(admin, outcome.approvalId, yes)).toEqual({ kind: "waits_for_requester" });
    expect(await refusalOf(collectApiKey(admin, outcome.approvalId))).toBe("not_found");
    const made = await collectApiKey(asker, outcome.approvalId);
    expect(await refusalOf(collectApiKey(asker, outcome.approvalId))).toBe("approval_refused");
    const verifier = createApiKeyVerifier(test.services);
    expect((await verifier.verify(made.key, null)).keyId).toBe(made.id);
    expect(await getApproval(asker, outcome.approvalId)).toMatchObject({ state: "EXECUTED", resultId: made.id });
  });

  it("S7: a key that was approved and not collected in time is not given out any more", async () => {
    await rules({ apiKeys: true });
    const outcome = await issueOrAskApiKey(asker, wish());
    if (outcome.kind !== "approval") throw new Error("expected to need a second person");
    const admin = await asPerson(test.services, await makePerson(test.services, { role: "ACQUIRER_ADMIN" }));
    await decide(admin, outcome.approvalId, yes);
    test.clock.advance(APPROVAL_LIFE_MS + 1);
    expect(await refusalOf(collectApiKey(asker, outcome.approvalId))).toBe("approval_refused");
    expect(await trailOf(outcome.approvalId)).toContain("approval.refused: expired");
  });

  it("S16: a rotated key and its successor both work for the overlap, then the new one alone", async () => {
    const first = await issueApiKey(asker, { ...wish(), addresses: ["203.0.113.0/24"] });
    const rotated = await rotateApiKey(asker, { id: first.id, overlapHours: 24 });
    if (rotated.kind !== "key") throw new Error("expected a key");
    const verifier = createApiKeyVerifier(test.services);
    expect((await verifier.verify(first.key, "203.0.113.4")).keyId).toBe(first.id);
    expect((await verifier.verify(rotated.key, "203.0.113.4")).keyId).toBe(rotated.id);
    expect(await refusalOf(verifier.verify(rotated.key, "198.51.100.1"))).toBe("address_not_allowed");
    test.clock.advance(DAY_MS + 1);
    expect(await refusalOf(verifier.verify(first.key, "203.0.113.4"))).toBe("key_invalid");
    expect((await verifier.verify(rotated.key, "203.0.113.4")).keyId).toBe(rotated.id);
    expect(await refusalOf(rotateApiKey(asker, { id: first.id, overlapHours: 24 }))).toBe("not_found");
    await verifier.settle();
  });

  it("S1: another Partner's key is not rotated; a person gives a key no scope that they do not hold", async () => {
    const foreign = await issueApiKey(asSystem(test.services), { ...wish(), partnerId: theirs.partner.id });
    expect(await refusalOf(rotateApiKey(asker, { id: foreign.id, overlapHours: 0 }))).toBe("not_found");
    const weak = {
      ...asker,
      actor: {
        ...asker.actor,
        kind: "USER" as const,
        role: "rol",
        partners: [],
        permissions: ["api_keys:write" as const],
      },
    };
    expect(await refusalOf(issueApiKey(weak, wish()))).toBe("role_exceeds_own");
  });
});

describe("the form that is hashed", () => {
  it("does not depend on the order of fields, and on everything else", () => {
    expect(canonicalJson({ b: [1, { d: null, c: "x" }], a: true })).toBe('{"a":true,"b":[1,{"c":"x","d":null}]}');
    expect(payloadHash({ a: 1, b: 2 })).toBe(payloadHash({ b: 2, a: 1 }));
    const values: readonly Json[] = [{ a: 1 }, { a: "1" }, { a: [1] }, { a: null }, {}, { A: 1 }];
    const hashes = values.map((value) => payloadHash(value));
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});
