import { z } from "zod";
import { idSchema } from "@/server/core/ids";
import { lineSchema, type Mode } from "@/server/core/schema";
import { INBOX_STATES, type InboxState, type SubscriptionVerdict } from "./states";

/* What Klarna tells us: received events, the keys that sign them, and our subscription to them. */

export const InboxFilterSchema = z.strictObject({
  /** An event id, or an id of ours or Klarna's that it is about. */
  search: lineSchema(1, 255).optional(),
  state: z.array(z.enum(INBOX_STATES)).optional(),
  /** Part of a type. */
  type: lineSchema(1, 120).optional(),
  payment: lineSchema(1, 60).optional(),
  /** The id of a signing key, whole or its end. */
  key: lineSchema(4, 255).optional(),
  /** Only (or none of) the types that nothing here acts on. */
  unhandled: z.boolean().optional(),
  createdFrom: z.iso.datetime({ offset: true }).optional(),
  createdTo: z.iso.datetime({ offset: true }).optional(),
});
export type InboxFilter = z.infer<typeof InboxFilterSchema>;

export type InboxItem = {
  id: string;
  eventId: string;
  eventType: string;
  state: InboxState;
  attempts: number;
  note: string | null;
  paymentId: string | null;
  paymentRequestId: string | null;
  paymentTransactionId: string | null;
  signingKeyId: string;
  isUnhandled: boolean;
  replays: number;
  occurredAt: Date;
  createdAt: Date;
  processedAt: Date | null;
};

/** One thing that an event made happen here. */
export type InboxEffect =
  | {
      kind: "audit";
      id: string;
      action: string;
      subjectKind: string;
      subjectId: string;
      before: unknown;
      after: unknown;
      at: Date;
    }
  | { kind: "event"; id: string; type: string; subjectKind: string; subjectId: string; deliveries: number; at: Date };

export type InboxRecord = InboxItem & {
  mode: Mode;
  subjectAccountId: string | null;
  partnerName: string | null;
  replayedAt: Date | null;
  nextAttemptAt: Date | null;
  sizeBytes: number;
  /** The signed body, masked: tokens and personal data never show. Null without the permission `payments:raw`. */
  body: unknown;
  /** Whether the caller may see the body. */
  hasBody: boolean;
  effects: InboxEffect[];
  /** Who had it replayed, newest first. */
  replayedBy: { at: Date; name: string; before: unknown }[];
};

export const REPLAY_IDS_MAX = 100;
export const ReplaySchema = z.union([
  z.strictObject({ ids: z.array(idSchema("inboxEvent")).min(1).max(REPLAY_IDS_MAX) }),
  z.strictObject({ filter: InboxFilterSchema }),
]);
export type ReplayInput = z.infer<typeof ReplaySchema>;

export type InboxSummary = {
  asOf: Date;
  /** Of everything that is kept. */
  waiting: number;
  parked: number;
  failed: number;
  oldestWaitingAt: Date | null;
  /** Types that nothing here acts on, the most frequent first. */
  unhandledTypes: { type: string; count: number; lastAt: Date }[];
  /** Of the last 24 hours. */
  types: { type: string; count: number }[];
};

// --- keys and subscription ---------------------------------------------------------------------------------------------

export type SigningKeyItem = {
  id: string;
  mode: Mode;
  state: "ACTIVE" | "RETIRED";
  source: "KLARNA" | "HAND";
  createdAt: Date;
  createdBy: string | null;
  lastUsedAt: Date | null;
  retireAt: Date | null;
  retiredAt: Date | null;
  retiredBy: string | null;
  /** Klarna signs the events of our webhook with it, as far as the last look told. */
  isCurrent: boolean;
};

export const RegisterKeySchema = z.strictObject({
  id: lineSchema(8, 255),
  secret: lineSchema(16, 1024),
});
export type RegisterKeyInput = z.infer<typeof RegisterKeySchema>;

export const SUBSCRIPTION_FIELDS = ["url", "event_types", "event_version", "signing_key_id", "status"] as const;
export type SubscriptionField = (typeof SUBSCRIPTION_FIELDS)[number];
export type SubscriptionFacts = Readonly<Record<SubscriptionField, string>>;

export type HeldWebhook = SubscriptionFacts & {
  webhookId: string;
  updatedAt: Date | null;
  /** `ours` is the one that we keep in order; `surplus` can only disturb; `other` belongs to somebody else. */
  relation: "ours" | "surplus" | "other";
  /** Whether we hold the key that signs it. */
  isKeyKnown: boolean;
};

export type SubscriptionView = {
  mode: Mode;
  isConfigured: boolean;
  verdict: SubscriptionVerdict;
  /** Why Klarna could not be asked. */
  problem: string | null;
  checkedAt: Date;
  wanted: SubscriptionFacts;
  held: HeldWebhook[];
  differences: { field: SubscriptionField; held: string; wanted: string }[];
  /** Keys at Klarna whose secret we do not hold. */
  foreignKeys: { id: string; createdAt: Date | null; isUsed: boolean }[];
};

export type RepairResult = {
  outcome: "kept" | "repaired" | "created";
  webhookId: string;
  signingKeyId: string;
  changes: string[];
};

// --- sweep ---------------------------------------------------------------------------------------------------------------

export type SweepResult = { check: string; title: string; looked: number; repaired: number; failed: number };
export type SweepRun = {
  id: string;
  mode: Mode;
  startedBy: string;
  startedAt: Date;
  endedAt: Date | null;
  results: SweepResult[];
};
