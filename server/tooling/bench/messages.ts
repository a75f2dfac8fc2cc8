import { z } from "zod";

/** What the processes of a benchmark tell each other. */

export const FloorSettingsSchema = z.object({
  databaseUrl: z.string(),
  connections: z.int(),
  klarnaUrl: z.string(),
  klarnaApiKey: z.string(),
  accountId: z.string(),
  partnerId: z.string(),
  store: z.object({ id: z.string(), reference: z.string(), klarnaStoreId: z.string() }),
  terminal: z.object({ id: z.string(), reference: z.string() }),
  signingKey: z.object({ id: z.string(), secret: z.string() }),
});
export type FloorSettings = z.infer<typeof FloorSettingsSchema>;

const PaymentsSchema = z.object({
  kind: z.literal("payments"),
  apiKey: z.string(),
  storeReference: z.string(),
  terminalReference: z.string(),
});
const WebhooksSchema = z.object({
  kind: z.literal("webhooks"),
  accountId: z.string(),
  signingKey: z.object({ id: z.string(), secret: z.string() }),
});
const CallsSchema = z.discriminatedUnion("kind", [PaymentsSchema, WebhooksSchema]);
export type Calls = z.infer<typeof CallsSchema>;

export const OrderSchema = z.discriminatedUnion("kind", [
  /** Throughput: so many connections, each sending the next call when the last is answered. */
  z.object({
    kind: z.literal("closed"),
    port: z.int(),
    calls: CallsSchema,
    connections: z.int(),
    warmMs: z.number(),
    runMs: z.number(),
  }),
  /** Latency: calls start by the clock, whether or not earlier ones are answered. */
  z.object({
    kind: z.literal("open"),
    port: z.int(),
    calls: PaymentsSchema,
    perSecond: z.number(),
    warmMs: z.number(),
    runMs: z.number(),
  }),
  /** Passes calls on to Klarna's stand-in and notes how long it had each of them. */
  z.object({ kind: z.literal("relay"), target: z.string() }),
  /** Answers whatever is posted to it. */
  z.object({ kind: z.literal("receiver") }),
]);
export type Order = z.infer<typeof OrderSchema>;

export const AnswerSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("closed"),
    /** Answered within the measured time. */
    answered: z.int(),
    /** Answered at all, warm-up and tail included. */
    answeredInAll: z.int(),
    refused: z.int(),
    seconds: z.number(),
    examples: z.array(z.string()),
  }),
  z.object({
    kind: z.literal("open"),
    samples: z.int(),
    answeredInAll: z.int(),
    refused: z.int(),
    wholeMs: z.object({ median: z.number(), p99: z.number() }),
    shareMs: z.object({ median: z.number(), p99: z.number() }),
    examples: z.array(z.string()),
  }),
  z.object({ kind: z.literal("relay"), port: z.int() }),
  z.object({ kind: z.literal("receiver"), port: z.int() }),
]);
export type Answer = z.infer<typeof AnswerSchema>;

/** The value below which this share of the numbers lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
