import { z } from "zod";
import { judge } from "./crash-judge";
import type { Instance } from "./instance";
import {
  type Answer,
  codeOf,
  createTill,
  FINAL_STATUSES,
  openReceiver,
  pause,
  type ShopPayment,
  ShopPaymentSchema,
  type Till,
  until,
} from "./shop";

/*
 * The product under load while its processes are killed without notice. A Partner's till takes payments, customers finish
 * or do not, cashiers cancel and give back; meanwhile gateway, web, engine and PostgreSQL get `kill -9` at random moments.
 * Afterwards every payment is compared with Klarna's books, and every event that the Partner heard with both.
 */

export const VICTIMS = ["gateway", "web", "engine", "postgres"] as const;
export type Victim = (typeof VICTIMS)[number];

export interface CrashOptions {
  payments: number;
  kills: number;
  seed?: number;
  victims?: readonly Victim[];
  /** How long payments may take to become final once the last kill is over. */
  settleMs?: number;
  say?: (line: string) => void;
}

export interface CrashReport {
  payments: number;
  kills: { victims: Victim[]; backMs: number }[];
  statuses: Record<string, number>;
  transactions: number;
  eventsHeard: number;
  eventsDistinct: number;
  repeats: number;
  settledMs: number;
  /** Empty when everything holds. */
  problems: string[];
}

/** The same sequence for the same seed, so that a failing run can be repeated. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What happens to a payment. `cents` steers the simulator by the last two digits of the amount. */
const STORIES = [
  { name: "paid", cents: 50, weight: 8 },
  { name: "paid", cents: 50, weight: 3, refund: true },
  { name: "paid, completed event lost once", cents: 5, weight: 1 },
  { name: "paid, completed event twice", cents: 6, weight: 1 },
  { name: "paid, events out of order", cents: 7, weight: 1 },
  { name: "paid, Klarna fails once", cents: 8, weight: 1 },
  { name: "approved at once", cents: 2, weight: 2 },
  { name: "declined at once", cents: 1, weight: 1 },
  { name: "declined in the journey", cents: 51, weight: 2, play: "decline" },
  { name: "the customer's time is over", cents: 52, weight: 1, play: "expire" },
  { name: "canceled by the cashier", cents: 53, weight: 2, play: "none", cancel: true },
  { name: "cancel races with the customer", cents: 54, weight: 2, cancel: true },
] as const satisfies readonly {
  name: string;
  cents: number;
  weight: number;
  play?: "decline" | "expire" | "none";
  cancel?: boolean;
  refund?: boolean;
}[];
type Story = {
  name: string;
  cents: number;
  weight: number;
  play?: "decline" | "expire" | "none";
  cancel?: boolean;
  refund?: boolean;
};

export type Sale = {
  story: Story;
  reference: string;
  amount: number;
  id: string | null;
  refundId: string | null;
  problems: string[];
};

export async function runCrash(instance: Instance, options: CrashOptions): Promise<CrashReport> {
  const seed = options.seed ?? 1;
  const random = randomOf(seed);
  const say = options.say ?? (() => undefined);
  const till = createTill({ url: instance.url, apiKey: instance.demo.api_key });
  const receiver = await openReceiver(till);
  const run = `CRASH-${seed}-${Date.now().toString(36)}`;
  const sales = plan(run, options.payments, random);
  const startedAt = new Date();
  try {
    // Spread over the time that the kills take, so that each finds payments in every stage.
    const spanMs = Math.max(3_000, options.kills * 1_500);
    let isOver = false;
    const load = Promise.all(
      sales.map(async (sale, index) => {
        await pause((index / sales.length) * spanMs * 1.1);
        try {
          await live(till, instance, sale);
        } catch (error) {
          sale.problems.push(error instanceof Error ? error.message : String(error));
        }
      }),
    ).finally(() => {
      isOver = true;
    });
    const kills = await killAtRandom(instance, till, options, random, () => isOver);
    await load;
    say(`all kills done, ${sales.filter((sale) => sale.id !== null).length} payments acknowledged`);
    const since = Date.now();
    const finals = await settle(till, sales, options.settleMs ?? 150_000);
    const settledMs = Date.now() - since;
    return await judge({ instance, till, receiver, sales, finals, kills, settledMs, startedAt, run });
  } finally {
    await receiver.close();
  }
}

function plan(run: string, count: number, random: () => number): Sale[] {
  const stories: readonly Story[] = STORIES;
  const total = stories.reduce((sum, story) => sum + story.weight, 0);
  return Array.from({ length: count }, (_, index) => {
    // Every story once, then by weight.
    let story = stories[index];
    let at = random() * total;
    for (const candidate of stories) {
      if (story) break;
      at -= candidate.weight;
      if (at <= 0) story = candidate;
    }
    story ??= { name: "paid", cents: 50, weight: 1 };
    return {
      story,
      reference: `${run}-${index}`,
      amount: (100 + index) * 100 + story.cents,
      id: null,
      refundId: null,
      problems: [],
    };
  });
}

