"use server";

import type {
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
} from "@simplewebauthn/server";
import type { Route } from "next";
import { redirect } from "next/navigation";
import type { ActionResult } from "@/components/action-result";
import { findAccount } from "@/server/auth/accounts";
import { formText } from "@/server/auth/action-input";
import { signInWithPasskey, startPasskey, startPasskeySignIn } from "@/server/auth/passkeys";
import { acceptInvitation, findInvitation, requestPasswordLink, resetPassword } from "@/server/auth/password-links";
import { returnPath } from "@/server/auth/return-path";
import { finishEnrolment, finishPasskeyEnrolment, finishSignIn } from "@/server/auth/second-factor-steps";
import { currentBrowser, setSessionCookie } from "@/server/auth/session-cookie";
import { currentHalfSession, failureOf, requireOwnOrigin, webServices } from "@/server/auth/web";
import { AppError } from "@/server/core/errors";

/** What the forms of these pages show afterwards. */
export type FormState = { message: string | null; isDone: boolean };

const sentenceOf = (error: unknown): string => {
  const failure = failureOf(error);
  return Object.values(failure.fields ?? {}).length === 0
    ? failure.message
    : Object.values(failure.fields ?? {})
        .map((text) => `The password ${text}.`)
        .join(" ");
};

/** The token of whoever is half signed in. Errors: origin_refused, session_required. */
async function requireHalf(): Promise<string> {
  await requireOwnOrigin();
  const waiting = await currentHalfSession();
  if (!waiting) throw new AppError("session_required");
  return waiting.token;
}

/** The second step of signing in: a code of the app or a recovery code. */
export async function enterCodeAction(_before: FormState, form: unknown): Promise<FormState> {
  try {
    const halfToken = await requireHalf();
    const session = await finishSignIn(webServices(), {
      halfToken,
      code: formText(form, "code"),
      browser: await currentBrowser(),
    });
    await setSessionCookie(session);
  } catch (error) {
    return { message: sentenceOf(error), isDone: false };
  }
  redirect(returnPath(formText(form, "next")) as Route);
}

/** What the browser asks its passkeys; after a password only those of that person count. */
export async function askPasskeyAction(): Promise<ActionResult<PublicKeyCredentialRequestOptionsJSON>> {
  try {
    await requireOwnOrigin();
    const waiting = await currentHalfSession();
    return { ok: true, data: await startPasskeySignIn(webServices(), waiting?.half.user.id ?? null) };
  } catch (error) {
    return failureOf(error);
  }
}

export async function signInByPasskeyAction(response: unknown, next: unknown): Promise<ActionResult> {
  try {
    await requireOwnOrigin();
    const session = await signInWithPasskey(webServices(), { response, browser: await currentBrowser() });
    await setSessionCookie(session);
  } catch (error) {
    return failureOf(error);
  }
  redirect(returnPath(next) as Route);
}

/** First code of the app that is being set up while signing in: signed in, with recovery codes to keep. */
export async function enrolCodeAction(code: unknown): Promise<ActionResult<{ recoveryCodes: string[] | null }>> {
  try {
    const halfToken = await requireHalf();
    const { session, recoveryCodes } = await finishEnrolment(webServices(), {
      halfToken,
      code,
      browser: await currentBrowser(),
    });
    await setSessionCookie(session);
    return { ok: true, data: { recoveryCodes } };
  } catch (error) {
    return failureOf(error);
  }
}

export async function startPasskeyEnrolmentAction(): Promise<ActionResult<PublicKeyCredentialCreationOptionsJSON>> {
  try {
    await requireHalf();
    const waiting = await currentHalfSession();
    const account =
      waiting?.half.level === "ENROLMENT_DUE" ? await findAccount(webServices().db, waiting.half.user.id) : null;
    if (!account) throw new AppError("session_required");
    return { ok: true, data: await startPasskey(webServices(), account) };
  } catch (error) {
    return failureOf(error);
  }
}

export async function enrolPasskeyAction(response: unknown): Promise<ActionResult<{ recoveryCodes: string[] | null }>> {
  try {
    const halfToken = await requireHalf();
    const { session, recoveryCodes } = await finishPasskeyEnrolment(webServices(), {
      halfToken,
      response,
      browser: await currentBrowser(),
    });
    await setSessionCookie(session);
    return { ok: true, data: { recoveryCodes } };
  } catch (error) {
    return failureOf(error);
  }
}

/** A mail with a link, if there is such an account: the answer does not tell. */
export async function forgotPasswordAction(_before: FormState, form: unknown): Promise<FormState> {
  try {
    await requireOwnOrigin();
    const { address } = await currentBrowser();
    await requestPasswordLink(webServices(), { email: formText(form, "email"), address });
    return { message: null, isDone: true };
  } catch (error) {
    return { message: sentenceOf(error), isDone: false };
  }
}

export async function resetPasswordAction(token: unknown, password: unknown): Promise<ActionResult> {
  try {
    await requireOwnOrigin();
    await resetPassword(webServices(), { token, password });
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}

/** Whose invitation a link is, before it is accepted. */
export async function readInvitationAction(token: unknown): Promise<ActionResult<{ name: string; email: string }>> {
  try {
    await requireOwnOrigin();
    const invitation = await findInvitation(webServices(), token);
    if (!invitation) throw new AppError("link_invalid");
    return { ok: true, data: invitation };
  } catch (error) {
    return failureOf(error);
  }
}

export async function acceptInvitationAction(token: unknown, password: unknown): Promise<ActionResult> {
  let level: string;
  try {
    await requireOwnOrigin();
    const session = await acceptInvitation(webServices(), { token, password, browser: await currentBrowser() });
    await setSessionCookie(session);
    level = session.level;
  } catch (error) {
    return failureOf(error);
  }
  redirect((level === "FULL" ? "/" : "/enroll-mfa") as Route);
}
