import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { KlarnaOutcome } from "@/server/klarna/client";
import type * as wire from "@/server/klarna/credentials";

/* Calls to Klarna about credentials, and their answers. */

export const callOf = (ctx: ServiceContext): wire.CredentialCall => ({
  klarna: ctx.klarna,
  mode: ctx.scope.mode,
  sessionReference: "credentials",
});

/** Klarna's refusal or silence as an error of the catalogue. */
export function requireAnswer(outcome: KlarnaOutcome, what: string): unknown {
  if (outcome.kind === "answered") return outcome.body;
  if (outcome.kind === "refused")
    throw new AppError("state_conflict", { detail: `Klarna refused to ${what}: ${outcome.error.code}.` });
  throw new AppError("klarna_unavailable", {
    detail:
      outcome.kind === "not_sent"
        ? `Klarna cannot be reached (${outcome.reason}). Nothing was sent.`
        : `Klarna gave no definite answer (${outcome.reason}). Look again in a moment.`,
  });
}
