import { promises as dns, type LookupAddress, lookup as systemLookup } from "node:dns";
import { BlockList, isIP, isIPv4, type LookupFunction } from "node:net";
import type { Services } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { Mode } from "@/server/core/schema";

/*
 * Where webhooks may go. An address is checked when it is saved and again when each connection is made: the name is
 * resolved once, every answer must be allowed, and the connection goes to a checked answer, so that a name that changes
 * its mind in between gains nothing.
 */

export type UrlPolicy = {
  readonly isHttpsOnly: boolean;
  /** Ports that may be called; null for any. */
  readonly ports: ReadonlySet<number> | null;
  /** Loopback and private networks, for receivers on a developer's machine. */
  readonly allowsPrivate: boolean;
};

const LIVE: UrlPolicy = { isHttpsOnly: true, ports: new Set([443, 8443]), allowsPrivate: false };
const TEST: UrlPolicy = { isHttpsOnly: false, ports: new Set([80, 443, 8080, 8443]), allowsPrivate: false };
const TEST_ANYWHERE: UrlPolicy = { isHttpsOnly: false, ports: null, allowsPrivate: true };

/** A production installation never calls into its own network, whatever the setting says. */
export function urlPolicy(
  mode: Mode,
  env: Pick<Services["env"], "WEBHOOK_ALLOW_PRIVATE_IN_TEST" | "isProduction">,
): UrlPolicy {
  if (mode === "live") return LIVE;
  return env.WEBHOOK_ALLOW_PRIVATE_IN_TEST && !env.isProduction ? TEST_ANYWHERE : TEST;
}

function blockList(ranges: string): BlockList {
  const list = new BlockList();
  for (const range of ranges.split(" ")) {
    const [network, bits] = range.split("/");
    if (network) list.addSubnet(network, Number(bits), isIPv4(network) ? "ipv4" : "ipv6");
  }
  return list;
}

// Source: RFC 6890 and the IANA special-purpose registries. For IPv6 only global unicast (2000::/3) is public at all.
const SPECIAL_V4 = blockList(
  "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 " +
    "192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4",
);
const GLOBAL_V6 = blockList("2000::/3");
const SPECIAL_V6 = blockList("2001::/23 2001:db8::/32 2002::/16 3fff::/20 2620:4f:8000::/48");
const PRIVATE_V4 = blockList("127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16");
const PRIVATE_V6 = blockList("::1/128 fc00::/7");
/** Instance metadata of clouds inside private ranges. */
const METADATA_V6 = blockList("fd00:ec2::/32 fd20:ce::/32");

/** Whether a connection to this IP address may be made. */
export function isAllowedAddress(address: string, policy: UrlPolicy): boolean {
  switch (isIP(address)) {
    case 4:
      return !SPECIAL_V4.check(address, "ipv4") || (policy.allowsPrivate && PRIVATE_V4.check(address, "ipv4"));
    case 6:
      // A zone or an embedded IPv4 address is a way around the table.
      if (address.includes("%") || address.includes(".")) return false;
      if (GLOBAL_V6.check(address, "ipv6")) return !SPECIAL_V6.check(address, "ipv6");
      return policy.allowsPrivate && PRIVATE_V6.check(address, "ipv6") && !METADATA_V6.check(address, "ipv6");
    default:
      return false;
  }
}

/** Names that only this machine or this network knows, and services that turn any IP address into a name. */
const LOCAL_NAME =
  /(?:^|\.)(?:localhost|localdomain|local|internal|intranet|lan|home|corp|private|home\.arpa|onion|test|example|invalid)$/;
const WILDCARD_NAME =
  /(?:^|\.)(?:nip\.io|sslip\.io|xip\.io|traefik\.me|localtest\.me|lvh\.me|vcap\.me|lacolhost\.com|yoogle\.com|rbndr\.us|1u\.ms)$/;
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

export class AddressRefused extends Error {
  override readonly name = "AddressRefused";
}

/** Why a URL cannot be called, in plain words; null when nothing in its text speaks against it. Asks no resolver. */
export function urlRefusal(text: string, policy: UrlPolicy): string | null {
  if (!/^https?:\/\/[^/\\]/.test(text))
    return policy.isHttpsOnly ? "must begin with https://" : "must begin with https:// or http://";
  if (/[\\\s]/.test(text) || hasControl(text)) return "must not contain spaces, backslashes or control characters";
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url) return "is not a URL";
  if (policy.isHttpsOnly && url.protocol !== "https:") return "must begin with https://";
  if (url.username !== "" || url.password !== "" || authorityOf(text).includes("@"))
    return "must not contain a user name or password";
  if (url.hash !== "" || text.includes("#")) return "must not contain a fragment";
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
  if (port === 0 || (policy.ports && !policy.ports.has(port)))
    return `must use one of the ports ${[...(policy.ports ?? [])].join(", ")}`;
  return hostRefusal(url.hostname, authorityOf(text).replace(/:\d*$/, ""), policy);
}

