import { createHash, createPrivateKey, randomBytes, X509Certificate } from "node:crypto";
import { z } from "zod";
import { invalid, SimulatedError } from "../errors";
import { iso, newApiKey } from "../ids";
import { nowFor, type Simulator } from "../simulator";
import { createAuthority, issueClientCertificate, readSigningRequest, type SigningRequest } from "./certificates";
import { DerError } from "./der";
import { parseInput } from "./input";
import { type Credential, IP_ENTRIES_MAX, type IpList, IpModeSchema, MTLS_AHEAD_MAX_MS } from "./model";
import { isAddressRange } from "./ranges";
import { managementOf, saveManagement } from "./settings";
import { scheduleStep } from "./steps";

/** The acquirer's API keys, client identifiers and client certificates, and who may call from where. */

const DescriptionSchema = z
  .string()
  .regex(/^[a-zA-Z0-9\-:;., _]{0,100}$/, "may have up to 100 letters, digits, blanks and - : ; . , _");

const hexOf = (value: string | Uint8Array): string => createHash("sha256").update(value).digest("hex");

/** The id follows from the secret, so that a key is found without a search and its text is kept nowhere. */
export function credentialIdOf(secret: string): string {
  const hex = hexOf(secret);
  const uuid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
  return `krn:partner:global:account:credential:test:${uuid}`;
}

function newCredential(
  sim: Simulator,
  id: string,
  kind: Credential["kind"],
  description: string,
  more: Partial<Credential> = {},
): Credential {
  const now = nowFor(sim, undefined);
  const credential: Credential = {
    credential_id: id,
    kind,
    description,
    state: "ACTIVE",
    is_first: false,
    client_identifier: null,
    allowed_domains: [],
    certificate: null,
    fingerprint: null,
    expires_at: null,
    created_at: now,
    updated_at: now,
    last_used_at: null,
    ...more,
  };
  sim.state.credentials.put(credential);
  return credential;
}

/** The key that the simulator was started with is a credential like any other, made when it is first needed. */
export function ensureFirstKey(sim: Simulator): Credential {
  const id = credentialIdOf(sim.settings().api_key);
  const known = sim.state.credentials.get(id);
  if (known !== undefined) return known;
  for (const credential of sim.state.credentials.values()) {
    if (credential.is_first) sim.state.credentials.remove(credential.credential_id);
  }
  return newCredential(sim, id, "API_KEY", "First key, by secure link", { is_first: true });
}

export function credentialsOf(sim: Simulator, kind: Credential["kind"]): Credential[] {
  if (kind === "API_KEY") ensureFirstKey(sim);
  return [...sim.state.credentials.values()].filter((credential) => credential.kind === kind);
}

export function getCredential(sim: Simulator, kind: Credential["kind"], id: string): Credential {
  if (kind === "API_KEY") ensureFirstKey(sim);
  const credential = sim.state.credentials.get(id);
  if (credential === undefined || credential.kind !== kind) {
    throw new SimulatedError("RESOURCE_NOT_FOUND", "The credential does not exist.");
  }
  return credential;
}

export function credentialView(credential: Credential): Record<string, unknown> {
  return {
    credential_id: credential.credential_id,
    description: credential.description,
    state: credential.state,
    ...(credential.client_identifier === null ? {} : { client_identifier: credential.client_identifier }),
    ...(credential.kind === "CLIENT_IDENTIFIER" ? { config: { allowed_domains: credential.allowed_domains } } : {}),
    ...(credential.certificate === null
      ? {}
      : {
          config: { usage: "MTLS" },
          certificate: credential.certificate,
          fingerprint_sha256: credential.fingerprint,
        }),
    ...(credential.expires_at === null ? {} : { expires_at: iso(credential.expires_at) }),
    created_at: iso(credential.created_at),
    updated_at: iso(credential.updated_at),
    last_used_at: credential.last_used_at === null ? null : iso(credential.last_used_at),
  };
}

const ApiKeySchema = z.looseObject({ description: DescriptionSchema.default("") });

export function createApiKey(sim: Simulator, body: unknown): Record<string, unknown> {
  const input = parseInput(ApiKeySchema, body);
  const secret = newApiKey();
  const credential = newCredential(sim, credentialIdOf(secret), "API_KEY", input.description);
  // The only time that the key itself is told.
  return { ...credentialView(credential), api_key: secret };
}

const PatchSchema = z.looseObject({
  description: DescriptionSchema.optional(),
  state: z.enum(["ACTIVE", "DISABLED"], "must be ACTIVE or DISABLED").optional(),
});

