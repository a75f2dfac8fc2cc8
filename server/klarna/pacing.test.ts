import { describe, expect, it } from "vitest";
import { createPacer, type Pacer, type RateHeaders, readPolicies, type Ticket } from "./pacing";

/* The pacer against a Klarna that counts in windows of a second, both on one clock that only the test moves. */

const ACQUIRER = 50;
const PARTNER = 12;
const LIMIT = `${ACQUIRER}, ${PARTNER};w=1;name="account_payment-authorization",${ACQUIRER};w=1;name="psp_payment-authorization"`;
const USED_UP: RateHeaders = { limit: LIMIT, remaining: "0", reset: "1" };

function world() {
  let now = 1_000;
  let timers: { at: number; run: () => void }[] = [];
  const later = (run: () => void, ms: number) => {
    const timer = { at: now + ms, run };
    timers.push(timer);
    return () => {
      timers = timers.filter((other) => other !== timer);
    };
  };
  return {
    nowMs: () => now,
    later,
    /** Moves the clock, runs what falls due in order, and lets promises settle in between. */
    async run(ms: number) {
      const end = now + ms;
      for (;;) {
        for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
        const next = timers.toSorted((a, b) => a.at - b.at)[0];
        if (!next || next.at > end) break;
        timers = timers.filter((timer) => timer !== next);
        now = Math.max(now, next.at);
        next.run();
      }
      now = end;
    },
  };
}

/** Klarna: fixed windows, both levels, headers of the nearest one. */
function klarna(nowMs: () => number) {
  let windowAt = 0;
  let used = new Map<string, number>();
  const seen = { calls: 0, refused: 0, done: new Map<string, number>() };
  return {
    seen,
    answer(account: string): { status: number; rate: RateHeaders } {
      seen.calls += 1;
      if (nowMs() - windowAt >= 1_000) {
        windowAt = nowMs();
        used = new Map();
      }
      const left = { psp: ACQUIRER - (used.get("psp") ?? 0), own: PARTNER - (used.get(account) ?? 0) };
      const isRefused = left.psp <= 0 || left.own <= 0;
      if (isRefused) seen.refused += 1;
      else {
        used.set("psp", (used.get("psp") ?? 0) + 1);
        used.set(account, (used.get(account) ?? 0) + 1);
        left.psp -= 1;
        left.own -= 1;
        seen.done.set(account, (seen.done.get(account) ?? 0) + 1);
      }
      const nearest = left.psp < left.own ? ACQUIRER : PARTNER;
      return {
        status: isRefused ? 429 : 200,
        rate: {
          limit: LIMIT.replace(/^\d+/, String(nearest)),
          remaining: String(Math.max(0, Math.min(left.psp, left.own))),
          reset: "1",
        },
      };
    },
  };
}

function jain(values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0);
  return sum ** 2 / (values.length * values.reduce((total, value) => total + value ** 2, 0));
}

const ticketOf = async (entered: ReturnType<Pacer["enter"]>): Promise<Ticket> => {
  const place = await entered;
  if (typeof place === "string") throw new Error(`not let in: ${place}`);
  return place;
};

/** A pacer whose lane has just been told that nothing is left. */
async function pacedLane(options: { waitingMax?: number } = {}) {
  const time = world();
  const pacer = createPacer({ inFlightMax: 64, waitingMax: options.waitingMax ?? 100, ...time });
  const first = await ticketOf(pacer.enter("lane", "A", { deadline: 10_000 }));
  expect(first.leave({ status: 429, rate: { ...USED_UP } })).toBe(true);
  return { time, pacer };
}

