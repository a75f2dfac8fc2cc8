import { readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { isPermission, ROLES, type Role } from "@/server/auth/permissions";
import { ROOT } from "@/server/boot/settings";

/* The checked-in table of who may enter where: server/auth/access-matrix.txt. */

export const KINDS = ["page", "route", "action", "procedure", "endpoint"] as const;
export type Kind = (typeof KINDS)[number];

/** One letter for each built-in role, in the order of the table's column. */
export const LETTERS: Readonly<Record<Role, string>> = {
  ACQUIRER_ADMIN: "A",
  ACQUIRER_OPERATIONS: "O",
  ACQUIRER_FINANCE: "F",
  READ_ONLY: "R",
  PARTNER_ADMIN: "P",
  PARTNER_STAFF: "S",
};

export type Entry = {
  kind: Kind;
  /** Address of a page, method and address of a route, file and name of an action, path of a procedure, operation. */
  name: string;
  /** The column as it stands: letters of roles, or a word such as `open`. */
  who: string;
  /** The roles that may enter; null for what is not for people who are signed in. */
  roles: readonly Role[] | null;
  /** The permission, or scope of a key, that opens it; "-" when being signed in is enough. */
  needs: string;
  /** An input that is right: `$store` stands for the id of a store. Null when nothing is taken. */
  sample: unknown;
  line: number;
};

export const FILE = "server/auth/access-matrix.txt";
/** Words instead of roles: for everybody; who has given the first of two factors; the terminal's paired browser; keys of the API. */
const OTHERS = ["open", "half", "device", "key", "key_or_display", "acquirer_key", "public"];

export function readTable(): Entry[] {
  return readFileSync(path.join(ROOT, FILE), "utf8")
    .split("\n")
    .flatMap((text, at) => (text.trim() === "" || text.startsWith("#") ? [] : [parseLine(text, at + 1)]));
}

function parseLine(text: string, line: number): Entry {
  const found = /^(\S+) +((?:(?:GET|POST) )?\S+) +(\S+) +(\S+)(?: +(\S.*))?$/.exec(text.trim());
  const kind = z.enum(KINDS).safeParse(found?.[1]).data;
  const [, , name = "", who = "", needs = "", sample] = found ?? [];
  const isRoles = /^[AOFRPS-]{6}$/.test(who);
  if (!found || !kind || !(isRoles || OTHERS.includes(who))) throw new Error(`${FILE}:${line} cannot be read: ${text}`);
  return {
    kind,
    name,
    who,
    roles: isRoles ? ROLES.filter((role) => who.includes(LETTERS[role])) : null,
    needs,
    sample: sample === undefined ? null : JSON.parse(sample),
    line,
  };
}

/** The sample with each `$name` replaced by what `idOf` says. */
export function fill(sample: unknown, idOf: (name: string) => string): unknown {
  if (typeof sample === "string" && sample.startsWith("$")) return idOf(sample.slice(1));
  if (Array.isArray(sample)) return sample.map((item) => fill(item, idOf));
  if (typeof sample === "object" && sample !== null)
    return Object.fromEntries(Object.entries(sample).map(([key, value]) => [key, fill(value, idOf)]));
  return sample;
}

/** The `$names` of a sample. */
export function namesIn(sample: unknown): string[] {
  const names = new Set<string>();
  fill(sample, (name) => {
    names.add(name);
    return "";
  });
  return [...names];
}

/** What the table's third column says for a permission, by the table of roles. */
export function lettersOf(permissionsOf: (role: Role) => readonly string[], needs: string): string {
  return ROLES.map((role) => (needs === "-" || permissionsOf(role).includes(needs) ? LETTERS[role] : "-")).join("");
}

export function isKnownPermission(needs: string): boolean {
  return needs === "-" || isPermission(needs);
}
