import { expect, it } from "vitest";
import {
  ACQUIRER_ONLY,
  PERMISSIONS,
  ROLE_AUDIENCES,
  ROLE_PERMISSIONS,
  ROLES,
  requiresTwoFactor,
  resolveRole,
} from "@/server/auth/permissions";
import { ALWAYS_GRANTED, PERMISSION_GROUPS, PERMISSION_WORDS, userMachine, withNeeded } from "./states";

it("every permission has words and stands in one group of the editor, but for what everybody has", () => {
  const grouped = PERMISSION_GROUPS.flatMap((group) => group.permissions);
  expect([...grouped, ...ALWAYS_GRANTED].sort()).toEqual([...PERMISSIONS].sort());
  expect(Object.keys(PERMISSION_WORDS).sort()).toEqual([...PERMISSIONS].sort());
});

it("S4: no built-in role lacks what its permissions need, and no Partner's role holds what is the acquirer's", () => {
  for (const role of ROLES) {
    const held = ROLE_PERMISSIONS[role];
    expect(new Set(withNeeded(held)), role).toEqual(new Set(held));
    if (ROLE_AUDIENCES[role] === "PARTNER")
      expect(
        held.filter((name) => ACQUIRER_ONLY.includes(name)),
        role,
      ).toEqual([]);
    expect(new Set(held).size, role).toBe(held.length);
  }
});

it("roles that move money, or make those who do, need a second factor; taking payments and reading do not", () => {
  const needing = ROLES.filter((role) => requiresTwoFactor(ROLE_PERMISSIONS[role]));
  expect(needing).toEqual(["ACQUIRER_ADMIN", "ACQUIRER_OPERATIONS", "ACQUIRER_FINANCE", "PARTNER_ADMIN"]);
});

it("a choice brings along what it needs, whole and once, in the order of the table", () => {
  expect(withNeeded([])).toEqual(["sessions:own"]);
  expect(withNeeded(["terminals:write"])).toEqual(["stores:read", "terminals:read", "terminals:write", "sessions:own"]);
  for (const permission of PERMISSIONS) {
    const whole = withNeeded([permission]);
    expect(whole).toContain(permission);
    expect(withNeeded(whole)).toEqual(whole);
    expect(whole).toEqual(PERMISSIONS.filter((name) => whole.includes(name)));
  }
});

it("a row that names a built-in role says nothing of its permissions; unknown words in another are not counted", () => {
  const row = { id: "PARTNER_STAFF", name: "Anything", audience: "ACQUIRER", permissions: ["settings:write"] } as const;
  expect(resolveRole(row)).toMatchObject({ name: "Partner staff", audience: "PARTNER" });
  expect(resolveRole(row).permissions).toEqual(ROLE_PERMISSIONS.PARTNER_STAFF);
  expect(resolveRole({ ...row, id: "rol_1", permissions: ["payments:read", "payments:burn"] }).permissions).toEqual([
    "payments:read",
  ]);
});

it("a person's states lead where they may and nowhere else", () => {
  expect(userMachine.table).toEqual({
    INVITED: { accept: "ACTIVE", withdraw: "WITHDRAWN", invite: "INVITED" },
    ACTIVE: { disable: "DISABLED" },
    DISABLED: { enable: "ACTIVE" },
    WITHDRAWN: { invite: "INVITED" },
  });
});