describe("the pace of calls to Klarna", () => {
  it("R12: 30 s of overload by 10 Partners of very unequal load: within the quota, few 429, all done, and fair", async () => {
    const time = world();
    const pacer = createPacer({ inFlightMax: 64, waitingMax: 2_000, ...time });
    const server = klarna(time.nowMs);
    const end = time.nowMs() + 30_000;
    const failures: string[] = [];
    let started = 0;
    let done = 0;
    const call = async (account: string): Promise<void> => {
      started += 1;
      for (let isAgain = false; ; isAgain = true) {
        const place = await pacer.enter("lane", account, { deadline: time.nowMs() + 60_000, isAgain });
        if (typeof place === "string") return void failures.push(place);
        await new Promise<void>((resolve) => time.later(resolve, 30));
        const answer = server.answer(account);
        place.leave(answer);
        if (answer.status === 200) break;
      }
      done += 1;
    };
    const till = async (account: string): Promise<void> => {
      while (time.nowMs() < end) await call(account);
    };
    // From 2 to 200 tills each.
    const loads = [200, 120, 60, 30, 15, 8, 6, 4, 3, 2];
    loads.forEach((tills, index) => {
      for (let count = 0; count < tills; count += 1) void till(`partner-${index}`);
    });
    await time.run(30_000);
    const { calls, refused } = server.seen;
    const shares = loads.map((_, index) => server.seen.done.get(`partner-${index}`) ?? 0);
    expect(calls).toBeLessThanOrEqual(ACQUIRER * 30 * 1.05);
    // Slower than Klarna allows would be no better.
    expect(calls).toBeGreaterThan(ACQUIRER * 30 * 0.8);
    // The first wave, before anything is known, and nothing like it after that.
    expect(refused).toBeLessThanOrEqual(64);
    expect(jain(shares)).toBeGreaterThanOrEqual(0.95);
    await time.run(60_000);
    expect(failures).toEqual([]);
    expect(done).toBe(started);
    expect(pacer.waiting()).toBe(0);
  });

  it("R12: a quota of one account holds back that account only", async () => {
    const time = world();
    const pacer = createPacer({ inFlightMax: 64, waitingMax: 100, ...time });
    const first = await ticketOf(pacer.enter("lane", "A", { deadline: 10_000 }));
    first.leave({ status: 429, rate: { ...USED_UP, limit: LIMIT.replace(/^50/, "12") } });
    expect(pacer.enter("lane", "A", { deadline: 10_000 })).toBeInstanceOf(Promise);
    let other: unknown = null;
    void Promise.resolve(pacer.enter("lane", "B", { deadline: 10_000 })).then((place) => {
      other = place;
    });
    await time.run(50);
    expect(other).toHaveProperty("leave");
    expect(pacer.waiting()).toBe(1);
  });

  it("R12: who cannot go before its deadline is told so, at the deadline or at once when that is certain", async () => {
    const { time, pacer } = await pacedLane();
    expect(pacer.enter("lane", "A", { deadline: time.nowMs() + 500 })).toBe("rate_limited");
    const told: unknown[] = [];
    for (let count = 0; count < 60; count += 1)
      void Promise.resolve(pacer.enter("lane", `account-${count}`, { deadline: time.nowMs() + 1_500 })).then((place) =>
        told.push(place),
      );
    await time.run(1_500);
    expect(told).toHaveLength(60);
    expect(told.filter((place) => place === "rate_limited").length).toBeGreaterThan(30);
    expect(pacer.waiting()).toBe(0);
  });

  it("R12: the number of waiting calls is bounded, and whoever has most of them gives way", async () => {
    const { time, pacer } = await pacedLane({ waitingMax: 10 });
    const refused: string[] = [];
    const enter = (account: string): void =>
      void Promise.resolve(pacer.enter("lane", account, { deadline: time.nowMs() + 5_000 })).then((place) => {
        if (typeof place === "string") refused.push(account);
      });
    for (let count = 0; count < 30; count += 1) enter("busy");
    await time.run(0);
    expect(pacer.waiting()).toBe(10);
    expect(refused).toHaveLength(20);
    enter("small");
    await time.run(0);
    expect(pacer.waiting()).toBe(10);
    expect(refused).toHaveLength(21);
    expect(refused).not.toContain("small");
  });

  it("R12: another one with a share of the same quota makes it slower, and it regains its speed", async () => {
    const { time, pacer } = await pacedLane();
    const sent = async (ms: number, status: (index: number) => number): Promise<number> => {
      let count = 0;
      const end = time.nowMs() + ms;
      const loop = async (account: string): Promise<void> => {
        while (time.nowMs() < end) {
          const place = await pacer.enter("lane", account, { deadline: time.nowMs() + 60_000 });
          if (typeof place === "string") return;
          count += 1;
          place.leave({ status: status(count), rate: { ...USED_UP } });
        }
      };
      for (let index = 0; index < 10; index += 1) void loop(`account-${index}`);
      await time.run(ms);
      return count;
    };
    await sent(10_000, (index) => (index % 10 === 0 ? 429 : 200));
    await sent(1_000, () => 200);
    const contested = await sent(2_000, () => 200);
    await sent(25_000, () => 200);
    const alone = await sent(2_000, () => 200);
    expect(contested).toBeLessThan(ACQUIRER * 2 * 0.4);
    expect(alone).toBeGreaterThan(ACQUIRER * 2 * 0.75);
    expect(alone).toBeLessThanOrEqual(ACQUIRER * 2);
  });

  it("R12: two processes that share a quota find a pace at which few calls meet a 429", async () => {
    const time = world();
    const server = klarna(time.nowMs);
    const end = time.nowMs() + 30_000;
    const till = async (pacer: Pacer, account: string): Promise<void> => {
      for (let isAgain = false; time.nowMs() < end; ) {
        const place = await pacer.enter("lane", account, { deadline: time.nowMs() + 60_000, isAgain });
        if (typeof place === "string") throw new Error(place);
        await new Promise<void>((resolve) => time.later(resolve, 30));
        isAgain = place.leave(server.answer(account));
      }
    };
    for (let process = 0; process < 2; process += 1) {
      const pacer = createPacer({ inFlightMax: 64, waitingMax: 2_000, ...time });
      for (let index = 0; index < 100; index += 1) void till(pacer, `partner-${index % 10}`);
    }
    await time.run(30_000);
    expect(server.seen.calls).toBeLessThanOrEqual(ACQUIRER * 30 * 1.05);
    expect(server.seen.refused).toBeLessThanOrEqual(server.seen.calls * 0.15);
    expect(server.seen.calls - server.seen.refused).toBeGreaterThan(ACQUIRER * 30 * 0.5);
  });

  it("R12: after a calm time everything passes again, and lanes do not hold back each other", async () => {
    const { time, pacer } = await pacedLane();
    expect(pacer.enter("other lane", "A", { deadline: 10_000 })).toHaveProperty("leave");
    await time.run(6_000);
    for (let count = 0; count < 40; count += 1)
      expect(pacer.enter("lane", "A", { deadline: time.nowMs() + 1_000 })).toHaveProperty("leave");
  });

  it.each([
    [LIMIT, { nearest: 50, account: { limit: 12, windowMs: 1_000 }, acquirer: { limit: 50, windowMs: 1_000 } }],
    ['10, 600;w=60;name="psp_x"', { nearest: 10, account: null, acquirer: { limit: 600, windowMs: 60_000 } }],
    ["7", { nearest: 7, account: null, acquirer: { limit: 7, windowMs: 1_000 } }],
    ["", null],
    ["0", null],
    ["many", null],
  ])("R12: the header %j is read with tolerance", (text, read) => {
    expect(readPolicies(text)).toEqual(read);
  });
});
