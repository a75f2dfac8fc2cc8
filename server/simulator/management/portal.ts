import { generateKeyPairSync, randomBytes, sign, verify, X509Certificate } from "node:crypto";
import { z } from "zod";
import { invalid, SimulatedError } from "../errors";
import { iso, newUuid } from "../ids";
import type { Account } from "../model";
import { isRecord } from "../routing";
import { nowFor, type Simulator } from "../simulator";
import { createSigningRequest } from "./certificates";
import { createClientCertificate, findCertificate, fingerprintOf } from "./credentials";
import { EmailSchema, NameSchema, parseInput } from "./input";
import type { DeepLink, Resource } from "./model";
import { addResource, findByReference } from "./resources";
import { managementOf } from "./settings";

/** The way of the Partner's staff into Klarna's portal: signed deep links, and invited users. */

export const PORTAL_ROLES = ["merchant:admin", "merchant:developer"] as const;
const RoleSchema = z.enum(PORTAL_ROLES, `must be ${PORTAL_ROLES.join(" or ")}`);
const JTI_MEMORY_MS = 86_400_000;
const CLOCK_SKEW_MS = 60_000;
const SAMPLE_SECONDS = 60;

const BodySchema = z.looseObject({ jwt: z.string().optional(), token: z.string().optional() });

const ClaimsSchema = z.looseObject({
  iss: z.string("is required"),
  sub: EmailSchema,
  jti: z.string("is required").min(1).max(255),
  iat: z.int("is required"),
  exp: z.int("is required"),
  amr: z.array(z.string(), "is required").refine((amr) => amr.includes("pwd"), "must contain pwd"),
  account_id: z.string().optional(),
  on_behalf_of: z.string("is required"),
  roles: z
    .preprocess((roles) => (typeof roles === "string" ? [roles] : roles), z.array(RoleSchema, "is required"))
    .refine((roles) => roles.length > 0, "must have at least one entry"),
});

function partOf(text: string | undefined): unknown {
  try {
    const value: unknown = JSON.parse(Buffer.from(text ?? "", "base64url").toString("utf8"));
    return value;
  } catch {
    return undefined;
  }
}

/** The claims of a token that is signed with the key of an accepted certificate. */
function verifiedClaims(sim: Simulator, jwt: string, parameter: string): unknown {
  const [head, body, signature, ...rest] = jwt.split(".");
  const header = partOf(head);
  if (body === undefined || signature === undefined || rest.length > 0 || !isRecord(header)) {
    throw invalid(parameter, "is not a signed JWT");
  }
  if (header.alg !== "ES256") throw invalid(`${parameter}.alg`, "must be ES256");
  if (header.typ !== undefined && header.typ !== "JWT") throw invalid(`${parameter}.typ`, "must be JWT");
  const first: unknown = Array.isArray(header.x5c) ? header.x5c[0] : undefined;
  if (typeof first !== "string") throw invalid(`${parameter}.x5c`, "is required");
  let certificate: X509Certificate;
  let isSigned = false;
  try {
    certificate = new X509Certificate(Buffer.from(first, "base64"));
    isSigned = verify(
      "sha256",
      Buffer.from(`${head}.${body}`),
      { key: certificate.publicKey, dsaEncoding: "ieee-p1363" },
      Buffer.from(signature, "base64url"),
    );
  } catch {
    throw invalid(`${parameter}.x5c`, "holds no usable certificate");
  }
  const mustBeOurs = managementOf(sim).deep_link_certificates === "issued";
  if (mustBeOurs && findCertificate(sim, fingerprintOf(certificate.raw)) === null) {
    throw invalid(`${parameter}.x5c`, "is not an active client certificate of the account");
  }
  if (!isSigned) throw invalid(parameter, "has a wrong signature");
  return partOf(body);
}

