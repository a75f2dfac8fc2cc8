import { randomBytes } from "node:crypto";
import * as oidc from "openid-client";
import { z } from "zod";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { emailSchema } from "@/server/core/schema";
import { addMs, HOUR_MS, SECOND_MS } from "@/server/core/time";
import type { Row, Transaction } from "@/server/db/client";
import { isEqualSecret } from "@/server/db/secrets";
import { type Account, findAccount, findAccountByEmail, levelAfterOneFactor } from "./accounts";
import { alertPerson } from "./alerts";
import { type BegunSession, type Browser, beginSession } from "./begin-session";
import { CHALLENGE_LIFE_MS, keepChallenge, takeChallenge } from "./challenges";
import { INVITATION_LIFE_MS } from "./one-time-links";
import { returnPath } from "./return-path";
import { auditOwn, type FactorServices } from "./second-factor";

/*
 * Single sign-on with an OpenID Connect provider that the settings name: authorization code with PKCE, state and nonce.
 * The provider says who somebody is; whether they may come in, and as what, is said here: they must be a person of ours
 * already, or invited. The first time they are found by the address that the provider has verified, from then on by the
 * provider's own identifier alone. When the provider says that it has asked for several factors (`amr` holds "mfa"), that
 * is enough; otherwise ours is asked for as after a password.
 */

export const SSO_CALLBACK_PATH = "/api/auth/sso/callback";
const TIMEOUT_SECONDS = 10;
const METADATA_FOR_MS = HOUR_MS;

export function isSsoConfigured(services: Pick<FactorServices, "env">): boolean {
  return services.env.OIDC_ISSUER !== undefined;
}

const known = new WeakMap<object, { atMs: number; configuration: Promise<oidc.Configuration> }>();

/** What the provider says of itself, asked for at most once an hour. */
function configurationOf(services: FactorServices): Promise<oidc.Configuration> {
  const { env } = services;
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: id, OIDC_CLIENT_SECRET: secret } = env;
  if (issuer === undefined || id === undefined || secret === undefined) throw new AppError("not_found");
  const cached = known.get(services.db);
  if (cached && performance.now() - cached.atMs < METADATA_FOR_MS) return cached.configuration;
  const configuration = oidc
    .discovery(new URL(issuer), id, secret, undefined, {
      timeout: TIMEOUT_SECONDS,
      // Signatures are checked even though the token comes straight from the provider. Plain http is for a provider on
      // this machine; the settings refuse it in production.
      execute: [oidc.enableNonRepudiationChecks, ...(issuer.startsWith("http:") ? [oidc.allowInsecureRequests] : [])],
    })
    .catch((error: unknown) => {
      known.delete(services.db);
      throw new AppError("unavailable", { detail: "The single sign-on cannot be reached right now.", cause: error });
    });
  known.set(services.db, { atMs: performance.now(), configuration });
  return configuration;
}

const KeptSchema = z.object({ nonce: z.string(), verifier: z.string(), binding: z.string(), next: z.string() });

/**
 * Begins a single sign-on: where the browser goes, and the value of the cookie that ties the answer to this browser.
 * Errors: not_found (not configured), unavailable.
 */
export async function startSso(
  services: FactorServices,
  next: unknown,
): Promise<{ url: URL; binding: string; lifeSeconds: number }> {
  const configuration = await configurationOf(services);
  const [state, nonce, verifier] = [oidc.randomState(), oidc.randomNonce(), oidc.randomPKCECodeVerifier()];
  const binding = randomBytes(32).toString("base64url");
  await keepChallenge(services.db, services, {
    kind: "SSO",
    value: state,
    userId: null,
    data: JSON.stringify({ nonce, verifier, binding, next: returnPath(next) }),
  });
  const url = oidc.buildAuthorizationUrl(configuration, {
    redirect_uri: new URL(SSO_CALLBACK_PATH, services.env.PUBLIC_URL).href,
    scope: "openid email profile",
    state,
    nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  });
  return { url, binding, lifeSeconds: CHALLENGE_LIFE_MS / SECOND_MS };
}

const ClaimsSchema = z.object({
  iss: z.string().min(1).max(500),
  sub: z.string().min(1).max(255),
  email: z.string().max(254).optional(),
  email_verified: z.boolean().optional(),
  amr: z.array(z.string()).optional().catch(undefined),
});
type Claims = z.infer<typeof ClaimsSchema>;

export type SsoOutcome =
  | { kind: "signed_in"; session: BegunSession; next: string }
  /** `refused`: nobody of ours, or not allowed; `failed`: the round did not come to its end and may be tried again. */
  | { kind: "refused" | "failed" };

/**
 * The browser is back from the provider. `search` is the query of the request; the address that it came to is our own
 * setting, never what the request says.
 */
