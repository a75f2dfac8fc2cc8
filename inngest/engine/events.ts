import { createHash } from "node:crypto";
import { z } from "zod";
import { LATEST_MS } from "./duration";
import { keyText } from "./expression";
import type { EngineFunction } from "./function-config";
import type { StoredEvent } from "./protocol";
import type { NewEvent } from "./store-events";

export const KEY_PART_SEPARATOR = "\u001e";

/** A text that PostgreSQL can keep and compare. */
export const WordSchema = z
  .string()
  .max(512)
  .refine((text) => !text.includes("\u0000"), "must not hold a NUL character");

const SessionsSchema = z
  .record(z.string(), z.unknown())
  .nullish()
  .refine((sessions) => Object.keys(sessions ?? {}).length === 0, "sessions are not supported by the embedded engine");

export const EventInputSchema = z.looseObject({
  name: WordSchema.min(1),
  data: z.record(z.string(), z.unknown()).nullish(),
  id: WordSchema.nullish(),
  ts: z.number().int().min(0).max(LATEST_MS).nullish(),
  v: WordSchema.nullish(),
  user: z.record(z.string(), z.unknown()).nullish(),
  meta: z.looseObject({ sessions: SessionsSchema, propagated_sessions: SessionsSchema }).nullish(),
});
export type EventInput = z.infer<typeof EventInputSchema>;

/** A text of fixed length for values that may be long; equal values give equal texts. */
export function digest(value: unknown): string {
  return createHash("sha256").update(keyText(value)).digest("hex");
}

/** What is kept of an event. `seenKey`: the same key within 24 hours is the same event. */
export function toNewEvent(input: EventInput, internalId: string, seenKey: string | null): NewEvent {
  return {
    internalId,
    id: input.id ? input.id : internalId,
    name: input.name,
    data: input.data ?? {},
    user: input.user ?? null,
    v: input.v ?? null,
    tsMs: input.ts ?? Date.now(),
    seenKey,
  };
}

export function seenKeyOf(eventId: string): string {
  return `event${KEY_PART_SEPARATOR}${eventId}`;
}

export function storedOf(event: NewEvent): StoredEvent {
  return { id: event.id, name: event.name, data: event.data, ts: event.tsMs };
}

/** The key under which a function with `idempotency` starts once in 24 hours; null without the setting. */
export function onceKeyOf(fn: EngineFunction, event: StoredEvent): string | null {
  return fn.idempotency === null ? null : ["once", fn.id, digest(fn.idempotency({ event }))].join(KEY_PART_SEPARATOR);
}

/** One text for each concurrency rule, in their order; runs with the same text share its limit. */
export function concurrencyKeysOf(fn: EngineFunction, event: StoredEvent): string[] {
  return fn.concurrency.map((rule, index) => {
    const value = rule.key === null ? "" : keyText(rule.key({ event }));
    return (rule.scope === "fn" ? [fn.id, index, value] : [rule.scope, value]).join(KEY_PART_SEPARATOR);
  });
}

export function isTriggered(fn: EngineFunction, event: StoredEvent): boolean {
  return fn.events.some(
    (trigger) => trigger.isMatch(event.name) && (trigger.condition === null || trigger.condition({ event }) === true),
  );
}