export function updateCredential(sim: Simulator, credential: Credential, body: unknown): void {
  const input = parseInput(PatchSchema, body);
  if (credential.kind === "CLIENT_IDENTIFIER") {
    const { config } = parseInput(z.looseObject({ config: DomainsSchema.optional() }), body);
    if (config !== undefined) credential.allowed_domains = config.allowed_domains;
  }
  credential.description = input.description ?? credential.description;
  if (input.state === "DISABLED") requireAnotherKey(sim, credential);
  credential.state = input.state ?? credential.state;
  credential.updated_at = nowFor(sim, undefined);
  sim.state.credentials.put(credential);
}

export function disableCredential(sim: Simulator, credential: Credential): void {
  requireAnotherKey(sim, credential);
  credential.state = "DISABLED";
  credential.updated_at = nowFor(sim, undefined);
  sim.state.credentials.put(credential);
}

function requireAnotherKey(sim: Simulator, credential: Credential): void {
  if (credential.kind !== "API_KEY" || credential.state === "DISABLED") return;
  const hasAnother = credentialsOf(sim, "API_KEY").some((key) => key !== credential && key.state === "ACTIVE");
  if (!hasAnother) throw new SimulatedError("OPERATION_FORBIDDEN", "The last active API key cannot be disabled.");
}

/** What nobody used for two months is disabled; the first key stays, or a moved clock would lock everybody out. */
export function disableIdleKeys(sim: Simulator): void {
  const idleMs = managementOf(sim).key_idle_ms;
  const now = nowFor(sim, undefined);
  for (const credential of sim.state.credentials.values()) {
    if (credential.kind !== "API_KEY" || credential.state !== "ACTIVE" || credential.is_first) continue;
    if (now - (credential.last_used_at ?? credential.created_at) <= idleMs) continue;
    credential.state = "DISABLED";
    credential.updated_at = now;
    sim.state.credentials.put(credential);
  }
}

// --- client identifiers ---

function isDomain(text: string): boolean {
  const url = text.includes("://") ? text : `https://${text}`;
  if (!URL.canParse(url)) return false;
  const parsed = new URL(url);
  const isBare = (parsed.pathname === "/" || parsed.pathname === "") && parsed.search === "" && parsed.username === "";
  return (
    isBare && /^https?:$/.test(parsed.protocol) && (parsed.hostname.includes(".") || parsed.hostname === "localhost")
  );
}

const DomainsSchema = z.looseObject({
  allowed_domains: z
    .array(z.string().max(255).refine(isDomain, "is not a domain or an origin"), "is required")
    .min(1, "must have at least one entry")
    .max(100, "may have up to 100 entries"),
});
const ClientIdentifierSchema = z.looseObject({ description: DescriptionSchema.default(""), config: DomainsSchema });

export function createClientIdentifier(sim: Simulator, body: unknown): Record<string, unknown> {
  const input = parseInput(ClientIdentifierSchema, body);
  const identifier = `klarna_test_client_${randomBytes(24).toString("base64url")}`;
  return credentialView(
    newCredential(sim, credentialIdOf(identifier), "CLIENT_IDENTIFIER", input.description, {
      client_identifier: identifier,
      allowed_domains: input.config.allowed_domains,
    }),
  );
}

/** The identifier that an SDK was started with, if it is active and made for the page's origin. */
export function findClientIdentifier(sim: Simulator, identifier: string, origin: string | null): Credential | null {
  const credential = sim.state.credentials.get(credentialIdOf(identifier));
  if (credential?.kind !== "CLIENT_IDENTIFIER" || credential.state !== "ACTIVE") return null;
  if (origin === null) return credential;
  if (!URL.canParse(origin)) return null;
  const page = new URL(origin);
  const isAllowed = credential.allowed_domains.some((domain) => {
    const allowed = new URL(domain.includes("://") ? domain : `${page.protocol}//${domain}`);
    return allowed.origin === page.origin || (!domain.includes("://") && allowed.hostname === page.hostname);
  });
  return isAllowed ? credential : null;
}

// --- client certificates ---

export function authorityOf(sim: Simulator): { key: string; certificate: string } {
  const management = managementOf(sim);
  if (management.ca === null) {
    management.ca = createAuthority(Date.now());
    saveManagement(sim);
  }
  return management.ca;
}

const CertificateSchema = z.looseObject({
  description: DescriptionSchema.default(""),
  config: z.looseObject({
    usage: z.literal("MTLS", "must be MTLS"),
    certificate_signing_request: z.string("is required").min(1).max(16_384),
  }),
});

