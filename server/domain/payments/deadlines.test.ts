import { describe, expect, it } from "vitest";
import type { ServiceContext } from "@/server/context";
import { addMs, HOUR_MS, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import type { KlarnaOutcome } from "@/server/klarna/client";
import { KEY_LIFE_MS, type Loaded, newOperation, startDraft } from "./change";
import { applyRequestFacts, finalizeWithoutToken, type RequestFacts } from "./journey";
import type { OperationRow, PaymentRecord } from "./rows";
import { isKeyForgotten, verdictOf } from "./settling";
import { paymentActions, REAUTHORIZE_WITHIN_MS } from "./states";

/* The edges of what is decided by time: what still holds a moment before, and no more from then on. */

const now = new Date("2026-11-21T12:00:00Z");
const justBefore = (at: Date): Date => addMs(at, -1);
const owner = { id: "pay_1", partnerId: "par_1", mode: "test" } as const;
const ctx = { secrets: { seal: (text: string) => `sealed ${text}` } } as unknown as ServiceContext;
const REQUEST = "krn:request:1";
const TOKEN = { kind: "PAYMENT_TOKEN", value: "krn:payment-token:1" } as const;

function waiting(rest: Partial<PaymentRecord> = {}, operations: OperationRow[] = []): Loaded {
  const payment = {
    ...owner,
    ...{
      state: "PENDING",
      klarnaPaymentRequestId: REQUEST,
      klarnaRequestState: "SUBMITTED",
      klarnaRequestStateAt: null,
    },
    ...{ stopMark: null, finalStartedAt: null, finalizeBy: null, journeyCompletedAt: null, lateApprovalState: null },
    ...rest,
  } as unknown as PaymentRecord;
  return { payment, operations, captures: [], refunds: [] };
}
/** The journey was finished before, and no token was told. */
const finished = (rest: Partial<PaymentRecord> = {}, operations: OperationRow[] = []): Loaded =>
  waiting(
    {
      ...{ state: "FINALIZING", klarnaRequestState: "COMPLETED", journeyCompletedAt: now },
      finalizeBy: addMs(now, HOUR_MS),
      ...rest,
    },
    operations,
  );
const said = (rest: Partial<RequestFacts> = {}): RequestFacts => ({
  ...{ requestId: REQUEST, state: "COMPLETED", occurredAt: now, token: TOKEN, isRead: false },
  ...rest,
});
const apply = (loaded: Loaded, facts: RequestFacts, at: Date) => {
  const draft = startDraft(loaded);
  const verdict = applyRequestFacts(ctx, draft, facts, at);
  return { draft, verdict, state: draft.after.state, calls: draft.newOperations.map(({ kind }) => kind) };
};

describe("the 60 minutes of an approval", () => {
  const end = addMs(now, HOUR_MS);

  it("T4: a finished journey is finalized within them, and void from their end on", () => {
    expect(apply(waiting(), said(), justBefore(end))).toMatchObject({
      state: "FINALIZING",
      calls: ["FINAL_AUTHORIZE"],
    });
    const late = apply(waiting(), said(), end);
    expect(late).toMatchObject({ state: "FAILED", calls: [] });
    expect(late.draft.after.failureCode).toBe("approval_lapsed");
    expect(late.draft.alarms.map(({ kind }) => kind)).toEqual(["approval_lapsed"]);
  });

  it("R20: the token alone, told later: finalized within them, and no call is made from their end on", () => {
    expect(apply(finished(), said(), justBefore(end))).toMatchObject({
      state: "FINALIZING",
      calls: ["FINAL_AUTHORIZE"],
    });
    const late = apply(finished(), said(), end);
    expect(late).toMatchObject({ verdict: "applied", state: "FAILED", calls: [] });
    expect(late.draft.after).toMatchObject({ failureCode: "approval_lapsed", finalStartedAt: null });
  });

  it("R20: without a token it waits for one until then", () => {
    const early = startDraft(finished());
    finalizeWithoutToken(early, justBefore(end));
    expect(early.after.state).toBe("FINALIZING");
    const late = startDraft(finished());
    finalizeWithoutToken(late, end);
    expect(late.after).toMatchObject({ state: "FAILED", failureCode: "approval_lapsed" });
  });

  it("one that was sent within them is never given up for the time", () => {
    const sent = startDraft(finished({ finalStartedAt: now }));
    finalizeWithoutToken(sent, addMs(end, HOUR_MS));
    expect(sent.after.state).toBe("FINALIZING");
  });
});

describe("the final call", () => {
  it("is journalled once, however often the token is told", () => {
    const first = apply(waiting(), said(), now);
    expect(first.calls).toEqual(["FINAL_AUTHORIZE"]);
    const { after, newOperations } = first.draft;
    const again = apply({ payment: after, operations: newOperations, captures: [], refunds: [] }, said(), now);
    expect(again).toMatchObject({ verdict: "ignored", calls: [] });
  });

  it.each(["CANCEL", "EXPIRE"] as const)("is not made once the sale is to be stopped (%s)", (stopMark) => {
    const told = apply(waiting({ stopMark }), said(), now);
    expect(told).toMatchObject({ state: "PENDING", calls: ["CANCEL_REQUEST"] });
    expect(told.draft.after.klarnaTokenSecret).toBeUndefined();
    const open = newOperation(owner, "CANCEL_REQUEST", now);
    expect(apply(waiting({ stopMark }, [open]), said(), now).calls).toEqual([]);
    expect(apply(finished({ stopMark }), said(), now)).toMatchObject({ verdict: "ignored", calls: [] });
  });

  it("waits for the answer to a change: both must say the same amount", () => {
    const update = newOperation(owner, "UPDATE", now);
    expect(apply(waiting({}, [update]), said(), now)).toMatchObject({ state: "FINALIZING", calls: [] });
    const settled: OperationRow = { ...update, state: "SUCCEEDED", settledAt: now };
    expect(apply(finished({}, [settled]), said(), now).calls).toEqual(["FINAL_AUTHORIZE"]);
  });
});

describe("R21: between states that are not final", () => {
  const entered = (at: Date): Loaded =>
    waiting({ state: "IN_PROGRESS", klarnaRequestState: "IN_PROGRESS", klarnaRequestStateAt: at });
  const left = (at: Date, isRead = false) => said({ state: "SUBMITTED", occurredAt: at, token: null, isRead });

  it("the newer one holds, of two at once a read decides, and a read is the truth of its moment", () => {
    expect(apply(entered(now), left(justBefore(now)), now)).toMatchObject({ verdict: "ignored", state: "IN_PROGRESS" });
    expect(apply(entered(now), left(now), now)).toMatchObject({ verdict: "tie", state: "IN_PROGRESS" });
    expect(apply(entered(now), left(addMs(now, 1)), now)).toMatchObject({ verdict: "applied", state: "PENDING" });
    expect(apply(entered(now), left(justBefore(now), true), now)).toMatchObject({
      verdict: "applied",
      state: "PENDING",
    });
  });

  it("an end is taken whenever it comes, and nothing after it", () => {
    expect(apply(entered(now), said({ state: "DECLINED", occurredAt: justBefore(now) }), now).state).toBe("DECLINED");
    const over = waiting({ klarnaRequestState: "EXPIRED" });
    expect(apply(over, said({ occurredAt: addMs(now, 1) }), now)).toMatchObject({ verdict: "ignored", calls: [] });
    const other = said({ requestId: "krn:request:2" });
    expect(apply(waiting(), other, now)).toMatchObject({ verdict: "ignored", state: "PENDING" });
  });
});

it("R11: a key is repeated for 23 hours, an hour less than Klarna keeps it, and never after", () => {
  const operation = newOperation(owner, "CAPTURE", now);
  const at = (time: Date) => isKeyForgotten({ clock: { now: () => time } } as ServiceContext, operation);
  expect(KEY_LIFE_MS).toBe(23 * HOUR_MS);
  expect([justBefore(addMs(now, KEY_LIFE_MS)), addMs(now, KEY_LIFE_MS)].map(at)).toEqual([false, true]);
});

it("an authorization can be renewed until 7 days after its end, and from then on it cannot", () => {
  const at = (time: Date) =>
    paymentActions({
      ...{
        state: "AUTHORIZATION_EXPIRED",
        finalStartedAt: null,
        stopMark: null,
        authorizationExpiresAt: now,
        now: time,
      },
      ...{ amountAuthorized: 100, amountCaptured: 0, amountVoided: 0, amountRefundable: 0 },
    }).reauthorize;
  expect(REAUTHORIZE_WITHIN_MS).toBe(7 * 24 * HOUR_MS);
  expect(at(justBefore(addMs(now, REAUTHORIZE_WITHIN_MS)))).toBeNull();
  expect(at(addMs(now, REAUTHORIZE_WITHIN_MS))).toMatch(/within 7 days/);
});

it("R10: a 2xx that does not say what was made proves nothing", () => {
  const answered: KlarnaOutcome = { kind: "answered", status: 200, body: { unexpected: true }, calls: [] };
  const operation = newOperation(owner, "REFUND", now);
  expect(verdictOf(answered, operation, true, addMs(now, SECOND_MS))).toBe("done");
  expect(verdictOf(answered, operation, false, addMs(now, SECOND_MS))).toBe("open");
  expect(verdictOf(answered, { ...operation, state: "UNKNOWN" }, false, addMs(now, MINUTE_MS))).toBe("open");
});
