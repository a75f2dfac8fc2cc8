"use server";

import type {
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
} from "@simplewebauthn/server";
import { revalidatePath } from "next/cache";
import { z } from "zod";
import type { ActionResult } from "@/components/action-result";
import type { Account } from "@/server/auth/accounts";
import { addPasskey, PasskeyNameSchema, removePasskey, startPasskey, startPasskeySignIn } from "@/server/auth/passkeys";
import { requiresTwoFactor } from "@/server/auth/permissions";
import { confirmTotp, removeTotp, renewRecoveryCodes, startTotp } from "@/server/auth/second-factor";
import { accountOf, changePassword, confirmIdentity } from "@/server/auth/security";
import { currentBrowser, setSessionCookie } from "@/server/auth/session-cookie";
import { requireConfirmed, type WebSession } from "@/server/auth/sessions";
import { actionContext, failureOf, requireSession } from "@/server/auth/web";
import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";

const PATH = "/settings/security";

type Own = { ctx: ServiceContext; session: WebSession; account: Account; isRequired: boolean };

async function own(): Promise<Own> {
  const ctx = await actionContext("sessions:own");
  const session = await requireSession();
  const account = await accountOf(ctx, session);
  return { ctx, session, account, isRequired: requiresTwoFactor(session.user.permissions) };
}

/** As `own`, for what changes how one signs in. Errors: confirmation_required. */
async function ownConfirmed(): Promise<Own> {
  const found = await own();
  requireConfirmed(found.ctx, found.session);
  return found;
}

const ProofSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("password"), password: z.string().max(200) }),
  z.strictObject({ kind: z.literal("code"), code: z.string().max(40) }),
  z.strictObject({ kind: z.literal("passkey"), response: z.unknown() }),
]);

/** Proves again who one is; what changes how one signs in asks for it. */
export async function confirmAction(proof: unknown): Promise<ActionResult> {
  try {
    const { ctx, session } = await own();
    const parsed = ProofSchema.safeParse(proof);
    if (!parsed.success) throw new AppError("request_malformed");
    await setSessionCookie(await confirmIdentity(ctx, session, parsed.data, ctx.requestId));
    revalidatePath(PATH);
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}

export async function askOwnPasskeyAction(): Promise<ActionResult<PublicKeyCredentialRequestOptionsJSON>> {
  try {
    const { ctx, session } = await own();
    return { ok: true, data: await startPasskeySignIn(ctx, session.user.id) };
  } catch (error) {
    return failureOf(error);
  }
}

/** The old password is the proof here. Every other session ends. */
export async function changePasswordAction(input: unknown): Promise<ActionResult> {
  try {
    const { ctx, session } = await own();
    const parsed = z.strictObject({ current: z.string(), next: z.string() }).safeParse(input);
    if (!parsed.success) throw new AppError("request_malformed");
    const renewed = await changePassword(
      ctx,
      session,
      { ...parsed.data, browser: await currentBrowser() },
      ctx.requestId,
    );
    await setSessionCookie(renewed);
    revalidatePath(PATH);
    return { ok: true, message: "Password changed. You are signed out everywhere else." };
  } catch (error) {
    return failureOf(error);
  }
}

export async function startTotpAction(): Promise<ActionResult<{ secret: string; uri: string }>> {
  try {
    const { ctx, account } = await ownConfirmed();
    return { ok: true, data: await startTotp(ctx, account) };
  } catch (error) {
    return failureOf(error);
  }
}

export async function confirmTotpAction(code: unknown): Promise<ActionResult<{ recoveryCodes: string[] | null }>> {
  try {
    const { ctx, account } = await ownConfirmed();
    const data = await confirmTotp(ctx, account, code, ctx.requestId);
    revalidatePath(PATH);
    return { ok: true, data };
  } catch (error) {
    return failureOf(error);
  }
}

export async function removeTotpAction(): Promise<ActionResult> {
  try {
    const { ctx, account, isRequired } = await ownConfirmed();
    await removeTotp(ctx, account, isRequired, ctx.requestId);
    revalidatePath(PATH);
    return { ok: true, message: "Authenticator app removed" };
  } catch (error) {
    return failureOf(error);
  }
}

export async function renewCodesAction(): Promise<ActionResult<{ recoveryCodes: string[] }>> {
  try {
    const { ctx, account } = await ownConfirmed();
    const recoveryCodes = await renewRecoveryCodes(ctx, account, ctx.requestId);
    revalidatePath(PATH);
    return { ok: true, data: { recoveryCodes } };
  } catch (error) {
    return failureOf(error);
  }
}

export async function startPasskeyAction(): Promise<ActionResult<PublicKeyCredentialCreationOptionsJSON>> {
  try {
    const { ctx, account } = await ownConfirmed();
    return { ok: true, data: await startPasskey(ctx, account) };
  } catch (error) {
    return failureOf(error);
  }
}

export async function addPasskeyAction(
  name: unknown,
  response: unknown,
): Promise<ActionResult<{ recoveryCodes: string[] | null }>> {
  try {
    const { ctx, account } = await ownConfirmed();
    const parsed = PasskeyNameSchema.safeParse(name);
    if (!parsed.success)
      throw new AppError("validation_failed", { errors: [{ pointer: "/name", detail: "is not a name" }] });
    const { recoveryCodes } = await addPasskey(ctx, account, { name: parsed.data, response }, ctx.requestId);
    revalidatePath(PATH);
    return { ok: true, data: { recoveryCodes } };
  } catch (error) {
    return failureOf(error);
  }
}

export async function removePasskeyAction(id: unknown): Promise<ActionResult> {
  try {
    const { ctx, account, isRequired } = await ownConfirmed();
    const parsed = idSchema("passkey").safeParse(id);
    if (!parsed.success) throw new AppError("not_found");
    await removePasskey(ctx, account, parsed.data, isRequired, ctx.requestId);
    revalidatePath(PATH);
    return { ok: true, message: "Passkey removed" };
  } catch (error) {
    return failureOf(error);
  }
}
