import { z } from "zod";
import { lineSchema, type Mode } from "@/server/core/schema";
import type { CredentialNeed } from "@/server/domain/credentials/states";
import { ALARM_STATES, OPERATION_KINDS, OPERATION_STATES, REQUEST_METHODS, REQUEST_OUTCOMES } from "./states";

/* What the overview, the palette, the request log and the system screen read. They change nothing but alarms. */

export const SPAN_DAYS = [7, 30, 90] as const;
export type SpanDays = (typeof SPAN_DAYS)[number];

/** Something that waits for a person. `count` things of one kind; `subject` when it is one. */
export type Attention = {
  kind: AttentionKind;
  tone: "bad" | "warn";
  title: string;
  count: number;
  /** The oldest moment of the kind, or the nearest deadline. */
  at: Date | null;
  atMeaning: "since" | "deadline";
  subject: { kind: string; id: string } | null;
};
export type AttentionKind =
  | "alarm"
  | "late_approval"
  | "pending_approval"
  | "unknown_operation"
  | "authorization_ends"
  | "failing_endpoint"
  | "disabled_endpoint"
  | "expiring_key"
  | "idle_credential"
  | "old_credential"
  | "ending_credential"
  | "disabled_account"
  | "store_without_qr";

export type CurrencyFigure = {
  currency: string;
  captured: number;
  capturedBefore: number;
  refunded: number;
  payments: number;
};
export type OverviewDay = {
  /** A day in UTC, `2026-11-21`. */
  day: string;
  payments: number;
  approved: number;
  decided: number;
  /** By currency, in minor units. */
  money: Readonly<Record<string, { captured: number; refunded: number }>>;
};
export type Funnel = { asked: number; entered: number; finished: number; paid: number };
export type Overview = {
  asOf: Date;
  from: Date;
  days: SpanDays;
  attention: Attention[];
  /** The currency with the most payments first. */
  currencies: CurrencyFigure[];
  payments: { count: number; before: number };
  approval: { approved: number; decided: number; approvedBefore: number; decidedBefore: number };
  /** From the end of the customer's journey to Klarna's final answer, in milliseconds; null without such payments. */
  finalizing: { medianMs: number | null; medianBeforeMs: number | null };
  daily: OverviewDay[];
  funnel: Funnel;
  deliveries: { delivered: number; failed: number; pending: number };
};

export type SearchHit = { id: string; kind: "payment" | "partner" | "store" | "terminal"; label: string; hint: string };

/** One thing that waits, by how many and since when. */
export type Backlog = { count: number; oldestAt: Date | null };
export type AlarmItem = {
  id: string;
  kind: string;
  partnerId: string | null;
  partnerName: string | null;
  mode: Mode | null;
  subjectKind: string;
  subjectId: string;
  message: string;
  raisedAt: Date;
};
/** An alarm as the list shows it, open or cleared. */
export type AlarmRow = Omit<AlarmItem, "raisedAt"> & {
  createdAt: Date;
  clearedAt: Date | null;
  clearedBy: string | null;
};
export const AlarmFilterSchema = z.strictObject({
  /** An alarm's id or the id of what it is about. */
  search: lineSchema(1, 255).optional(),
  state: z.array(z.enum(ALARM_STATES)).optional(),
  kind: lineSchema(1, 60).optional(),
  createdFrom: z.iso.datetime({ offset: true }).optional(),
  createdTo: z.iso.datetime({ offset: true }).optional(),
});
export type AlarmFilter = z.infer<typeof AlarmFilterSchema>;

export const OperationFilterSchema = z.strictObject({
  /** An operation's or a payment's id, or an idempotency key. */
  search: lineSchema(1, 255).optional(),
  state: z.array(z.enum(OPERATION_STATES)).optional(),
  kind: z.array(z.enum(OPERATION_KINDS)).optional(),
  createdFrom: z.iso.datetime({ offset: true }).optional(),
  createdTo: z.iso.datetime({ offset: true }).optional(),
});
export type OperationFilter = z.infer<typeof OperationFilterSchema>;
export type OperationItem = Omit<UnknownOperation, "openedAt"> & {
  createdAt: Date;
  settledAt: Date | null;
  result: string | null;
};

/** The last run of all checks of what must always hold. */
export type InvariantCheck = {
  checkedAt: Date;
  checkedBy: string;
  broken: number;
  results: { id: string; title: string; broken: number; examples: string[] }[];
};
export type UnknownOperation = {
  id: string;
  kind: string;
  state: string;
  paymentId: string;
  partnerName: string;
  attempts: number;
  openedAt: Date;
  nextAttemptAt: Date | null;
  klarnaErrorCode: string | null;
  idempotencyKey: string;
};
export type SystemStatus = {
  asOf: Date;
  alarms: AlarmItem[];
  operations: UnknownOperation[];
  outbox: Backlog;
  inbox: Backlog & { parked: number; failed: number };
  deliveries: Backlog;
  /** How many of our credentials for Klarna are not used, old, or have ended or end soon. */
  credentials: Readonly<Record<CredentialNeed, number>>;
  /** Calls to Klarna without a definite answer, all of them. */
  unknownCount: number;
  alarmCount: number;
  klarna: {
    isConfigured: boolean;
    breaker: "closed" | "open" | "half-open";
    /** Of this process, one for each kind of call that it has made. */
    breakers: { category: string; state: "closed" | "open" | "half-open" }[];
    /** Of the last fifteen minutes. */
    calls: number;
    unanswered: number;
    medianMs: number | null;
  };
};

export const RequestFilterSchema = z.strictObject({
  /** A request id, or part of the path. */
  search: lineSchema(1, 255).optional(),
  partner: lineSchema(1, 60).optional(),
  apiKey: lineSchema(1, 60).optional(),
  method: z.array(z.enum(REQUEST_METHODS)).optional(),
  outcome: z.array(z.enum(REQUEST_OUTCOMES)).optional(),
  createdFrom: z.iso.datetime({ offset: true }).optional(),
  createdTo: z.iso.datetime({ offset: true }).optional(),
});
export type RequestFilter = z.infer<typeof RequestFilterSchema>;
export type RequestItem = {
  id: string;
  partnerId: string;
  partnerName: string;
  apiKeyId: string;
  apiKeyName: string | null;
  method: string;
  path: string;
  status: number;
  durationMs: number;
  address: string | null;
  request: unknown;
  response: unknown;
  createdAt: Date;
};
