import { randomInt } from "node:crypto";
import { newUuid } from "../ids";
import type { Account } from "../model";
import type { ApiCall } from "../routing";
import { getAccount, nowFor } from "../simulator";
import type { Classic } from "./context";
import { ClassicError } from "./errors";
import type { ClassicCredential } from "./model";

/** User and password of a merchant, and whom they let in. */

/** User and password of a merchant, in the shape that Klarna hands them out. */
export function createCredential(classic: Classic, account: Account) {
  const credential = {
    username: `PK${String(randomInt(100_000)).padStart(5, "0")}_${newUuid().replaceAll("-", "").slice(0, 12)}`,
    password: `klarna_test_classic_${newUuid().replaceAll("-", "")}`,
    account_id: account.account_id,
    is_active: true,
    created_at: nowFor(classic.sim, account),
  };
  classic.sim.state.classicCredentials.put(credential);
  return credential;
}

/** What a merchant with this user and password sends as `Authorization`. */
export function authorizationOf({ username, password }: ClassicCredential): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/**
 * Who calls: a merchant with user and password, or the Acquiring Partner's key with the Partner account named in the
 * older header.
 */
export function accountOfCall(classic: Classic, call: ApiCall): Account {
  const { sim } = classic;
  const header = call.header("authorization") ?? "";
  const denied = new ClassicError(
    401,
    call.path.startsWith("/payments/") || call.path.startsWith("/iss/") ? "PERMISSION_DENIED" : "UNAUTHORIZED",
    "The API credentials are missing or not correct.",
  );
  if (header.slice(0, 6).toLowerCase() !== "basic ") throw denied;
  const given = header.slice(6).trim();
  const decoded = Buffer.from(given, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  const password = decoded.slice(colon + 1);
  const credential = colon < 0 ? undefined : sim.state.classicCredentials.get(decoded.slice(0, colon));
  if (credential !== undefined && credential.password === password) {
    if (!credential.is_active) throw new ClassicError(403, "MERCHANT_INACTIVE", "The merchant is not active.");
    return getAccount(sim, credential.account_id);
  }
  const key = sim.settings().api_key;
  const partner = call.header("klarna-partner-account");
  if (partner === undefined || (given !== key && (colon < 0 || password !== key))) throw denied;
  try {
    return getAccount(sim, decodeURIComponent(partner));
  } catch {
    throw denied;
  }
}
