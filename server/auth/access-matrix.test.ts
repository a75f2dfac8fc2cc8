import { describe, expect, it } from "vitest";
import { findEntrances } from "@/server/testing/access-matrix";
import { FILE, LETTERS, lettersOf, namesIn, readTable } from "@/server/testing/access-table";
import { ID_NAMES } from "@/server/testing/tenants";
import { ACQUIRER_SCOPE_NAMES, API_SCOPE_NAMES, isPermission, ROLE_PERMISSIONS, ROLES } from "./permissions";

/* The checked-in table of access has every entrance of the code, and says of each what the table of roles says. */

const TABLE = readTable();
const ENTRANCES = findEntrances();
const keyOf = (each: { kind: string; name: string }): string => `${each.kind} ${each.name}`;

/** The line that the table wants, as far as it can be told from here. */
function lineFor(entrance: (typeof ENTRANCES)[number]): string {
  const sample = entrance.takes ? ' {"id":"$store"}' : "";
  return `${keyOf(entrance)} <letters of the roles> <permission>${sample}`;
}

describe("S1: nothing can be entered that the table does not name", () => {
  it("finds what there is to enter", () => {
    for (const [kind, least] of [
      ["page", 40],
      ["route", 10],
      ["action", 60],
      ["procedure", 60],
      ["endpoint", 30],
    ] as const)
      expect([kind, ENTRANCES.filter((each) => each.kind === kind).length > least]).toEqual([kind, true]);
  });

  it("names each entrance once, and none that is gone", () => {
    const named = new Set(TABLE.map(keyOf));
    const existing = new Set(ENTRANCES.map(keyOf));
    const missing = ENTRANCES.filter((each) => !named.has(keyOf(each))).map(lineFor);
    expect(missing, `add these lines to ${FILE}, by its kind in order of names`).toEqual([]);
    const gone = TABLE.filter((entry) => !existing.has(keyOf(entry))).map((entry) => `${entry.line}: ${keyOf(entry)}`);
    expect(gone, `take these lines out of ${FILE}`).toEqual([]);
    const twice = TABLE.filter((entry, at) => TABLE.findIndex((other) => keyOf(other) === keyOf(entry)) !== at);
    expect(twice.map(keyOf), `named twice in ${FILE}`).toEqual([]);
  });

  it("has a right input for each entrance that takes something, with ids that the tests know", () => {
    const takes = new Set(ENTRANCES.filter((each) => each.takes).map(keyOf));
    const without = TABLE.filter((entry) => takes.has(keyOf(entry)) && entry.sample === null);
    expect(without.map(keyOf), "give these lines a sample").toEqual([]);
    for (const entry of TABLE)
      for (const name of namesIn(entry.sample))
        expect([keyOf(entry), ID_NAMES]).toEqual([keyOf(entry), expect.arrayContaining([name])]);
  });
});

describe("S4: the table says of each role what the roles' permissions say", () => {
  it.each(TABLE.filter((entry) => entry.roles !== null).map((entry) => [keyOf(entry), entry] as const))(
    "%s",
    (_, entry) => {
      expect(entry.needs === "-" || isPermission(entry.needs), `${entry.needs} is no permission`).toBe(true);
      expect(entry.who).toBe(lettersOf((role) => ROLE_PERMISSIONS[role], entry.needs));
    },
  );

  it("every role of the product has its letter, every permission of people opens something", () => {
    expect(Object.keys(LETTERS)).toEqual([...ROLES]);
    expect(new Set(Object.values(LETTERS)).size).toBe(ROLES.length);
    const endpoints = TABLE.filter((entry) => entry.kind === "endpoint" && entry.who !== "public");
    for (const entry of endpoints)
      expect(entry.who === "acquirer_key" ? ACQUIRER_SCOPE_NAMES : API_SCOPE_NAMES).toContain(entry.needs);
  });
});
