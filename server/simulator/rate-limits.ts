import { SimulatedError } from "./errors";
import type { Account } from "./model";
import type { RateCategory } from "./routing";
import type { Simulator } from "./simulator";

/** Klarna's quotas: calls per second, counted for one Partner account and for the acquirer at once. */

type Quota = { partner: number; acquirer: number };

/** 0: nothing is granted at that level, so that only the other one counts. */
const QUOTAS: Record<RateCategory, Record<"live" | "test", Quota>> = {
  "account-onboarding": { live: { partner: 0, acquirer: 10 }, test: { partner: 0, acquirer: 5 } },
  "payment-authorization": { live: { partner: 50, acquirer: 200 }, test: { partner: 12, acquirer: 50 } },
  "payment-request-management": { live: { partner: 50, acquirer: 200 }, test: { partner: 12, acquirer: 50 } },
  "payment-transaction-capture": { live: { partner: 50, acquirer: 200 }, test: { partner: 12, acquirer: 50 } },
  "payment-transaction-management": { live: { partner: 200, acquirer: 500 }, test: { partner: 50, acquirer: 125 } },
  "payment-presentation": { live: { partner: 50, acquirer: 200 }, test: { partner: 12, acquirer: 50 } },
  "payment-dispute-management": { live: { partner: 20, acquirer: 50 }, test: { partner: 5, acquirer: 12 } },
  settlement: { live: { partner: 0, acquirer: 150 }, test: { partner: 0, acquirer: 37 } },
  "partner-management": { live: { partner: 20, acquirer: 50 }, test: { partner: 5, acquirer: 12 } },
  "onsite-messaging": { live: { partner: 200, acquirer: 500 }, test: { partner: 50, acquirer: 125 } },
};

const CATEGORY_OF_OPERATION: Record<string, RateCategory> = {
  authorize: "payment-authorization",
  authorize_final: "payment-authorization",
  create_request: "payment-request-management",
  read_request: "payment-request-management",
  update_request: "payment-request-management",
  cancel_request: "payment-request-management",
  capture: "payment-transaction-capture",
  read_transaction: "payment-transaction-management",
  update_transaction: "payment-transaction-management",
  refund: "payment-transaction-management",
  void: "payment-transaction-management",
  reauthorize: "payment-transaction-management",
  presentation: "payment-presentation",
};

export function categoryOf(route: { operation: string; category?: RateCategory }): RateCategory {
  return route.category ?? CATEGORY_OF_OPERATION[route.operation] ?? "partner-management";
}

const WINDOW_MS = 1_000;

export type RateLimiter = ReturnType<typeof createRateLimiter>;

export function createRateLimiter(sim: Simulator, clock: () => number = () => performance.now()) {
  let windowAt = 0;
  let counts = new Map<string, number>();

  function used(name: string): number {
    return counts.get(name) ?? 0;
  }

  function headersOf(category: RateCategory, quota: Quota, accountId: string | null): Record<string, string> {
    const levels = [
      ...(accountId !== null && quota.partner > 0
        ? [
            {
              limit: quota.partner,
              name: `account_${category}`,
              left: quota.partner - used(`${accountId} ${category}`),
            },
          ]
        : []),
      { limit: quota.acquirer, name: `psp_${category}`, left: quota.acquirer - used(category) },
    ];
    const nearest = levels.reduce((least, level) => (level.left < least.left ? level : least));
    const policies = levels.map(({ limit, name }) => `${limit};w=1;name="${name}"`).join(",");
    return {
      "x-ratelimit-limit": `${nearest.limit}, ${policies}`,
      "x-ratelimit-remaining": String(Math.max(0, nearest.left)),
      "x-ratelimit-reset": "1",
    };
  }

  return {
    /** Counts a call; gives its headers, or says by throwing that one of its quotas is used up. */
    take(headers: Record<string, string>, category: RateCategory, account: Account | null): void {
      const { rate_limits } = sim.settings();
      if (rate_limits === "off") return;
      const now = clock();
      if (now - windowAt >= WINDOW_MS) {
        windowAt = now;
        counts = new Map();
      }
      const quota = QUOTAS[category][rate_limits];
      const accountId = account?.account_id ?? null;
      const own = `${accountId ?? "-"} ${category}`;
      const isPartnerFull = accountId !== null && quota.partner > 0 && used(own) >= quota.partner;
      const isFull = isPartnerFull || used(category) >= quota.acquirer;
      if (!isFull) {
        if (accountId !== null) counts.set(own, used(own) + 1);
        counts.set(category, used(category) + 1);
      }
      Object.assign(headers, headersOf(category, quota, accountId));
      if (isFull) throw new SimulatedError("RATE_LIMITED");
    },
    /** The headers of a call that is refused by a fault: nothing is left. */
    exhausted(category: RateCategory): Record<string, string> {
      const { rate_limits } = sim.settings();
      const quota = QUOTAS[category][rate_limits === "live" ? "live" : "test"];
      return {
        "x-ratelimit-limit": `${quota.acquirer}, ${quota.acquirer};w=1;name="psp_${category}"`,
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": "1",
      };
    },
  };
}