export async function finishSso(
  services: FactorServices,
  input: { search: URLSearchParams; binding: string | null; browser: Browser },
  requestId: string = newId("request"),
): Promise<SsoOutcome> {
  const state = input.search.get("state") ?? "";
  const kept = await takeChallenge(services.db, services, "SSO", state);
  if (!kept) return { kind: "failed" };
  const { nonce, verifier, binding, next } = KeptSchema.parse(JSON.parse(kept.data));
  if (input.binding === null || !isEqualSecret(binding, input.binding)) return { kind: "failed" };
  const claims = await exchange(services, input.search, { state, nonce, verifier }, requestId);
  if (claims === null) return { kind: "failed" };
  const found = await findPerson(services, claims);
  if (!found) {
    services.log.warn({ requestId }, "single sign-on of somebody unknown refused");
    return { kind: "refused" };
  }
  const { account, isFirst } = found;
  const session = await beginSession(services, {
    account,
    level: claims.amr?.includes("mfa") ? "FULL" : levelAfterOneFactor(services, account),
    method: "SSO",
    browser: input.browser,
    requestId,
    also: (tx) => welcome(tx, services, account, claims, isFirst, requestId),
  });
  if (isFirst) services.nudge("mails");
  return { kind: "signed_in", session, next };
}

async function exchange(
  services: FactorServices,
  search: URLSearchParams,
  checks: { state: string; nonce: string; verifier: string },
  requestId: string,
): Promise<Claims | null> {
  const configuration = await configurationOf(services);
  const back = new URL(SSO_CALLBACK_PATH, services.env.PUBLIC_URL);
  back.search = search.toString();
  try {
    const tokens = await oidc.authorizationCodeGrant(configuration, back, {
      expectedState: checks.state,
      expectedNonce: checks.nonce,
      pkceCodeVerifier: checks.verifier,
      idTokenExpected: true,
    });
    return ClaimsSchema.parse(tokens.claims());
  } catch (error) {
    services.log.warn({ requestId, error }, "single sign-on failed");
    return null;
  }
}

/** The address counts only when the provider has verified it, and only from the domains that the settings allow. */
function addressOf(services: FactorServices, claims: Claims): string | null {
  const email = emailSchema.safeParse(claims.email?.toLowerCase());
  if (!email.success || claims.email_verified !== true) return null;
  const domains = services.env.OIDC_ALLOWED_DOMAINS.map((domain) => domain.toLowerCase());
  const domain = email.data.slice(email.data.lastIndexOf("@") + 1);
  return domains.length === 0 || domains.includes(domain) ? email.data : null;
}

/** An invitation that nobody took up is over after its seven days, whichever way somebody comes. */
function isInvitedStill(services: FactorServices, account: Account): boolean {
  const { state, invitedAt } = account;
  return state === "INVITED" && invitedAt !== null && addMs(invitedAt, INVITATION_LIFE_MS) > services.clock.now();
}

async function findPerson(
  services: FactorServices,
  claims: Claims,
): Promise<{ account: Account; isFirst: boolean } | null> {
  const email = addressOf(services, claims);
  if (email === null) return null;
  const [identity] = await services.db.query<Row & { userId: string }>({
    text: `select user_id as "userId" from user_identities where issuer = $1 and subject = $2`,
    values: [claims.iss, claims.sub],
  });
  const account = identity
    ? await findAccount(services.db, identity.userId)
    : await findAccountByEmail(services.db, email);
  if (!account || !(account.state === "ACTIVE" || isInvitedStill(services, account))) return null;
  if (identity) return { account, isFirst: false };
  // Somebody else at the provider has this address now: the one whom we know is not them.
  const [other] = await services.db.query({
    text: "select 1 from user_identities where issuer = $1 and user_id = $2",
    values: [claims.iss, account.id],
  });
  return other ? null : { account, isFirst: true };
}

async function welcome(
  tx: Transaction,
  services: FactorServices,
  account: Account,
  claims: Claims,
  isFirst: boolean,
  requestId: string,
): Promise<void> {
  const now = services.clock.now();
  if (account.state === "INVITED") {
    await tx.query({
      text: "update users set state = 'ACTIVE', updated_at = $2 where id = $1 and state = 'INVITED'",
      values: [account.id, now],
    });
    await auditOwn(tx, services, account.id, requestId, {
      action: "user.invitation_accepted",
      before: { state: "INVITED" },
      after: { state: "ACTIVE" },
    });
  }
  if (!isFirst) return;
  await tx.query({
    text: "insert into user_identities (issuer, subject, user_id, created_at) values ($1, $2, $3, $4)",
    values: [claims.iss, claims.sub, account.id, now],
  });
  await auditOwn(tx, services, account.id, requestId, { action: "user.single_sign_on_joined" });
  await alertPerson(tx, services, account, { kind: "single_sign_on_joined" });
}
