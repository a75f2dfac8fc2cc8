import { isIP } from "node:net";

type HeaderReader = { get(name: string): string | null };

/** The caller's address as the front door found it (it writes the header afresh), else null. */
export function clientAddress(headers: HeaderReader): string | null {
  const last = headers.get("x-forwarded-for")?.split(",").at(-1)?.trim() ?? "";
  return isIP(last) === 0 ? null : last;
}

/** What a limit counts by: an IPv4 address, or the /64 of an IPv6 one, because one customer holds all of it. */
export function addressGroup(address: string | null): string {
  if (address === null || isIP(address) === 0) return "unknown";
  if (isIP(address) === 4) return address;
  const bare = address.split("%")[0] ?? address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1];
  if (mapped !== undefined) return mapped;
  const canonical = new URL(`http://[${bare}]`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => "0");
  return `${[...left, ...zeros, ...right].slice(0, 4).join(":")}::/64`;
}
