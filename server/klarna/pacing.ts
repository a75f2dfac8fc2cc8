/*
 * Keeps to Klarna's quotas once they are reached. Klarna counts calls a second for the Acquiring Partner as a whole and for
 * each Partner account, and says with every answer how many are allowed and how many are left. A lane is the calls that one
 * quota counts. It lets everything pass until an answer says that the quota is used up; from then on calls go out evenly, a
 * little below the quota, and those that have to wait stand in one queue for each Partner account, served in turn, so that
 * a busy Partner does not starve the others. Without waiting calls for a while the lane lets everything pass again.
 *
 * The pace is that of this process alone. Where several processes share a quota each finds its part by slowing down at
 * every 429 that comes in spite of the pace, and by gaining speed while none comes.
 * Source: rate limiting page; headers `X-Ratelimit-Limit`, `-Remaining`, `-Reset`.
 */

/** Of a quota: the rest is for calls that arrive closer together than they were sent. */
const SHARE = 0.92;
const SHARE_MIN = 0.1;
const SLOW_DOWN = 0.8;
/** Regained in each second without a 429. */
const SHARE_PER_SECOND = 0.04;
/** One wave of 429 slows down once. */
const WAVE_MS = 1_000;
/** What a late timer may catch up. */
const LAG_MS = 20;
const CALM_MS = 5_000;
const RESET_DEFAULT_MS = 1_000;
const RESET_MAX_MS = 60_000;

/** The three headers as they came. */
export type RateHeaders = { limit: string; remaining: string | null; reset: string | null };

type Policy = { limit: number; windowMs: number };
type Policies = { nearest: number; account: Policy | null; acquirer: Policy | null };

/** Reads e.g. `40, 40;w=1;name="account_x",100;w=1;name="psp_x"`; null where it says nothing that can be kept to. */
export function readPolicies(text: string): Policies | null {
  const [first, ...rest] = text.split(",");
  const nearest = Number.parseInt(first ?? "", 10);
  if (!(nearest > 0)) return null;
  const read: Policies = { nearest, account: null, acquirer: null };
  for (const item of rest) {
    const [count, ...parameters] = item.split(";").map((part) => part.trim());
    const limit = Number.parseInt(count ?? "", 10);
    if (!(limit > 0)) continue;
    const of = (name: string) => parameters.find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);
    const seconds = Number(of("w") ?? "1");
    const policy = { limit, windowMs: seconds > 0 && seconds <= 3_600 ? seconds * 1_000 : 1_000 };
    const name = of("name")?.replaceAll('"', "") ?? "";
    if (name.startsWith("account_")) read.account = policy;
    else read.acquirer = policy;
  }
  if (read.account === null && read.acquirer === null) read.acquirer = { limit: nearest, windowMs: 1_000 };
  return read;
}

const resetMs = (text: string | null): number => {
  const seconds = Number(text ?? Number.NaN);
  return seconds >= 0 ? Math.min(seconds * 1_000, RESET_MAX_MS) : RESET_DEFAULT_MS;
};

/** One quota: of the lane as a whole or of one account in it. */
type Level = {
  policy: Policy | null;
  inFlight: number;
  blockedUntil: number;
  nextAt: number;
  cutShare: number;
  cutAt: number;
};
type Waiter = { admit(): void; refuse(): void };
type Account = Level & { id: string; waiting: Waiter[] };
type Lane = Level & {
  key: string;
  isPaced: boolean;
  pressedAt: number;
  limitText: string;
  policies: Policies | null;
  accounts: Map<string, Account>;
  /** The accounts with waiting calls, in the order of their turns. */
  turns: Account[];
  waiting: number;
  cancelWake: (() => void) | null;
};

const makeLevel = (): Level => ({
  policy: null,
  inFlight: 0,
  blockedUntil: 0,
  nextAt: 0,
  cutShare: SHARE,
  cutAt: 0,
});

/** Why a call was not let go: the quota is used up, or too many calls are under way. Nothing was sent. */
export const NOT_ADMITTED = ["rate_limited", "overloaded"] as const;
export type NotAdmitted = (typeof NOT_ADMITTED)[number];

/** Leave to send one call. `leave` is due once it ended; it says whether a repeat has to wait for this pacer only. */
export type Ticket = { leave(answer: { status: number; rate: RateHeaders | null } | null): boolean };

