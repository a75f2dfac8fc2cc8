import { SimulatedError } from "../errors";
import type { ApiCall } from "../routing";
import { nowFor, type Simulator } from "../simulator";
import { credentialIdOf, ensureFirstKey, findCertificate, fingerprintOf } from "./credentials";
import type { Credential, IpList } from "./model";
import { createAllowList } from "./ranges";
import { managementOf } from "./settings";

/** Who may call: the key, the client certificate and the address. Asked on every call, so it remembers what it can. */

const USED_STEP_MS = 60_000;
const REMEMBERED_MAX = 1_000;

export type Access = ReturnType<typeof createAccess>;

export function createAccess(sim: Simulator) {
  const ids = new Map<string, string>();
  let allowList: { of: IpList; check: ReturnType<typeof createAllowList> } | null = null;

  function credentialOf(secret: string): Credential | undefined {
    let id = ids.get(secret);
    if (id === undefined) {
      if (secret === sim.settings().api_key) ensureFirstKey(sim);
      id = credentialIdOf(secret);
      if (sim.state.credentials.get(id) === undefined) return undefined;
      if (ids.size >= REMEMBERED_MAX) ids.clear();
      ids.set(secret, id);
    }
    const known = sim.state.credentials.get(id);
    if (known === undefined && secret === sim.settings().api_key) return ensureFirstKey(sim);
    return known;
  }

  function isActiveKey(secret: string): boolean {
    const credential = credentialOf(secret);
    if (credential === undefined || credential.kind !== "API_KEY" || credential.state !== "ACTIVE") return false;
    const now = nowFor(sim, undefined);
    if (credential.last_used_at === null || Math.abs(now - credential.last_used_at) > USED_STEP_MS) {
      credential.last_used_at = now;
      sim.state.credentials.put(credential);
    }
    return true;
  }

  /** A client that speaks plain HTTP may name its certificate by header: its SHA-256 in hex, or itself in base64. */
  function fingerprintGiven(call: ApiCall): string | null {
    if (call.clientCertificate !== undefined) return fingerprintOf(call.clientCertificate);
    const named = call.header("x-simulator-client-certificate")?.replaceAll(":", "").trim();
    if (named === undefined || named === "") return null;
    if (/^[0-9a-f]{64}$/i.test(named)) return named.toLowerCase();
    const body = named.replace(/-----(?:BEGIN|END) CERTIFICATE-----/g, "").replace(/\s|\\n|%0A/gi, "");
    return fingerprintOf(Buffer.from(body, "base64"));
  }

  return {
    /** Whether the header carries an active API key, raw or as the password of a user. */
    isKeyed(header: string | undefined): boolean {
      if (header === undefined || header.slice(0, 6).toLowerCase() !== "basic ") return false;
      const given = header.slice(6).trim();
      if (isActiveKey(given)) return true;
      const decoded = Buffer.from(given, "base64").toString("utf8");
      const colon = decoded.indexOf(":");
      return colon >= 0 && isActiveKey(decoded.slice(colon + 1));
    },

    /** Adds the headers that tell about certificate and address; throws where either is enforced and wrong. */
    inspect(call: ApiCall, headers: Record<string, string>): void {
      const management = managementOf(sim);
      if (management.ca !== null) {
        const fingerprint = fingerprintGiven(call);
        const status =
          fingerprint === null ? "NOT_PRESENT" : findCertificate(sim, fingerprint) === null ? "INVALID" : "VALID";
        headers["klarna-mtls-verification-status"] = status;
        const from = management.mtls_enforced_from;
        if (from !== null && from <= nowFor(sim, undefined) && status !== "VALID") {
          throw new SimulatedError("UNAUTHORIZED", "A valid client certificate is required.");
        }
      }
      const { ip_list: list } = management;
      if (list.mode === "NOT_ENABLED") return;
      if (allowList?.of !== list) allowList = { of: list, check: createAllowList(list.allowed_ip_addresses) };
      const status = allowList.check(call.header("x-simulator-client-ip") ?? call.remoteAddress ?? "127.0.0.1");
      if (list.mode === "REPORTING") headers["klarna-ip-validation-status"] = status;
      else if (status !== "ALLOWED") {
        throw new SimulatedError("OPERATION_FORBIDDEN", "The calling IP address is not allowed.");
      }
    },
  };
}