/** One sale from the till's side, with every repeat under the same Idempotency-Key. */
async function live(till: Till, instance: Instance, sale: Sale): Promise<void> {
  const { demo } = instance;
  const created = await till.call("POST", "/api/v1/payments", {
    key: `${sale.reference}-create`,
    body: {
      amount: sale.amount,
      currency: demo.currency,
      reference: sale.reference,
      launch: "qr",
      store: { id: demo.store.id },
      terminal: { id: demo.terminal.id },
    },
  });
  if (created.status !== 201 && created.status !== 202) {
    sale.problems.push(`create answered ${created.status} ${codeOf(created.json) ?? ""} after ${created.tries} tries`);
    return;
  }
  let payment = ShopPaymentSchema.parse(created.json);
  sale.id = payment.id;
  if (payment.status === "processing") {
    payment = await until(`${payment.id} to leave processing`, 90_000, async () => {
      const read = await till.read(payment.id);
      return read.status === "processing" ? null : read;
    });
  }
  if (FINAL_STATUSES.includes(payment.status)) return;
  const steps: Promise<void>[] = [];
  if (sale.story.play !== "none") steps.push(play(till, payment.id, sale.story.play ?? "complete"));
  if (sale.story.cancel) steps.push(cancel(till, sale, payment.id));
  await Promise.all(steps);
  if (sale.story.refund) await refund(till, sale, payment.id);
}

/** The customer. Repeated until it was heard: a state conflict means that the journey has moved on already. */
async function play(till: Till, id: string, action: string): Promise<void> {
  const answer = await till.call("POST", `/api/v1/test/payments/${id}/${action}`, {});
  if (answer.status !== 200 && answer.status !== 409) throw new Error(`play ${action} of ${id}: ${answer.status}`);
}

async function cancel(till: Till, sale: Sale, id: string): Promise<void> {
  const answer = await till.call("POST", `/api/v1/payments/${id}/cancel`, { key: `${sale.reference}-cancel` });
  if (![200, 202, 409].includes(answer.status)) sale.problems.push(`cancel answered ${answer.status}`);
  if (sale.story.play === "none" && answer.status === 409)
    sale.problems.push("a cancel was refused that nothing forbade");
}

async function refund(till: Till, sale: Sale, id: string): Promise<void> {
  await until(`${id} to be completed`, 120_000, async () => (await till.read(id)).status === "completed", 250);
  const answer: Answer = await till.call("POST", `/api/v1/payments/${id}/refunds`, {
    key: `${sale.reference}-refund`,
    body: { amount: 1_000, reason: "returned" },
  });
  if (answer.status !== 201 && answer.status !== 202) {
    sale.problems.push(`refund answered ${answer.status} ${codeOf(answer.json) ?? ""}`);
    return;
  }
  sale.refundId = z.looseObject({ id: z.string() }).parse(answer.json).id;
}

async function killAtRandom(
  instance: Instance,
  till: Till,
  options: CrashOptions,
  random: () => number,
  isOver: () => boolean,
): Promise<CrashReport["kills"]> {
  const victims = options.victims ?? VICTIMS;
  const pick = (): Victim => victims[Math.floor(random() * victims.length)] ?? "gateway";
  const kills: CrashReport["kills"] = [];
  for (let count = 0; count < options.kills; count += 1) {
    await pause(100 + random() * 1_200);
    // The first ones take each victim in turn; one in five kills two at the same moment.
    const first = victims[count] ?? pick();
    const chosen = [...new Set(random() < 0.2 ? [first, pick()] : [first])];
    const before = instance.pids();
    const at = Date.now();
    for (const victim of chosen) instance.kill(victim);
    await until(`${chosen.join(" and ")} to come back`, 60_000, () => isBack(instance, till, chosen, before), 25);
    kills.push({ victims: chosen, backMs: Date.now() - at });
    options.say?.(
      `kill ${count + 1}: ${chosen.join(" and ")}, back after ${Date.now() - at} ms${isOver() ? " (load is over)" : ""}`,
    );
  }
  return kills;
}

async function isBack(
  instance: Instance,
  till: Till,
  victims: readonly Victim[],
  before: Record<string, number>,
): Promise<boolean> {
  const now = instance.pids();
  if (!victims.every((victim) => now[victim] !== undefined && now[victim] !== before[victim])) return false;
  const answer = await till
    .once("GET", "/api/v1/payments?limit=1", { signal: AbortSignal.timeout(2_000) })
    .catch(() => null);
  return answer?.status === 200;
}

async function settle(till: Till, sales: readonly Sale[], timeoutMs: number): Promise<Map<string, ShopPayment>> {
  const finals = new Map<string, ShopPayment>();
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    for (const { id } of sales) {
      if (id === null || finals.has(id)) continue;
      const payment = await till.read(id);
      if (FINAL_STATUSES.includes(payment.status)) finals.set(id, payment);
    }
    if (sales.every(({ id }) => id === null || finals.has(id)) || Date.now() >= deadline) return finals;
    await pause(500);
  }
}
