import "server-only";
import type { Route } from "next";
import { cookies, headers } from "next/headers";
import { notFound, redirect, unstable_rethrow } from "next/navigation";
import { cache } from "react";
import { createContext, createServices, requirePermission, type ServiceContext, type Services } from "@/server/context";
import { isDatabaseUnavailable } from "@/server/core/database-errors";
import { AppError, isAppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { type Mode, modeSchema } from "@/server/core/schema";
import { cookieName } from "./cookies";
import { isOwnOrigin } from "./origin";
import { can, type Permission } from "./permissions";
import { returnPath } from "./return-path";
import { openToken } from "./session-token";
import { actorOf, findHalfSession, findSession, type HalfSession, type WebSession } from "./sessions";

const HOLDER = Symbol.for("tillgate.web.services");
type Holder = typeof globalThis & { [HOLDER]?: Services };

/** What the web process shares. Made at the first request, not on import: a build imports every page without settings. */
export function webServices(): Services {
  const holder: Holder = globalThis;
  holder[HOLDER] ??= createServices({ name: "web" });
  return holder[HOLDER];
}

/** Who is signed in, or null. Asked once per request, however many parts of a page ask. */
export const currentSession = cache(async (): Promise<WebSession | null> => {
  const services = webServices();
  const token = await openToken(services, (await cookies()).get(cookieName(services.env, "session"))?.value);
  return token === null ? null : findSession(services, token);
});

/** Who is half signed in, with the token; null for everybody else. Only the pages of the second factor ask this. */
export const currentHalfSession = cache(async (): Promise<{ half: HalfSession; token: string } | null> => {
  const services = webServices();
  const token = await openToken(services, (await cookies()).get(cookieName(services.env, "session"))?.value);
  const half = token === null ? null : await findHalfSession(services, token);
  return half === null || token === null ? null : { half, token };
});

/** Where somebody who is half signed in goes on. */
export function secondFactorPath(half: HalfSession, next: unknown): Route {
  const path = returnPath(next);
  const page = half.level === "CODE_DUE" ? "/sign-in/code" : "/enroll-mfa";
  return (path === "/" ? page : `${page}?next=${encodeURIComponent(path)}`) as Route;
}

/** The world that the person looks at: test unless they chose live. */
export const currentMode = cache(async (): Promise<Mode> => {
  const chosen = (await cookies()).get(cookieName(webServices().env, "mode"))?.value;
  return modeSchema.safeParse(chosen).data ?? "test";
});

/** One id for everything that a request does. */
const currentRequestId = cache(() => newId("request"));

/** For every page behind the sign-in: who asks. Without a session the person signs in first and comes back. */
export async function requireSession(): Promise<WebSession> {
  const session = await currentSession();
  if (session) return session;
  const path = returnPath((await headers()).get("x-path"));
  const waiting = await currentHalfSession();
  if (waiting) redirect(secondFactorPath(waiting.half, path));
  redirect((path === "/" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(path)}`) as Route);
}

async function contextOf(session: WebSession): Promise<ServiceContext> {
  return createContext(webServices(), {
    actor: actorOf(session),
    scope: { partners: session.partners, mode: await currentMode() },
    way: "SCREEN",
    requestId: currentRequestId(),
  });
}

/** The context of a page. With a permission that the person lacks the page is answered as one that does not exist. */
export async function webContext(permission?: Permission): Promise<ServiceContext> {
  const session = await requireSession();
  if (permission !== undefined && !can(session.user, permission)) notFound();
  return contextOf(session);
}

/** First line of every page: the session and the permission, or the way to sign in, or "not found". */
export async function requirePagePermission(permission: Permission): Promise<WebSession> {
  const session = await requireSession();
  if (!can(session.user, permission)) notFound();
  return session;
}

/**
 * The context of a route handler that only reads (an export, an event stream): never a redirect.
 * Errors: session_required, permission_denied.
 */
export async function routeContext(permission: Permission): Promise<ServiceContext> {
  const session = await currentSession();
  if (!session) throw new AppError("session_required");
  const ctx = await contextOf(session);
  requirePermission(ctx, permission);
  return ctx;
}

/**
 * First line of every server action: the request comes from our own pages, someone is signed in and may do this.
 * Errors: origin_refused, session_required, permission_denied.
 */
export async function actionContext(permission: Permission): Promise<ServiceContext> {
  await requireOwnOrigin();
  return routeContext(permission);
}

/** Errors: origin_refused. */
export async function requireOwnOrigin(): Promise<void> {
  if (!isOwnOrigin(await headers(), webServices().env)) throw new AppError("origin_refused");
}

export type WebFailure = {
  ok: false;
  code: string;
  message: string;
  requestId: string;
  fields?: Record<string, string>;
};

/**
 * What a server action or route answers when it fails: code, sentence, request id, and the fields at fault by their
 * dotted names. The log has the rest. Next's own signals (redirect, not found) pass through.
 */
export function failureOf(error: unknown, ctx?: Pick<ServiceContext, "requestId">): WebFailure {
  unstable_rethrow(error);
  const requestId = ctx?.requestId ?? currentRequestId();
  const known = isAppError(error)
    ? error
    : new AppError(isDatabaseUnavailable(error) ? "unavailable" : "internal_error", { cause: error });
  if (known.status >= 500) webServices().log.error({ requestId, error: known }, "action failed");
  const fields = Object.fromEntries(
    known.errors.map((field) => [field.pointer.replace(/^\//, "").replaceAll("/", "."), field.detail]),
  );
  return {
    ok: false,
    code: known.code,
    message: known.detail,
    requestId,
    ...(known.errors.length > 0 ? { fields } : {}),
  };
}
