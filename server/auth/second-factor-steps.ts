import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { type Account, findAccount, hasSecondFactor } from "./accounts";
import { type BegunSession, type Browser, beginSession } from "./begin-session";
import { addPasskey } from "./passkeys";
import { confirmTotp, type FactorServices, proveByCode, startTotp } from "./second-factor";
import { findHalfSession, type HalfSession } from "./sessions";

/*
 * From half a session to a session: the second step of signing in, and setting it up where the role wants one.
 */

async function halfAccount(
  services: FactorServices,
  token: string,
  level: HalfSession["level"],
): Promise<{ half: HalfSession; account: Account }> {
  const half = await findHalfSession(services, token);
  const account = half?.level === level ? await findAccount(services.db, half.user.id) : null;
  if (!half || !account || account.state !== "ACTIVE") throw new AppError("session_required");
  // Whoever has set one up meanwhile shows it: a password alone never adds another.
  if (level === "ENROLMENT_DUE" && hasSecondFactor(account)) throw new AppError("session_required");
  return { half, account };
}

/**
 * The second step of signing in: half a session and a code become a session, with a new token.
 * Errors: session_required (no half session waits for a code), code_wrong, rate_limited, unavailable.
 */
export async function finishSignIn(
  services: FactorServices,
  input: { halfToken: string; code: unknown; browser: Omit<Browser, "replaces"> },
  requestId: string = newId("request"),
): Promise<BegunSession> {
  const { account } = await halfAccount(services, input.halfToken, "CODE_DUE");
  const method = await proveByCode(services, account, input.code, requestId, async (_tx, used) => used);
  return beginSession(services, {
    account,
    level: "FULL",
    method,
    browser: { ...input.browser, replaces: input.halfToken },
    requestId,
  });
}

/**
 * Sets up the second factor while signing in, when the role wants one: half a session becomes a session.
 * Errors: as confirmTotp, and session_required.
 */
export async function finishEnrolment(
  services: FactorServices,
  input: { halfToken: string; code: unknown; browser: Omit<Browser, "replaces"> },
  requestId: string = newId("request"),
): Promise<{ session: BegunSession; recoveryCodes: string[] | null }> {
  const { account } = await halfAccount(services, input.halfToken, "ENROLMENT_DUE");
  const { recoveryCodes } = await confirmTotp(services, account, input.code, requestId);
  const session = await beginSession(services, {
    account,
    level: "FULL",
    method: "TOTP",
    browser: { ...input.browser, replaces: input.halfToken },
    requestId,
  });
  return { session, recoveryCodes };
}

/** Begins the set-up for who is half signed in. Errors: session_required, state_conflict. */
export async function startEnrolment(
  services: FactorServices,
  halfToken: string,
): Promise<{ secret: string; uri: string }> {
  const { account } = await halfAccount(services, halfToken, "ENROLMENT_DUE");
  return startTotp(services, account);
}

/**
 * The same with a passkey instead of an app.
 * Errors: as addPasskey, and session_required.
 */
export async function finishPasskeyEnrolment(
  services: FactorServices,
  input: { halfToken: string; response: unknown; browser: Omit<Browser, "replaces"> },
  requestId: string = newId("request"),
): Promise<{ session: BegunSession; recoveryCodes: string[] | null }> {
  const { account } = await halfAccount(services, input.halfToken, "ENROLMENT_DUE");
  const { recoveryCodes } = await addPasskey(
    services,
    account,
    { name: "Passkey", response: input.response },
    requestId,
  );
  const session = await beginSession(services, {
    account,
    level: "FULL",
    method: "PASSKEY",
    browser: { ...input.browser, replaces: input.halfToken },
    requestId,
  });
  return { session, recoveryCodes };
}