export function createClientCertificate(sim: Simulator, body: unknown): Record<string, unknown> {
  const input = parseInput(CertificateSchema, body);
  let request: SigningRequest;
  try {
    request = readSigningRequest(input.config.certificate_signing_request);
  } catch (error) {
    if (error instanceof DerError) throw invalid("config.certificate_signing_request", error.message);
    throw error;
  }
  const authority = authorityOf(sim);
  const now = nowFor(sim, undefined);
  const expiresAt = now + managementOf(sim).certificate_validity_ms;
  const certificate = issueClientCertificate(
    { privateKey: createPrivateKey(authority.key) },
    request,
    Math.min(now, Date.now()) - 60_000,
    expiresAt,
  );
  const fingerprint = hexOf(new X509Certificate(certificate).raw);
  const credential = newCredential(sim, credentialIdOf(fingerprint), "CLIENT_CERTIFICATE", input.description, {
    certificate,
    fingerprint,
    expires_at: expiresAt,
  });
  return { ...credentialView(credential), ca_certificate: authority.certificate };
}

/** An active certificate of ours with this fingerprint, or null. */
export function findCertificate(sim: Simulator, fingerprint: string): Credential | null {
  const credential = sim.state.credentials.get(credentialIdOf(fingerprint));
  if (credential?.kind !== "CLIENT_CERTIFICATE" || credential.state !== "ACTIVE") return null;
  return (credential.expires_at ?? 0) > nowFor(sim, undefined) ? credential : null;
}

export function fingerprintOf(certificate: Uint8Array): string {
  return hexOf(certificate);
}

export function enforcementView(sim: Simulator): Record<string, unknown> {
  const from = managementOf(sim).mtls_enforced_from;
  const status = from === null ? "NOT_ENFORCED" : from <= nowFor(sim, undefined) ? "ENFORCED" : "SCHEDULED";
  return { status, enforced_from: from === null ? null : iso(from) };
}

const EnforceSchema = z.looseObject({
  enforced_from: z.iso.datetime({ offset: true, message: "must be a time such as 2030-01-31T12:00:00Z" }).optional(),
});
const CLOCK_SKEW_MS = 60_000;

export function enforceMtls(sim: Simulator, body: unknown): Record<string, unknown> {
  const input = parseInput(EnforceSchema, body);
  const now = nowFor(sim, undefined);
  const from = input.enforced_from === undefined ? now : Date.parse(input.enforced_from);
  if (from < now - CLOCK_SKEW_MS) throw invalid("enforced_from", "must not be in the past");
  if (from > now + MTLS_AHEAD_MAX_MS) throw invalid("enforced_from", "must be at most three months ahead");
  const hasCertificate = credentialsOf(sim, "CLIENT_CERTIFICATE").some(
    (credential) => credential.fingerprint !== null && findCertificate(sim, credential.fingerprint) !== null,
  );
  if (!hasCertificate) {
    throw new SimulatedError("OPERATION_FORBIDDEN", "There is no active client certificate to enforce.");
  }
  managementOf(sim).mtls_enforced_from = from;
  saveManagement(sim);
  return enforcementView(sim);
}

// --- IP addresses ---

export function ipListView(sim: Simulator): Record<string, unknown> {
  const { ip_list, pending_ip_list } = managementOf(sim);
  return { ...ip_list, ...(pending_ip_list === null ? {} : { pending: pending_ip_list }) };
}

const IpListInputSchema = z.looseObject({
  mode: IpModeSchema.optional(),
  allowed_ip_addresses: z
    .array(z.string().refine(isAddressRange, "is not an IP address or a CIDR block"))
    .max(IP_ENTRIES_MAX, `may have up to ${IP_ENTRIES_MAX} entries`)
    .optional(),
});

export function updateIpList(sim: Simulator, body: unknown): Record<string, unknown> {
  const input = parseInput(IpListInputSchema, body);
  const management = managementOf(sim);
  const before = management.pending_ip_list ?? management.ip_list;
  const next: IpList = {
    mode: input.mode ?? before.mode,
    allowed_ip_addresses: input.allowed_ip_addresses ?? before.allowed_ip_addresses,
  };
  if (next.mode !== "NOT_ENABLED" && next.allowed_ip_addresses.length === 0) {
    throw invalid("allowed_ip_addresses", "must have at least one entry in this mode");
  }
  for (const step of sim.state.steps.values()) {
    if (step.kind === "ip_restrictions") sim.state.steps.remove(step.step_id);
  }
  if (management.ip_change_ms === 0) {
    management.ip_list = next;
    management.pending_ip_list = null;
  } else {
    management.pending_ip_list = next;
    scheduleStep(sim, null, "ip_restrictions", management.ip_change_ms);
  }
  saveManagement(sim);
  return ipListView(sim);
}
