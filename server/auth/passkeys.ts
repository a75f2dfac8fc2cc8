import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import { z } from "zod";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { lineSchema } from "@/server/core/schema";
import { type Row, type Transaction, violatedConstraint } from "@/server/db/client";
import { type Account, findAccount, hasSecondFactor } from "./accounts";
import { alertPerson } from "./alerts";
import { type BegunSession, type Browser, beginSession } from "./begin-session";
import { keepChallenge, takeChallenge } from "./challenges";
import { addressGroup } from "./client-address";
import { createLimit, type Limit } from "./rate-limit";
import {
  auditOwn,
  countFactors,
  type FactorServices,
  replaceRecoveryCodes,
  requireAnotherFactor,
} from "./second-factor";

/*
 * Passkeys (WebAuthn): a key that a device holds and gives out only after it has checked the person (finger, face, PIN).
 * That makes two factors in one, so a passkey signs in alone. Challenges are good once; origin and site are checked by
 * the library against our own address, never against what the request says.
 */

export const PASSKEYS_MAX = 20;
export const PasskeyNameSchema = lineSchema(1, 60);
const TRIES_PER_ADDRESS = 50;
const WINDOW_SECONDS = 15 * 60;

const limits = new WeakMap<object, Limit>();
function limitOf(services: FactorServices): Limit {
  const known = limits.get(services.db);
  if (known) return known;
  const made = createLimit(services, {
    name: "passkey-address",
    points: TRIES_PER_ADDRESS,
    durationSeconds: WINDOW_SECONDS,
  });
  limits.set(services.db, made);
  return made;
}

/** Our own site as browsers see it. */
function site(services: FactorServices): { origin: string; rpId: string } {
  const url = new URL(services.env.PUBLIC_URL);
  return { origin: url.origin, rpId: url.hostname };
}

const text = z.string().max(20_000);
const TransportsSchema = z.array(z.string().max(30)).max(10).optional();
const extensions = z.record(z.string(), z.unknown()).default({});

const RegistrationSchema = z.object({
  id: text,
  rawId: text,
  type: z.literal("public-key"),
  response: z.object({ clientDataJSON: text, attestationObject: text, transports: TransportsSchema }),
  clientExtensionResults: extensions,
});
const AuthenticationSchema = z.object({
  id: text,
  rawId: text,
  type: z.literal("public-key"),
  response: z.object({
    clientDataJSON: text,
    authenticatorData: text,
    signature: text,
    userHandle: text.optional(),
  }),
  clientExtensionResults: extensions,
});
const ClientDataSchema = z.object({ challenge: z.string().min(16).max(200) });

/** The challenge that an answer names; it is worth what our own row of it says. */
function challengeOf(clientDataJSON: string): string {
  try {
    return ClientDataSchema.parse(JSON.parse(Buffer.from(clientDataJSON, "base64url").toString("utf8"))).challenge;
  } catch (error) {
    throw new AppError("passkey_refused", { cause: error });
  }
}

export type PasskeyItem = {
  id: string;
  name: string;
  isSynced: boolean;
  createdAt: Date;
  lastUsedAt: Date | null;
};

export function listPasskeys(services: FactorServices, userId: string): Promise<PasskeyItem[]> {
  return services.db.query<Row & PasskeyItem>({
    text: `select id, name, is_synced as "isSynced", created_at as "createdAt", last_used_at as "lastUsedAt"
           from passkeys where user_id = $1 order by created_at, id`,
    values: [userId],
  });
}

type StoredKey = Row & {
  id: string;
  user_id: string;
  credential_id: string;
  public_key: Buffer;
  counter: number;
  transports: string[];
};

function keysOf(services: FactorServices, userId: string): Promise<StoredKey[]> {
  return services.db.query<StoredKey>({
    text: "select id, user_id, credential_id, public_key, counter, transports from passkeys where user_id = $1",
    values: [userId],
  });
}

