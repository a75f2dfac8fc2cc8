import { readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { postgresUrl } from "@/server/boot/postgres";
import { createDatabase, type Database, type Row } from "@/server/db/client";
import { checkInvariants } from "@/server/domain/invariants";
import type { Instance } from "./instance";
import { type BookedRequest, type BookedTransaction, klarnaBooks } from "./klarna-books";
import {
  type Answer,
  codeOf,
  createTill,
  FINAL_STATUSES,
  openReceiver,
  pause,
  type Receiver,
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

type Sale = {
  story: Story;
  reference: string;
  amount: number;
  id: string | null;
  refundId: string | null;
  problems: string[];
};

export function databaseUrlOf(instance: Instance): string {
  const secrets = z
    .looseObject({ postgresPassword: z.string() })
    .parse(JSON.parse(readFileSync(path.join(instance.dataDir, "secrets.json"), "utf8")));
  const port = Number(new URL(instance.url).port) + 3;
  return postgresUrl({ port, password: secrets.postgresPassword, database: "tillgate" });
}

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

type Outcome = {
  instance: Instance;
  till: Till;
  receiver: Receiver;
  sales: readonly Sale[];
  finals: ReadonlyMap<string, ShopPayment>;
  kills: CrashReport["kills"];
  settledMs: number;
  startedAt: Date;
  run: string;
};

async function judge(outcome: Outcome): Promise<CrashReport> {
  const { instance, receiver, sales, finals, kills, settledMs } = outcome;
  const problems = sales.flatMap((sale) =>
    sale.problems.map((text) => `${sale.reference} (${sale.story.name}): ${text}`),
  );
  const books = klarnaBooks(instance.demo.simulator.url);
  const account = instance.demo.simulator.partner_account_id;
  const isOurs = (thing: { purchase_reference: string | null }) =>
    thing.purchase_reference?.startsWith(`${outcome.run}-`) ?? false;
  const db = createDatabase(databaseUrlOf(instance), { connections: 2, name: "crash" });
  try {
    await refundsEnd(db, outcome);
    const owed = await eventsOwed(db, outcome);
    const heardAll = () => new Set(receiver.heard.map((event) => event.id)).size;
    await until(
      "the last webhooks",
      60_000,
      () => {
        const ids = new Set(receiver.heard.map((event) => event.id));
        return owed.every((event) => ids.has(event.id));
      },
      250,
    ).catch(() => problems.push("events that are owed to the Partner did not arrive within a minute"));

    const transactions = (await books.transactions(account)).filter(isOurs);
    const requests = (await books.requests(account)).filter(isOurs);
    for (const sale of sales) problems.push(...judgeSale(sale, finals, transactions, requests));
    for (const booked of [...transactions, ...requests]) {
      if (!sales.some((sale) => sale.reference === booked.purchase_reference))
        problems.push(`Klarna holds something for ${booked.purchase_reference}, which nobody sold`);
    }
    problems.push(...judgeEvents(outcome, owed));
    for (const result of await checkInvariants(db)) {
      if (result.broken > 0)
        problems.push(`invariant ${result.id}: broken by ${result.broken} (${result.examples.join(", ")})`);
    }
    const statuses: Record<string, number> = {};
    for (const payment of finals.values()) statuses[payment.status] = (statuses[payment.status] ?? 0) + 1;
    return {
      payments: sales.length,
      kills,
      statuses,
      transactions: transactions.length,
      eventsHeard: receiver.heard.length,
      eventsDistinct: heardAll(),
      repeats: receiver.heard.length - heardAll(),
      settledMs,
      problems,
    };
  } finally {
    await db.close();
  }
}

/** A refund whose answer was lost is repeated by the background with its own key; it ends in time too. */
async function refundsEnd(db: Database, { sales }: Outcome): Promise<void> {
  const ids = sales.flatMap((sale) => (sale.refundId === null ? [] : [sale.refundId]));
  await until(
    "refunds to end",
    90_000,
    async () => {
      const rows = await db.query<Row>({
        text: "select id from refunds where id = any($1::text[]) and state in ('PENDING','UNKNOWN')",
        values: [ids],
      });
      return rows.length === 0;
    },
    500,
  );
}

type OwedEvent = { id: string; type: string; subject_id: string; sequence: number };

async function eventsOwed(db: Database, { sales, startedAt }: Outcome): Promise<OwedEvent[]> {
  const ids = sales.flatMap((sale) => [sale.id, sale.refundId].filter((id) => id !== null));
  return db.query<Row & OwedEvent>({
    text: `select id, type, subject_id, sequence from outbox_events where created_at >= $1 and subject_id = any($2::text[])`,
    values: [startedAt, ids],
  });
}

/** Is what we say about a payment what Klarna holds? */
function judgeSale(
  sale: Sale,
  finals: ReadonlyMap<string, ShopPayment>,
  transactions: readonly BookedTransaction[],
  requests: readonly BookedRequest[],
): string[] {
  const name = `${sale.reference} (${sale.story.name})`;
  const own = transactions.filter((booked) => booked.purchase_reference === sale.reference);
  const asked = requests.filter((booked) => booked.purchase_reference === sale.reference);
  if (own.length > 1) return [`${name}: ${own.length} transactions at Klarna`];
  if (asked.length > 1) return [`${name}: ${asked.length} payment requests at Klarna`];
  if (sale.id === null) return own.length > 0 ? [`${name}: money moved for a payment that nobody acknowledged`] : [];
  const payment = finals.get(sale.id);
  const request = asked[0];
  if (!payment) return [`${name}: ${sale.id} is not final; Klarna says ${request?.state ?? "nothing"}`];
  const [transaction] = own;
  const problems: string[] = [];
  if (payment.status === "completed") {
    if (!transaction) problems.push(`${name}: completed, and Klarna has no transaction`);
    else if (transaction.payment_transaction_id !== payment.klarna.payment_transaction_id)
      problems.push(`${name}: names another transaction than Klarna's`);
    else if (transaction.captured_amount !== payment.amount_captured)
      problems.push(`${name}: captured ${payment.amount_captured}, Klarna ${transaction.captured_amount}`);
    const refunded = sale.refundId === null ? 0 : 1_000;
    if ((transaction?.refunded_amount ?? 0) !== refunded)
      problems.push(`${name}: refunded ${refunded}, Klarna ${transaction?.refunded_amount}`);
  } else if (transaction) problems.push(`${name}: ${payment.status}, and Klarna has a transaction`);
  const wanted = expectedStatus(request);
  if (wanted !== null && wanted !== payment.status)
    problems.push(`${name}: ${payment.status}, Klarna says ${request?.state} ${request?.final?.result ?? ""}`);
  if (payment.status === "failed") problems.push(`${name}: failed, which none of these sales should`);
  return problems;
}

/** The status that follows from what Klarna holds; null where the request alone does not say. */
function expectedStatus(request: BookedRequest | undefined): string | null {
  switch (request?.state) {
    case "COMPLETED":
      return request.final?.result === "APPROVED" ? "completed" : null;
    case "CANCELED":
    case "CANCELLED":
      return "canceled";
    case "DECLINED":
      return "declined";
    case "EXPIRED":
      return "expired";
    default:
      return null;
  }
}

function judgeEvents({ receiver, sales, finals }: Outcome, owed: readonly OwedEvent[]): string[] {
  const problems: string[] = [];
  const known = new Map(owed.map((event) => [event.id, event]));
  const ours = new Map(sales.flatMap((sale) => (sale.id === null ? [] : [[sale.id, sale] as const])));
  const refunds = new Set(sales.flatMap((sale) => (sale.refundId === null ? [] : [sale.refundId])));
  const heardIds = new Set(receiver.heard.map((event) => event.id));
  for (const event of owed) {
    if (!heardIds.has(event.id)) problems.push(`${event.type} ${event.id} of ${event.subject_id} never arrived`);
  }
  for (const event of receiver.heard) {
    if (!event.isGenuine) problems.push(`${event.type} ${event.id}: its signature is wrong`);
    const isOwn = ours.has(event.subjectId) || refunds.has(event.subjectId);
    if (!isOwn || known.get(event.id)?.type !== event.type)
      problems.push(`${event.type} ${event.id} of ${event.subjectId} was invented`);
    const named = event.type.slice("payment.".length);
    if (event.type.startsWith("payment.") && FINAL_STATUSES.includes(named)) {
      const truth = finals.get(event.subjectId)?.status;
      if (truth !== named || event.status !== named)
        problems.push(`${event.type} was told of ${event.subjectId}, which is ${truth}`);
    }
  }
  for (const [id, payment] of finals) {
    const told = receiver.heard.filter((event) => event.subjectId === id);
    if (!told.some((event) => event.type === `payment.${payment.status}`))
      problems.push(`payment.${payment.status} of ${id} was never told`);
    const sequences = [...new Set(told.map((event) => event.sequence))].sort((a, b) => a - b);
    if (sequences.some((sequence, index) => sequence !== index + 1))
      problems.push(`the events of ${id} are numbered ${sequences.join(", ")}`);
    // In order, once repeats are taken out: a repeat may come late, a first telling may not.
    const firsts = told.filter((event, index) => told.findIndex((other) => other.id === event.id) === index);
    if (firsts.some((event, index) => index > 0 && event.sequence < (firsts[index - 1]?.sequence ?? 0)))
      problems.push(`the events of ${id} arrived in the order ${firsts.map((event) => event.sequence).join(", ")}`);
  }
  for (const id of refunds) {
    if (!receiver.heard.some((event) => event.subjectId === id && event.type === "refund.succeeded"))
      problems.push(`refund.succeeded of ${id} was never told`);
  }
  return problems;
}

/** The invariants that do not hold in an instance's database, each with examples. */
export async function brokenInvariants(instance: Instance): Promise<string[]> {
  const db = createDatabase(databaseUrlOf(instance), { connections: 1, name: "crash" });
  try {
    const results = await checkInvariants(db);
    return results.filter(({ broken }) => broken > 0).map(({ id, examples }) => `${id}: ${examples.join(", ")}`);
  } finally {
    await db.close();
  }
}

/** Every row of every table as text, as a dump would hold it: ours, the engine's and its queue's. */
export async function dumpTexts(db: Pick<Database, "query">): Promise<{ table: string; text: string }[]> {
  const tables = await db.query<Row & { name: string }>({
    text: `select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema') order by 1`,
    values: [],
  });
  const dump: { table: string; text: string }[] = [];
  for (const { name } of tables) {
    const [row] = await db.query<Row & { text: string | null }>({
      text: `select string_agg(t::text, E'\n') as text from ${name} t`,
      values: [],
    });
    dump.push({ table: name, text: row?.text ?? "" });
  }
  return dump;
}
