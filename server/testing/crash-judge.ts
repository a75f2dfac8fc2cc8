import { createDatabase, type Database, type Row } from "@/server/db/client";
import { checkInvariants } from "@/server/domain/invariants";
import type { CrashReport, Sale } from "./crash";
import type { Instance } from "./instance";
import { databaseUrlOf } from "./instance-database";
import { type BookedRequest, type BookedTransaction, klarnaBooks } from "./klarna-books";
import { FINAL_STATUSES, type Receiver, type ShopPayment, type Till, until } from "./shop";

/* After a crash test: every payment against Klarna's books, every event that was heard against both. */

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

export async function judge(outcome: Outcome): Promise<CrashReport> {
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
