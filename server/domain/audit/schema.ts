import { z } from "zod";
import { lineSchema } from "@/server/core/schema";

export const AUDIT_ACTOR_KINDS = ["USER", "API_KEY", "DEVICE", "KLARNA", "SYSTEM"] as const;
export const AuditActorKindSchema = z.enum(AUDIT_ACTOR_KINDS);

export const AUDIT_WAYS = ["SCREEN", "API", "JOB", "WEBHOOK"] as const;
export const AuditWaySchema = z.enum(AUDIT_WAYS);

export const AuditFilterSchema = z.strictObject({
  /** An id in full: of an entry, a thing, an actor, a request. */
  search: lineSchema(1, 200).optional(),
  way: z.array(AuditWaySchema).max(AUDIT_WAYS.length).optional(),
  request: lineSchema(1, 60).optional(),
  /** Any id of a thing: a payment, a Partner, an API key. */
  subject: lineSchema(1, 60).optional(),
  subjectKind: lineSchema(1, 40).optional(),
  /** An action (`payment.canceled`) or its first part (`payment`). */
  action: lineSchema(1, 80).optional(),
  actorKind: z.array(AuditActorKindSchema).max(AUDIT_ACTOR_KINDS.length).optional(),
  actor: lineSchema(1, 60).optional(),
  partner: lineSchema(1, 60).optional(),
  createdFrom: z.coerce.date().optional(),
  createdTo: z.coerce.date().optional(),
});
export type AuditFilter = z.infer<typeof AuditFilterSchema>;

/** One entry as people read it. `before` and `after` were masked when they were written. */
export type AuditItem = {
  id: string;
  partnerId: string | null;
  partnerName: string | null;
  mode: string | null;
  actorKind: (typeof AUDIT_ACTOR_KINDS)[number];
  actorId: string;
  actorName: string;
  way: string;
  action: string;
  subjectKind: string;
  subjectId: string;
  requestId: string | null;
  before: unknown;
  after: unknown;
  createdAt: Date;
};

/** An entry on its own page: with its link of the chain, null while it waits for one. */
export type AuditRecord = AuditItem & { seal: { sequence: number; hash: string; sealedAt: Date } | null };

/** What a check of the chain can find. */
export const AUDIT_PROBLEM_KINDS = [
  "ENTRY_ALTERED",
  "ENTRY_REMOVED",
  "ENTRY_INSERTED",
  "SEALS_REMOVED",
  "TAIL_REMOVED",
  "ANCHOR_DIFFERS",
  "ANCHORS_UNREADABLE",
] as const;
const AuditProblemSchema = z.object({
  kind: z.enum(AUDIT_PROBLEM_KINDS),
  /** Number of the link; null where there is none. */
  sequence: z.number().int().nullable(),
  /** The last number of a gap. */
  until: z.number().int().optional(),
  entryId: z.string().nullable(),
  action: z.string().optional(),
  subjectId: z.string().optional(),
  /** When the head was written down that no longer fits. */
  at: z.string().optional(),
});
export type AuditProblem = z.infer<typeof AuditProblemSchema>;
export const AuditProblemsSchema = z.array(AuditProblemSchema);

/** What one check of the whole chain found. `problems` holds the first hundred. */
export type ChainVerdict = {
  id: string;
  checkedAt: Date;
  checkedBy: string;
  entries: number;
  headSequence: number;
  headHash: string;
  anchors: number;
  problemCount: number;
  problems: AuditProblem[];
  durationMs: number;
};

export type ChainStatus = {
  sequence: number;
  hash: string;
  /** Entries of the last moments that the job has not sealed yet. */
  unsealed: number;
  oldestUnsealedAt: Date | null;
  lastCheck: ChainVerdict | null;
};

/** One problem in a sentence. */
export function problemWords(problem: AuditProblem): string {
  const entry = `${problem.entryId ?? "an entry"}${problem.action === undefined ? "" : ` (${problem.action} of ${problem.subjectId ?? "?"})`}`;
  switch (problem.kind) {
    case "ENTRY_ALTERED":
      return `Entry ${entry} was altered: it no longer fits its seal ${problem.sequence}.`;
    case "ENTRY_REMOVED":
      return `Entry ${entry} was removed: its seal ${problem.sequence} is still there.`;
    case "ENTRY_INSERTED":
      return `Entry ${entry} was slipped in: no seal covers it.`;
    case "SEALS_REMOVED":
      return problem.until === undefined || problem.until === problem.sequence
        ? `Seal ${problem.sequence} was removed.`
        : `Seals ${problem.sequence} to ${problem.until} were removed.`;
    case "TAIL_REMOVED":
      return `The chain once reached ${problem.sequence} (written down ${problem.at ?? "earlier"}): the end was removed.`;
    case "ANCHOR_DIFFERS":
      return `Seal ${problem.sequence} is not the one that was written down ${problem.at ?? "earlier"}: the chain was made anew.`;
    case "ANCHORS_UNREADABLE":
      return "The file of heads outside the database has lines that are none.";
  }
}
