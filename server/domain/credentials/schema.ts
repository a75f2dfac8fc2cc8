import { z } from "zod";
import type { Mode } from "@/server/core/schema";
import { CREDENTIAL_KINDS, type CredentialKind, type CredentialState, IP_MODES, type IpMode } from "./states";

/** Klarna's rule for the words that stand with a credential. Source: page on account credentials. */
const PurposeSchema = z
  .string()
  .trim()
  .min(1, "Say what it is for.")
  .max(100, "At most 100 characters.")
  .regex(/^[a-zA-Z0-9\-:;., _]*$/, "Letters, digits, blanks and - : ; . , _ only.");

/** A host name or an origin, one by one. */
const DomainSchema = z
  .string()
  .trim()
  .max(255)
  .refine((text) => {
    const url = text.includes("://") ? text : `https://${text}`;
    if (!URL.canParse(url)) return false;
    const { pathname, search, username, hostname, protocol } = new URL(url);
    const isBare = pathname === "/" && search === "" && username === "";
    return isBare && /^https?:$/.test(protocol) && (hostname.includes(".") || hostname === "localhost");
  }, "This is not a domain such as shop.example.com.");
export const DomainsSchema = z
  .array(DomainSchema)
  .min(1, "Enter at least one domain.")
  .max(100, "At most 100 domains.");

export const CreateCredentialSchema = z
  .strictObject({
    kind: z.enum(CREDENTIAL_KINDS),
    purpose: PurposeSchema,
    domains: z.array(DomainSchema).max(100).default([]),
  })
  .refine((input) => input.kind !== "CLIENT_IDENTIFIER" || input.domains.length > 0, {
    path: ["domains"],
    message: "Enter at least one domain.",
  });
export type CreateCredentialInput = z.infer<typeof CreateCredentialSchema>;

export const ChangeDomainsSchema = z.strictObject({ id: z.string().max(60), domains: DomainsSchema });

const AddressSchema = z
  .string()
  .trim()
  .refine(
    (text) => z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]).safeParse(text).success,
    "This is not an IP address or a block such as 203.0.113.0/24.",
  );
export const IpListInputSchema = z
  .strictObject({ mode: z.enum(IP_MODES), addresses: z.array(AddressSchema).max(100, "At most 100 entries.") })
  .refine((input) => input.mode === "NOT_ENABLED" || input.addresses.length > 0, {
    path: ["addresses"],
    message: "Enter at least one address, or nobody could call.",
  });
export type IpListInput = z.infer<typeof IpListInputSchema>;

export const EnforceSchema = z.strictObject({ from: z.coerce.date() });

/** What a person should look at. */
export type CredentialWarning =
  | { kind: "IDLE"; days: number }
  | { kind: "OLD"; days: number }
  | { kind: "EXPIRES"; at: Date }
  | { kind: "EXPIRED"; at: Date };

export type CredentialItem = {
  id: string;
  kind: CredentialKind;
  purpose: string;
  state: CredentialState;
  /** The one that calls are made with. An older one that is still ACTIVE is accepted by Klarna, and not used. */
  isInUse: boolean;
  klarnaCredentialId: string | null;
  /** Whole for a client identifier, which is public; the last characters otherwise. */
  hint: string | null;
  domains: string[];
  fingerprint: string | null;
  certificateRequest: string | null;
  certificate: string | null;
  expiresAt: Date | null;
  lastUsedAt: Date | null;
  createdBy: string;
  createdByName: string;
  createdAt: Date;
  activatedAt: Date | null;
  disabledAt: Date | null;
  warnings: CredentialWarning[];
  /** From when on it may be disabled; null while it may not. */
  disableFrom: Date | null;
};

/** A credential that Klarna holds and we do not: the first key, or one made elsewhere. */
export type ForeignCredential = {
  kind: CredentialKind;
  id: string;
  purpose: string;
  state: string;
  createdAt: Date | null;
  lastUsedAt: Date | null;
};

export type AccessView = {
  mode: Mode;
  /** Where the key in use comes from. */
  keySource: "DATABASE" | "SETTINGS" | "NONE";
  isReachable: boolean;
  ipMode: IpMode | null;
  ipAddresses: string[];
  /** A change that Klarna has not made yet. */
  pendingIp: { mode: string; addresses: string[] } | null;
  mtls: { status: string; from: Date | null } | null;
  lastIpStatus: string | null;
  lastIpStatusAt: Date | null;
  lastMtlsStatus: string | null;
  lastMtlsStatusAt: Date | null;
  foreign: ForeignCredential[];
};