/** Begins to add a passkey: what the browser asks its authenticator for. Errors: state_conflict (too many). */
export async function startPasskey(
  services: FactorServices,
  account: Account,
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  const known = await keysOf(services, account.id);
  if (known.length >= PASSKEYS_MAX)
    throw new AppError("state_conflict", { detail: `You have ${PASSKEYS_MAX} passkeys. Remove one first.` });
  const options = await generateRegistrationOptions({
    rpName: "Tillgate",
    rpID: site(services).rpId,
    userName: account.email,
    userDisplayName: account.name,
    userID: new TextEncoder().encode(account.id),
    attestationType: "none",
    excludeCredentials: known.map((key) => ({ id: key.credential_id, transports: key.transports })),
    authenticatorSelection: { residentKey: "required", userVerification: "required" },
  });
  await keepChallenge(services.db, services, { kind: "PASSKEY_ADD", value: options.challenge, userId: account.id });
  return options;
}

/**
 * Adds the passkey that the browser brings. With it come recovery codes when the person had no second factor before.
 * Errors: passkey_refused (challenge, origin, site, no check of the person, known already).
 */
export async function addPasskey(
  services: FactorServices,
  account: Account,
  input: { name: string; response: unknown },
  requestId: string,
): Promise<{ id: string; recoveryCodes: string[] | null }> {
  const parsed = RegistrationSchema.safeParse(input.response);
  if (!parsed.success) throw new AppError("passkey_refused", { cause: parsed.error });
  const challenge = challengeOf(parsed.data.response.clientDataJSON);
  const kept = await takeChallenge(services.db, services, "PASSKEY_ADD", challenge);
  if (kept?.userId !== account.id) throw new AppError("passkey_refused");
  const { origin, rpId } = site(services);
  // The library checks the whole shape itself; what passes here is only bounded.
  const response: RegistrationResponseJSON = { ...parsed.data, clientExtensionResults: {} };
  const verified = await verifyRegistrationResponse({
    response,
    expectedChallenge: challenge,
    expectedOrigin: origin,
    expectedRPID: rpId,
    requireUserVerification: true,
  }).catch((error: unknown) => {
    throw new AppError("passkey_refused", { cause: error });
  });
  if (!verified.verified) throw new AppError("passkey_refused");
  const { credential, credentialBackedUp } = verified.registrationInfo;
  const id = newId("passkey");
  const recoveryCodes = await services.db
    .transaction(async (tx) => {
      await tx.query({
        text: `insert into passkeys (id, user_id, credential_id, public_key, counter, transports, name, is_synced, created_at)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
        values: [
          id,
          account.id,
          credential.id,
          Buffer.from(credential.publicKey),
          credential.counter,
          credential.transports ?? [],
          input.name,
          credentialBackedUp,
          services.clock.now(),
        ],
      });
      const codes = hasSecondFactor(account) ? null : await replaceRecoveryCodes(tx, services, account.id);
      await auditOwn(tx, services, account.id, requestId, {
        action: "user.passkey_added",
        after: { id, kind: "passkey" },
      });
      await alertPerson(tx, services, account, { kind: "passkey_added", name: input.name });
      return codes;
    })
    .catch((error: unknown) => {
      if (violatedConstraint(error) === "passkeys_credential_id_key")
        throw new AppError("passkey_refused", { detail: "This passkey is known already.", cause: error });
      throw error;
    });
  services.nudge("mails");
  return { id, recoveryCodes };
}

/** Begins to sign in (or to prove who one is) with a passkey; with `userId` only that person's passkeys count. */
export async function startPasskeySignIn(
  services: FactorServices,
  userId: string | null,
): Promise<PublicKeyCredentialRequestOptionsJSON> {
  const known = userId === null ? [] : await keysOf(services, userId);
  const options = await generateAuthenticationOptions({
    rpID: site(services).rpId,
    userVerification: "required",
    ...(userId === null
      ? {}
      : { allowCredentials: known.map((key) => ({ id: key.credential_id, transports: key.transports })) }),
  });
  await keepChallenge(services.db, services, { kind: "PASSKEY_SIGN_IN", value: options.challenge, userId });
  return options;
}

/**
 * Whose passkey has answered. The challenge is used up whatever comes of it; a counter that went back (a copied key) is
 * refused and audited.
 * Errors: passkey_refused.
 */
export async function provePasskey(
  services: FactorServices,
  response: unknown,
  requestId: string,
): Promise<{ account: Account; passkeyId: string }> {
  const parsed = AuthenticationSchema.safeParse(response);
  if (!parsed.success) throw new AppError("passkey_refused", { cause: parsed.error });
  const challenge = challengeOf(parsed.data.response.clientDataJSON);
  const kept = await takeChallenge(services.db, services, "PASSKEY_SIGN_IN", challenge);
  if (!kept) throw new AppError("passkey_refused");
  const [key] = await services.db.query<StoredKey>({
    text: "select id, user_id, credential_id, public_key, counter, transports from passkeys where credential_id = $1",
    values: [parsed.data.id],
  });
  const account = key ? await findAccount(services.db, key.user_id) : null;
  if (!key || account?.state !== "ACTIVE" || (kept.userId !== null && kept.userId !== key.user_id))
    throw new AppError("passkey_refused");
  try {
    const newCounter = await verifyKey(services, key, challenge, parsed.data);
    const moved = await services.db.query({
      text: `update passkeys set counter = $2, last_used_at = $3 where id = $1 and (counter < $2 or (counter = 0 and $2 = 0)) returning id`,
      values: [key.id, newCounter, services.clock.now()],
    });
    if (moved.length === 0) throw new Error("the counter went back");
  } catch (error) {
    await auditOwn(services.db, services, account.id, requestId, {
      action: "user.passkey_refused",
      after: { id: key.id },
    });
    throw new AppError("passkey_refused", { cause: error });
  }
  return { account, passkeyId: key.id };
}

async function verifyKey(
  services: FactorServices,
  key: StoredKey,
  challenge: string,
  answer: z.infer<typeof AuthenticationSchema>,
): Promise<number> {
  const { origin, rpId } = site(services);
  const { userHandle, ...rest } = answer.response;
  const response: AuthenticationResponseJSON = {
    ...answer,
    response: { ...rest, ...(userHandle === undefined ? {} : { userHandle }) },
    clientExtensionResults: {},
  };
  const { verified, authenticationInfo } = await verifyAuthenticationResponse({
    response,
    expectedChallenge: challenge,
    expectedOrigin: origin,
    expectedRPID: rpId,
    requireUserVerification: true,
    credential: {
      id: key.credential_id,
      publicKey: new Uint8Array(key.public_key),
      counter: key.counter,
      transports: key.transports,
    },
  });
  if (!verified) throw new Error("the signature is wrong");
  return authenticationInfo.newCounter;
}

/**
 * Signs a person in with a passkey: both factors in one.
 * Errors: passkey_refused, rate_limited, unavailable.
 */
export async function signInWithPasskey(
  services: FactorServices,
  input: { response: unknown; browser: Browser },
  requestId: string = newId("request"),
): Promise<BegunSession> {
  const key = addressGroup(input.browser.address);
  const verdict = await limitOf(services).consume(key);
  if (!verdict.isAllowed) throw new AppError("rate_limited", { retryAfterSeconds: verdict.retryAfterSeconds });
  const { account } = await provePasskey(services, input.response, requestId);
  await limitOf(services).giveBack(key);
  return beginSession(services, { account, level: "FULL", method: "PASSKEY", browser: input.browser, requestId });
}

/** Errors: not_found, state_conflict (the role wants a second factor and this is the last). */
export async function removePasskey(
  services: FactorServices,
  account: Account,
  id: string,
  isRequired: boolean,
  requestId: string,
): Promise<void> {
  await services.db.transaction(async (tx: Transaction) => {
    const [row] = await tx.query<Row & { name: string }>({
      text: "delete from passkeys where id = $1 and user_id = $2 returning name",
      values: [id, account.id],
    });
    if (!row) throw new AppError("not_found");
    requireAnotherFactor(services, isRequired, await countFactors(tx, account.id));
    await auditOwn(tx, services, account.id, requestId, { action: "user.passkey_removed", before: { id } });
    await alertPerson(tx, services, account, { kind: "passkey_removed", name: row.name });
  });
  services.nudge("mails");
}
