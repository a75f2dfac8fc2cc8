"use server";

import type { Route } from "next";
import { revalidatePath } from "next/cache";
import { cookies, headers } from "next/headers";
import { redirect } from "next/navigation";
import { isDatabaseUnavailable } from "@/server/core/database-errors";
import { isAppError } from "@/server/core/errors";
import { modeSchema } from "@/server/core/schema";
import { DAY_MS, SECOND_MS } from "@/server/core/time";
import { formText } from "./action-input";
import { clientAddress } from "./client-address";
import { cookieName, cookieOptions } from "./cookies";
import { returnPath } from "./return-path";
import { setSessionCookie } from "./session-cookie";
import { openToken } from "./session-token";
import { signIn, signOut } from "./sign-in";
import { currentSession, requireOwnOrigin, webServices } from "./web";

export type SignInState = { message: string | null; email: string };

const WRONG = "Wrong e-mail or password.";
const NOT_NOW = "Sign-in is not possible right now. Try again soon.";

function tooManyTries(retryAfterSeconds: number): string {
  const minutes = Math.ceil(retryAfterSeconds / 60);
  return `Too many tries. Try again in ${minutes === 1 ? "a minute" : `${minutes} minutes`}.`;
}

/** The form of the sign-in page: the cookie and the way back, or a sentence. */
export async function signInAction(_before: SignInState, form: unknown): Promise<SignInState> {
  const services = webServices();
  const email = formText(form, "email", 254);
  const next = returnPath(formText(form, "next"));
  let after: string | null = null;
  try {
    await requireOwnOrigin();
    const [jar, sent] = await Promise.all([cookies(), headers()]);
    const outcome = await signIn(services, {
      email,
      password: formText(form, "password"),
      address: clientAddress(sent),
      userAgent: sent.get("user-agent"),
      replaces: await openToken(services, jar.get(cookieName(services.env, "session"))?.value),
    });
    if (outcome.kind === "refused") return { message: WRONG, email };
    if (outcome.kind === "throttled") return { message: tooManyTries(outcome.retryAfterSeconds), email };
    await setSessionCookie(outcome);
    if (outcome.level !== "FULL") after = outcome.level === "CODE_DUE" ? "/sign-in/code" : "/enroll-mfa";
  } catch (error) {
    if (isDatabaseUnavailable(error)) {
      services.log.warn({ error }, "sign-in is not possible without the database");
      return { message: NOT_NOW, email };
    }
    if (!isAppError(error)) throw error;
    services.log.warn({ code: error.code, error }, "sign-in failed");
    return { message: error.code === "unavailable" ? NOT_NOW : error.detail, email };
  }
  if (after !== null && next !== "/") after = `${after}?next=${encodeURIComponent(next)}`;
  redirect((after ?? next) as Route);
}

/** Ends the session here and at the server, then shows the sign-in page. */
export async function signOutAction(): Promise<void> {
  await requireOwnOrigin();
  const services = webServices();
  const jar = await cookies();
  const name = cookieName(services.env, "session");
  const token = await openToken(services, jar.get(name)?.value);
  if (token !== null) await signOut(services, token);
  jar.set({ name, value: "", maxAge: 0, ...cookieOptions(services.env) });
  redirect("/sign-in" as Route);
}

/** Shows the other world, test or live, from now on. */
export async function setModeAction(mode: unknown): Promise<void> {
  await requireOwnOrigin();
  const chosen = modeSchema.safeParse(mode);
  if (!chosen.success || !(await currentSession())) return;
  const { env } = webServices();
  (await cookies()).set({
    name: cookieName(env, "mode"),
    value: chosen.data,
    maxAge: (30 * DAY_MS) / SECOND_MS,
    ...cookieOptions(env),
  });
  revalidatePath("/", "layout");
}
