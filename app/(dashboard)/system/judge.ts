import type { Tone } from "@/components/ui/badge";
import { SECOND_MS } from "@/server/core/time";
import type { EngineStatus } from "@/server/domain/engine/schema";
import type { Backlog, SystemStatus } from "@/server/domain/overview/schema";

export type Judgement = { tone: Tone; word: string };

const LATE_MS = 15 * SECOND_MS;
const STUCK_MS = 120 * SECOND_MS;

/** A queue is fine while its oldest entry is young, however long the queue is. */
export function backlogTone(backlog: Backlog, now: Date): Judgement {
  const ageMs = backlog.oldestAt === null ? 0 : now.getTime() - backlog.oldestAt.getTime();
  return lagTone(ageMs);
}

function lagTone(ageMs: number): Judgement {
  if (ageMs > STUCK_MS) return { tone: "bad", word: "Stuck" };
  if (ageMs > LATE_MS) return { tone: "warn", word: "Late" };
  return { tone: "good", word: "Fine" };
}

const UNANSWERED_SHARE_WARN = 0.05;

export function klarnaTone(klarna: SystemStatus["klarna"]): Judgement {
  if (!klarna.isConfigured) return { tone: "neutral", word: "No credentials" };
  if (klarna.breaker === "open") return { tone: "bad", word: "Not answering" };
  if (klarna.breaker === "half-open") return { tone: "warn", word: "Being tried again" };
  if (klarna.calls > 0 && klarna.unanswered / klarna.calls > UNANSWERED_SHARE_WARN) {
    return { tone: "warn", word: "Degraded" };
  }
  return { tone: "good", word: "Fine" };
}

export function engineTone(engine: EngineStatus): Judgement {
  if (engine.kind === "inngest") return { tone: "neutral", word: "Inngest" };
  if (!engine.isReachable) return { tone: "bad", word: "Not answering" };
  if (engine.workers === 0) return { tone: "bad", word: "No worker" };
  return lagTone(engine.queueLagSeconds * SECOND_MS);
}