export type Pacer = {
  /**
   * Lets one call of an account go: at once where nothing is short, else in its turn, at the latest at `deadline` (on the
   * pacer's clock, ms). A call that comes back after a 429 goes `isAgain` before the others of its account.
   */
  enter(
    lane: string,
    account: string,
    options: { deadline: number; isAgain?: boolean },
  ): Ticket | NotAdmitted | Promise<Ticket | NotAdmitted>;
  /** How many calls wait now. */
  waiting(): number;
  /** Refuses whoever waits. */
  close(): void;
};

export function createPacer(options: {
  /** Calls under way in one lane; more would only wait for a connection, where no pace can reach them. */
  inFlightMax: number;
  /** Calls that wait in one lane. When it is full the account with the most gives way. */
  waitingMax: number;
  nowMs?: () => number;
  /** Runs something later; gives what cancels it. */
  later?: (run: () => void, ms: number) => () => void;
}): Pacer {
  const { inFlightMax, waitingMax, nowMs = () => performance.now() } = options;
  const later =
    options.later ??
    ((run: () => void, ms: number) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    });
  const lanes = new Map<string, Lane>();

  const laneOf = (key: string): Lane => {
    let lane = lanes.get(key);
    if (!lane) {
      lane = {
        ...makeLevel(),
        key,
        isPaced: false,
        pressedAt: 0,
        limitText: "",
        policies: null,
        accounts: new Map(),
        turns: [],
        waiting: 0,
        cancelWake: null,
      };
      lanes.set(key, lane);
    }
    return lane;
  };
  const accountOf = (lane: Lane, id: string): Account => {
    let account = lane.accounts.get(id);
    if (!account) {
      account = { ...makeLevel(), policy: lane.policies?.account ?? null, id, waiting: [] };
      lane.accounts.set(id, account);
    }
    return account;
  };

  const shareOf = (level: Level, now: number): number =>
    Math.min(SHARE, level.cutShare + ((now - level.cutAt) / 1_000) * SHARE_PER_SECOND);
  const readyAt = (level: Level): number =>
    level.policy ? Math.max(level.blockedUntil, level.nextAt) : level.blockedUntil;
  const spend = (level: Level, now: number): void => {
    level.inFlight += 1;
    if (!level.policy) return;
    const spacing = level.policy.windowMs / (level.policy.limit * shareOf(level, now));
    level.nextAt = Math.max(level.nextAt, now - LAG_MS) + spacing;
  };
  const block = (level: Level, until: number): void => {
    level.blockedUntil = Math.max(level.blockedUntil, until);
  };
  const slowDown = (level: Level, now: number): void => {
    if (level.cutAt > 0 && now - level.cutAt < WAVE_MS) return;
    level.cutShare = Math.max(SHARE_MIN, shareOf(level, now) * SLOW_DOWN);
    level.cutAt = now;
  };

  /** What an answer says about the quotas; true where it was refused for one that can be kept to. */
  function learn(lane: Lane, account: Account, status: number, rate: RateHeaders, wasPaced: boolean): boolean {
    if (rate.limit !== lane.limitText) {
      lane.limitText = rate.limit;
      lane.policies = readPolicies(rate.limit);
    }
    const { policies } = lane;
    if (!policies) return false;
    lane.policy = policies.acquirer ?? lane.policy;
    account.policy = policies.account ?? account.policy;
    const nearest: Level[] = [
      ...(policies.account?.limit === policies.nearest ? [account] : []),
      ...(policies.acquirer?.limit === policies.nearest ? [lane] : []),
    ];
    if (nearest.length === 0) nearest.push(account, lane);
    const now = nowMs();
    const isRefused = status === 429;
    const left = Number(rate.remaining ?? Number.NaN);
    // Once paced, a window that ends with nothing left is as it should be.
    const isUsedUp = !lane.isPaced && nearest.some((level) => left <= level.inFlight);
    if (!isRefused && !isUsedUp) return false;
    lane.isPaced = true;
    lane.pressedAt = now;
    for (const level of nearest) {
      block(level, now + resetMs(rate.reset));
      if (isRefused && wasPaced) slowDown(level, now);
    }
    return isRefused;
  }

  function ticketOf(lane: Lane, account: Account): Ticket {
    const now = nowMs();
    spend(lane, now);
    spend(account, now);
    const wasPaced = lane.isPaced;
    let isOver = false;
    return {
      leave(answer) {
        if (isOver) return false;
        isOver = true;
        lane.inFlight -= 1;
        account.inFlight -= 1;
        const isHeld = answer?.rate ? learn(lane, account, answer.status, answer.rate, wasPaced) : false;
        if (lane.waiting > 0) pump(lane);
        if (!lane.isPaced && account.inFlight === 0 && account.waiting.length === 0) lane.accounts.delete(account.id);
        if (!lane.isPaced && lane.inFlight === 0 && lane.waiting === 0) lanes.delete(lane.key);
        return isHeld;
      },
    };
  }

  /** Lets go whoever may go now, and wakes up for the next. */
  function pump(lane: Lane): void {
    lane.cancelWake?.();
    lane.cancelWake = null;
    while (lane.waiting > 0 && lane.inFlight < inFlightMax) {
      const now = nowMs();
      let earliest = lane.isPaced ? readyAt(lane) : now;
      let index = -1;
      if (earliest <= now) {
        index = lane.isPaced ? lane.turns.findIndex((account) => readyAt(account) <= now) : 0;
        if (index < 0) earliest = Math.min(...lane.turns.map(readyAt));
      }
      const account = index < 0 ? undefined : lane.turns.splice(index, 1)[0];
      const waiter = account?.waiting.shift();
      if (!account || !waiter) {
        lane.cancelWake = later(() => pump(lane), Math.max(1, Math.ceil(earliest - now)));
        return;
      }
      lane.waiting -= 1;
      if (account.waiting.length > 0) lane.turns.push(account);
      waiter.admit();
    }
  }

  function remove(lane: Lane, account: Account, waiter: Waiter): void {
    const index = account.waiting.indexOf(waiter);
    if (index < 0) return;
    account.waiting.splice(index, 1);
    lane.waiting -= 1;
    if (account.waiting.length === 0) lane.turns.splice(lane.turns.indexOf(account), 1);
    if (lane.waiting === 0) {
      lane.cancelWake?.();
      lane.cancelWake = null;
    }
  }

  function wait(lane: Lane, account: Account, deadline: number, isAgain: boolean): Promise<Ticket | NotAdmitted> {
    return new Promise((resolve) => {
      const reason = (): NotAdmitted => (lane.isPaced ? "rate_limited" : "overloaded");
      const waiter: Waiter = {
        admit: () => {
          cancel();
          resolve(ticketOf(lane, account));
        },
        refuse: () => {
          cancel();
          remove(lane, account, waiter);
          resolve(reason());
        },
      };
      const cancel = later(waiter.refuse, Math.max(0, deadline - nowMs()));
      if (account.waiting.length === 0) lane.turns.push(account);
      if (isAgain) account.waiting.unshift(waiter);
      else account.waiting.push(waiter);
      lane.waiting += 1;
      pump(lane);
    });
  }

  return {
    enter(key, accountId, { deadline, isAgain = false }) {
      const lane = laneOf(key);
      const now = nowMs();
      if (lane.isPaced && lane.waiting === 0 && now - lane.pressedAt > CALM_MS) {
        lane.isPaced = false;
        for (const [id, { inFlight }] of lane.accounts) if (inFlight === 0) lane.accounts.delete(id);
      }
      const account = accountOf(lane, accountId);
      if (lane.waiting === 0 && lane.inFlight < inFlightMax) {
        if (!lane.isPaced || Math.max(readyAt(lane), readyAt(account)) <= now) return ticketOf(lane, account);
      }
      lane.pressedAt = now;
      if (now >= deadline || (lane.isPaced && Math.max(lane.blockedUntil, account.blockedUntil) >= deadline))
        return lane.isPaced ? "rate_limited" : "overloaded";
      if (lane.waiting >= waitingMax) {
        const longest = lane.turns.reduce((most, other) => (other.waiting.length > most.waiting.length ? other : most));
        if (longest.waiting.length <= account.waiting.length + 1) return lane.isPaced ? "rate_limited" : "overloaded";
        longest.waiting.at(-1)?.refuse();
      }
      return wait(lane, account, deadline, isAgain);
    },
    waiting: () => [...lanes.values()].reduce((sum, lane) => sum + lane.waiting, 0),
    close() {
      for (const lane of lanes.values()) {
        for (const account of [...lane.turns]) for (const waiter of [...account.waiting]) waiter.refuse();
      }
      lanes.clear();
    },
  };
}