export function createDeepLink(sim: Simulator, body: unknown): Record<string, unknown> {
  const input = parseInput(BodySchema, body);
  const jwt = input.jwt ?? input.token;
  if (jwt === undefined) throw invalid("jwt", "is required");
  const claims = parseInput(ClaimsSchema, verifiedClaims(sim, jwt, "jwt"));
  const acquirer = sim.settings().acquirer_account_id;
  if (claims.iss !== acquirer) throw invalid("iss", "is not the Acquiring Partner's account");
  if (claims.account_id !== undefined && claims.account_id !== acquirer && claims.account_id !== claims.on_behalf_of) {
    throw invalid("account_id", "is not the account of the issuer or of the Partner");
  }
  // A token's times are those of the caller's clock, which nobody moves.
  const now = Date.now();
  if (claims.exp * 1_000 <= now) throw invalid("exp", "is over");
  if (claims.iat * 1_000 > now + CLOCK_SKEW_MS) throw invalid("iat", "is in the future");
  const account = sim.state.accounts.get(claims.on_behalf_of);
  if (account === undefined) {
    throw new SimulatedError("OPERATION_FORBIDDEN", "The account was not onboarded by this Acquiring Partner.");
  }
  const at = nowFor(sim, undefined);
  for (const known of sim.state.deepLinks.values()) {
    if (known.jti === claims.jti) {
      throw new SimulatedError("RESOURCE_CONFLICT", "The token was used before.");
    }
    if (at - known.created_at > JTI_MEMORY_MS) sim.state.deepLinks.remove(known.deep_link_id);
  }
  const link: DeepLink = {
    deep_link_id: randomBytes(32).toString("base64url"),
    jti: claims.jti,
    account_id: account.account_id,
    user: claims.sub,
    roles: claims.roles,
    created_at: at,
    expires_at: at + managementOf(sim).deep_link_ms,
    used_at: null,
  };
  sim.state.deepLinks.put(link);
  return { url: deepLinkUrl(sim, link), expires_at: iso(link.expires_at) };
}

/** A signed token as an acquirer's software would make it, with a certificate of its own. For trying things out. */
export function sampleDeepLinkToken(sim: Simulator, accountId: string, user: string, roles: string[]): string {
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const made = createClientCertificate(sim, {
    description: "Sample for a deep link",
    config: { usage: "MTLS", certificate_signing_request: createSigningRequest("Sample", keys) },
  });
  const certificate = new X509Certificate(String(made.certificate));
  const now = Math.floor(Date.now() / 1_000);
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const head = encode({ alg: "ES256", typ: "JWT", x5c: [certificate.raw.toString("base64")] });
  const body = encode({
    iss: sim.settings().acquirer_account_id,
    sub: user,
    jti: newUuid(),
    iat: now,
    exp: now + SAMPLE_SECONDS,
    amr: ["pwd"],
    account_id: sim.settings().acquirer_account_id,
    on_behalf_of: accountId,
    roles,
  });
  const signature = sign("sha256", Buffer.from(`${head}.${body}`), {
    key: keys.privateKey,
    dsaEncoding: "ieee-p1363",
  });
  return `${head}.${body}.${signature.toString("base64url")}`;
}

export function deepLinkUrl(sim: Simulator, link: DeepLink): string {
  return `${sim.publicUrl()}/portal/${link.deep_link_id}`;
}

/** Uses a link up: only the first time within its minute gives anything. */
export function enterPortal(sim: Simulator, id: string): { link: DeepLink; account: Account } | null {
  const link = sim.state.deepLinks.get(id);
  const account = link === undefined ? undefined : sim.state.accounts.get(link.account_id);
  if (link === undefined || account === undefined || link.used_at !== null) return null;
  const now = nowFor(sim, undefined);
  if (now > link.expires_at) return null;
  link.used_at = now;
  sim.state.deepLinks.put(link);
  return { link, account };
}

// --- users ---

const UserSchema = z.looseObject({
  email: EmailSchema,
  given_name: NameSchema.optional(),
  family_name: NameSchema.optional(),
  roles: z.array(RoleSchema, "is required").min(1, "must have at least one entry"),
});
const UserPatchSchema = UserSchema.omit({ email: true }).partial();

export function userView(user: Resource): Record<string, unknown> {
  return {
    user_id: user.id,
    ...user.data,
    state: user.state,
    created_at: iso(user.created_at),
    updated_at: iso(user.updated_at),
  };
}

/** Invites somebody by e-mail. The e-mail itself is not sent; the control API accepts for them. */
export function inviteUser(sim: Simulator, account: Account, body: unknown): Resource {
  const input = parseInput(UserSchema, body);
  const email = input.email.toLowerCase();
  if (findByReference(sim, account.account_id, "user", email) !== undefined) {
    throw new SimulatedError("RESOURCE_CONFLICT", "A user with this e-mail address exists.");
  }
  return addResource(sim, account, "user", { reference: email, data: input, state: "INVITED" });
}

export function updateUser(sim: Simulator, account: Account, user: Resource, body: unknown): void {
  const input = parseInput(UserPatchSchema, body);
  const { given_name, family_name, roles } = input;
  user.data = {
    ...user.data,
    ...(given_name === undefined ? {} : { given_name }),
    ...(family_name === undefined ? {} : { family_name }),
    ...(roles === undefined ? {} : { roles }),
  };
  user.updated_at = nowFor(sim, account);
  sim.state.resources.put(user);
}

export function acceptInvitation(sim: Simulator, account: Account, user: Resource): void {
  user.state = "ACTIVE";
  user.updated_at = nowFor(sim, account);
  sim.state.resources.put(user);
}
