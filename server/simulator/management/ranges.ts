import { BlockList, isIP } from "node:net";

/** IP addresses and CIDR blocks, version 4 and 6. */

type Range = { address: string; bits: number; family: "ipv4" | "ipv6" };

function rangeOf(text: string): Range | null {
  const [address = "", bits, ...rest] = text.split("/");
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return null;
  const max = version === 4 ? 32 : 128;
  if (bits !== undefined && !/^\d{1,3}$/.test(bits)) return null;
  const count = bits === undefined ? max : Number(bits);
  if (count > max) return null;
  return { address, bits: count, family: version === 4 ? "ipv4" : "ipv6" };
}

export function isAddressRange(text: string): boolean {
  return rangeOf(text) !== null;
}

/** An address as the list writes it: version 4 inside version 6 is version 4. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
}

export function createAllowList(entries: readonly string[]): (address: string) => "ALLOWED" | "DENIED" | "INVALID" {
  const list = new BlockList();
  for (const entry of entries) {
    const range = rangeOf(entry);
    if (range !== null) list.addSubnet(range.address, range.bits, range.family);
  }
  return (raw) => {
    const address = plainAddress(raw);
    const version = isIP(address);
    if (version === 0) return "INVALID";
    return list.check(address, version === 4 ? "ipv4" : "ipv6") ? "ALLOWED" : "DENIED";
  };
}
