import { randomBytes } from "node:crypto";
import { BlockList, isIP } from "node:net";
import { crc32 } from "node:zlib";
import type { Mode } from "@/server/core/schema";

/*
 * The form of API keys: `tg_<mode>_<sk or ak>_<43 characters: 256 bits in base62><6 characters: CRC-32 in base62>`, `sk` for a
 * Partner's system and `ak` for one of the acquirer's own. Only a keyed hash is stored. The checksum lets secret scanners
 * and us tell a mistyped key without asking the database.
 */

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SECRET_LENGTH = 43;
const CHECK_LENGTH = 6;
const KEY_FORM = /^tg_(test|live)_(sk|ak)_[0-9A-Za-z]{49}$/;
/** Keeps the hashes of keys apart from those of everything else. */
export const HASH_PURPOSE = "api_key";

export type KeyKind = "sk" | "ak";

function base62(bytes: Uint8Array, length: number): string {
  let value = BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
  let text = "";
  while (text.length < length) {
    text = `${ALPHABET[Number(value % 62n)]}${text}`;
    value /= 62n;
  }
  return text;
}

function checksum(text: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(text));
  return base62(bytes, CHECK_LENGTH);
}

/** Whether a text has the form and the checksum of one of our keys. Says nothing about whether it is valid. */
export function hasKeyForm(raw: string): boolean {
  return KEY_FORM.test(raw) && checksum(raw.slice(0, -CHECK_LENGTH)) === raw.slice(-CHECK_LENGTH);
}

export function keyKindOf(raw: string): KeyKind {
  return KEY_FORM.exec(raw)?.[2] === "ak" ? "ak" : "sk";
}

export function newKeyText(kind: KeyKind, mode: Mode): string {
  const start = `tg_${mode}_${kind}_${base62(randomBytes(32), SECRET_LENGTH)}`;
  return `${start}${checksum(start)}`;
}

/** What people see of a key: prefix and last four characters. */
export function hintOf(key: string): string {
  return `${key.split("_", 3).join("_")}_…${key.slice(-4)}`;
}

/** An address or a network ("203.0.113.0/24"). */
export function isAddressRule(text: string): boolean {
  const [address, bits, rest] = text.split("/");
  const family = isIP(address ?? "");
  if (family === 0 || rest !== undefined) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** Null for no list: every address may use the key. */
export function toBlockList(addresses: readonly string[]): BlockList | null {
  if (addresses.length === 0) return null;
  const list = new BlockList();
  for (const rule of addresses) {
    const [address = "", bits] = rule.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

export function isListed(list: BlockList, address: string | null): boolean {
  if (address === null) return false;
  const plain = address.startsWith("::ffff:") ? address.slice(7) : address;
  const family = isIP(plain);
  return family !== 0 && list.check(plain, family === 6 ? "ipv6" : "ipv4");
}
