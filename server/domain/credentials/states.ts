import { DAY_MS } from "@/server/core/time";

/** Klarna disables what nobody has used for two months. Source: page on account credentials. */
export const IDLE_MS = 60 * DAY_MS;
/** From when on a person is told: a key unused, a key old, an end near. */
export const IDLE_WARNING_MS = 45 * DAY_MS;
export const OLD_MS = 180 * DAY_MS;
export const EXPIRY_WARNING_MS = 30 * DAY_MS;

export const CREDENTIAL_KINDS = ["API_KEY", "CLIENT_IDENTIFIER", "CLIENT_CERTIFICATE"] as const;
export type CredentialKind = (typeof CREDENTIAL_KINDS)[number];

/** REQUESTED before Klarna has answered, READY made and not used, ACTIVE accepted by Klarna and used, DISABLED, FAILED refused. */
export const CREDENTIAL_STATES = ["REQUESTED", "READY", "ACTIVE", "DISABLED", "FAILED"] as const;
export type CredentialState = (typeof CREDENTIAL_STATES)[number];

/** What a person should do something about, as the list filters by it. */
export const CREDENTIAL_NEEDS = ["idle", "old", "ending"] as const;
export type CredentialNeed = (typeof CREDENTIAL_NEEDS)[number];

export const KIND_WORDS: Readonly<Record<CredentialKind, { one: string; many: string }>> = {
  API_KEY: { one: "API key", many: "API keys" },
  CLIENT_IDENTIFIER: { one: "client identifier", many: "Client identifiers" },
  CLIENT_CERTIFICATE: { one: "client certificate", many: "Client certificates" },
};

export const IP_MODES = ["NOT_ENABLED", "REPORTING", "ENFORCED"] as const;
export type IpMode = (typeof IP_MODES)[number];
export const IP_MODE_WORDS: Readonly<Record<IpMode, string>> = {
  NOT_ENABLED: "Off",
  REPORTING: "Reporting only",
  ENFORCED: "Enforced",
};