function hostRefusal(host: string, written: string, policy: UrlPolicy): string | null {
  const bare = host.startsWith("[") ? host.slice(1, -1) : host;
  if (isIP(bare)) {
    // Decimal, octal, hexadecimal, short and full-width forms all end as the same address: only the plain form is taken.
    if (isIPv4(bare) && written !== bare) return "must write an IP address in its plain form";
    return isAllowedAddress(bare, policy) ? null : "must not be a private, local or reserved address";
  }
  if (!HOST_NAME.test(host)) return "must name a host without a trailing dot or unusual characters";
  if (policy.allowsPrivate) return WILDCARD_NAME.test(host) ? "must not be a name for any IP address" : null;
  if (!host.includes(".") || LOCAL_NAME.test(host)) return "must be a public host name";
  return WILDCARD_NAME.test(host) ? "must not be a name for any IP address" : null;
}

const authorityOf = (text: string): string => /^https?:\/\/([^/?#]*)/.exec(text)?.[1] ?? "";

function hasControl(text: string): boolean {
  return [...text].some((char) => {
    const code = char.codePointAt(0) ?? 0;
    return code <= 0x20 || (code >= 0x7f && code <= 0x9f);
  });
}

/** Turns a name into its addresses; throws when it has none. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

const resolver = new dns.Resolver({ timeout: 3_000, tries: 2 });

/**
 * Asks the name servers without the thread pool of getaddrinfo, so that one silent name server cannot hold up the
 * connections of everybody else. Names of this machine come from the system, and only where they may be called at all.
 */
export function resolverFor(policy: UrlPolicy): Resolve {
  return async (host) => {
    const [v4, v6] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    const addresses = [
      ...(v4.status === "fulfilled" ? v4.value.map((address) => ({ address, family: 4 })) : []),
      ...(v6.status === "fulfilled" ? v6.value.map((address) => ({ address, family: 6 })) : []),
    ];
    if (addresses.length > 0) return addresses;
    if (policy.allowsPrivate) return systemAddresses(host);
    throw v4.status === "rejected" ? v4.reason : new Error("the name has no address");
  };
}

function systemAddresses(host: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    systemLookup(host, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)));
  });
}

/** The addresses of a name if every one of them is allowed. Throws AddressRefused. */
async function checkedAddresses(host: string, policy: UrlPolicy, resolve: Resolve): Promise<readonly LookupAddress[]> {
  const isLocalhost = policy.allowsPrivate && /(?:^|\.)localhost$/.test(host);
  const addresses = isLocalhost
    ? [
        { address: "127.0.0.1", family: 4 },
        { address: "::1", family: 6 },
      ]
    : await resolve(host);
  if (addresses.length === 0 || !addresses.every(({ address }) => isAllowedAddress(address, policy))) {
    throw new AddressRefused("the name leads to an address that may not be called");
  }
  return addresses;
}

/** Tells the watch over outgoing connections (server/boot/egress.mjs) that these check their target themselves. */
const GUARDED = Symbol.for("tillgate.guarded-lookup");

/** The lookup of guarded connections: resolves once, checks all, hands on only what was checked. */
export function guardedLookup(policy: UrlPolicy, resolve: Resolve = resolverFor(policy)): LookupFunction {
  const lookup: LookupFunction = (host, options, callback) => {
    checkedAddresses(host, policy, resolve).then(
      (addresses) => {
        const wanted =
          options.family === 4 || options.family === 6
            ? addresses.filter((a) => a.family === options.family)
            : addresses;
        const [first] = wanted;
        if (!first) callback(new AddressRefused("the name has no address of this family"), "", 0);
        else if (options.all) callback(null, [...wanted]);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), "", 0),
    );
  };
  return Object.assign(lookup, { [GUARDED]: true });
}

/**
 * Checks an address that is to be saved. A name that does not resolve yet is taken: each send checks again.
 * Errors: url_not_allowed.
 */
export async function requireAllowedUrl(
  text: string,
  policy: UrlPolicy,
  resolve: Resolve = resolverFor(policy),
): Promise<void> {
  const refuse = (detail: string): AppError =>
    new AppError("url_not_allowed", { detail: `The address ${detail}.`, errors: [{ pointer: "/url", detail }] });
  const refusal = urlRefusal(text, policy);
  if (refusal) throw refuse(refusal);
  const { hostname } = new URL(text);
  if (hostname.startsWith("[") || isIP(hostname)) return;
  try {
    await checkedAddresses(hostname, policy, resolve);
  } catch (error) {
    if (error instanceof AddressRefused) throw refuse("must not lead to a private, local or reserved address");
  }
}
