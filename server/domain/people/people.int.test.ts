import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { PERMISSIONS } from "@/server/auth/permissions";
import { findSession, startSession } from "@/server/auth/sessions";
import type { ServiceContext } from "@/server/context";
import { isAppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { listMails } from "@/server/domain/mail/service";
import { makePartner } from "@/server/testing/builders";
import { type TestServices, testServices } from "@/server/testing/context";
import { asPerson, type BuiltPerson, makePerson } from "@/server/testing/people";
import { InviteSchema, RoleInputSchema } from "./schema";
import {
  changeAccess,
  createRole,
  deleteRole,
  disablePerson,
  enablePerson,
  endSessionsOfPerson,
  getPerson,
  getRole,
  invitePerson,
  listPeople,
  listRoles,
  resendInvitation,
  updateRole,
  withdrawInvitation,
} from "./service";

let test: TestServices;
let ours: string;
let theirs: string;
let admin: BuiltPerson;
let acquirer: ServiceContext;
let partnerAdmin: BuiltPerson;
let partner: ServiceContext;

beforeAll(async () => {
  test = await testServices({ simulator: false, clock: "movable" });
  ours = (await makePartner(test.services)).partner.id;
  theirs = (await makePartner(test.services)).partner.id;
  admin = await makePerson(test.services);
  partnerAdmin = await makePerson(test.services, { role: "PARTNER_ADMIN", partners: [ours] });
});
afterAll(() => test.close());
beforeEach(async () => {
  acquirer = await asPerson(test.services, admin);
  partner = await asPerson(test.services, partnerAdmin);
});

/** The code that a call is refused with; fails when it is not refused. */
async function refusalOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (isAppError(error)) return error.code;
    throw error;
  }
  throw new Error("expected to be refused");
}

/** The codes that these calls are refused with, each once. */
async function refusalsOf(works: readonly Promise<unknown>[]): Promise<string[]> {
  return [...new Set(await Promise.all(works.map(refusalOf)))];
}

async function actionsOf(subject: string): Promise<string[]> {
  const rows = await test.services.db.query<{ action: string }>({
    text: "select action from audit_entries where subject_id = $1 order by position",
    values: [subject],
  });
  return rows.map((row) => row.action);
}

const invitation = (facts: Record<string, unknown> = {}) =>
  InviteSchema.parse({
    email: `${newId("user").slice(-12).toLowerCase()}@invited.example`,
    name: "Ines Invited",
    role: "PARTNER_STAFF",
    partners: [ours],
    ...facts,
  });

async function sessionOf(person: BuiltPerson): Promise<{ id: string; token: string }> {
  return startSession(test.services.db, test.services, {
    userId: person.id,
    address: "203.0.113.9",
    userAgent: "test",
    replaces: null,
  });
}

describe("invitations", () => {
  it("an invited person has no password, a mail with a link, and stands in the audit", async () => {
    const input = invitation();
    const { id } = await invitePerson(acquirer, input);
    expect(await getPerson(acquirer, id)).toMatchObject({
      state: "INVITED",
      email: input.email,
      role: { id: "PARTNER_STAFF" },
      partners: [{ id: ours }],
      may: { change: true },
    });
    const { items } = await listMails(acquirer, { search: input.email }, { limit: 10 });
    expect(items).toMatchObject([{ kind: "invitation", to: input.email, partnerId: ours }]);
    const [row] = await test.services.db.query<{ password_hash: string | null }>({
      text: "select password_hash from users where id = $1",
      values: [id],
    });
    expect(row).toEqual({ password_hash: null });
    expect(await actionsOf(id)).toEqual(["user.invited"]);
  });

  it("a link that was sent before ends when the invitation is sent again, and all end when it is withdrawn", async () => {
    const { id } = await invitePerson(acquirer, invitation());
    await resendInvitation(acquirer, id);
    const open = () =>
      test.services.db.query({
        text: "select 1 from one_time_links where user_id = $1 and used_at is null and revoked_at is null",
        values: [id],
      });
    expect(await open()).toHaveLength(1);
    await withdrawInvitation(acquirer, id);
    expect(await open()).toHaveLength(0);
    expect((await getPerson(acquirer, id)).state).toBe("WITHDRAWN");
    expect(await refusalOf(resendInvitation(acquirer, id))).toBe("state_conflict");
  });

  it("an address that somebody has is refused; a withdrawn one can be invited again, as the same person", async () => {
    const input = invitation();
    const { id } = await invitePerson(acquirer, input);
    expect(await refusalOf(invitePerson(acquirer, input))).toBe("email_taken");
    await withdrawInvitation(acquirer, id);
    expect(await invitePerson(acquirer, { ...input, role: "PARTNER_ADMIN" })).toEqual({ id });
    expect(await getPerson(acquirer, id)).toMatchObject({ state: "INVITED", role: { id: "PARTNER_ADMIN" } });
  });

  it("S15: addresses that look like others, quoted or with commas, cannot be invited", () => {
    for (const email of [
      "a@b@c.example",
      "a,b@c.example",
      '"a b"@c.example',
      "a＠c.example",
      "а@c.exаmple",
      " @c.example",
    ])
      expect(InviteSchema.safeParse({ ...invitation(), email }).success, email).toBe(false);
    expect(InviteSchema.parse({ ...invitation(), email: "  Ines@Example.COM " }).email).toBe("ines@example.com");
  });

  it("a Partner's role needs a Partner, the acquirer's takes none, one that does not exist is not found", async () => {
    expect(await refusalOf(invitePerson(acquirer, invitation({ partners: [] })))).toBe("validation_failed");
    expect(await refusalOf(invitePerson(acquirer, invitation({ role: "ACQUIRER_FINANCE" })))).toBe("validation_failed");
    expect(await refusalOf(invitePerson(acquirer, invitation({ partners: [newId("partner")] })))).toBe("not_found");
    expect(await refusalOf(invitePerson(acquirer, invitation({ role: newId("role") })))).toBe("not_found");
  });
});

describe("S1: a Partner's people deal with their own Partner's people alone", () => {
  it("lists and records show nobody of the acquirer and nobody of another Partner", async () => {
    const stranger = await makePerson(test.services, { role: "PARTNER_STAFF", partners: [theirs] });
    // One of the acquirer's readers may be tied to a Partner: they are no person of that Partner.
    const reader = await makePerson(test.services, { role: "READ_ONLY", partners: [ours] });
    const { items } = await listPeople(partner, {}, { limit: 100 });
    expect(items.length).toBeGreaterThan(0);
    expect(
      items.every((item) => item.partners.every(({ id }) => id === ours) && item.role.audience === "PARTNER"),
    ).toBe(true);
    for (const hidden of [stranger.id, reader.id, admin.id, newId("user")]) {
      expect(
        await refusalsOf([
          getPerson(partner, hidden),
          changeAccess(partner, hidden, { role: "PARTNER_STAFF", partners: [ours] }),
          disablePerson(partner, hidden),
          enablePerson(partner, hidden),
          endSessionsOfPerson(partner, hidden),
          resendInvitation(partner, hidden),
          withdrawInvitation(partner, hidden),
        ]),
      ).toEqual(["not_found"]);
    }
  });

  it("they invite for their Partner, with a Partner's roles, and nothing else", async () => {
    const { id } = await invitePerson(partner, invitation());
    expect((await getPerson(partner, id)).state).toBe("INVITED");
    expect(await refusalOf(invitePerson(partner, invitation({ partners: [theirs] })))).toBe("not_found");
    expect(await refusalOf(invitePerson(partner, invitation({ partners: [ours, theirs] })))).toBe("not_found");
    for (const role of ["ACQUIRER_ADMIN", "ACQUIRER_FINANCE", "READ_ONLY"])
      expect(await refusalOf(invitePerson(partner, invitation({ role, partners: [] })))).toBe("not_found");
  });

  it("somebody who also belongs to another Partner is seen, without that Partner, and not changed", async () => {
    const shared = await makePerson(test.services, { role: "PARTNER_STAFF", partners: [ours, theirs] });
    const seen = await getPerson(partner, shared.id);
    expect(seen.partners.map(({ id }) => id)).toEqual([ours]);
    expect(seen.may.change).toBe(false);
    expect(await refusalOf(disablePerson(partner, shared.id))).toBe("permission_denied");
    expect((await getPerson(acquirer, shared.id)).may.change).toBe(true);
  });

  it("without the permission nobody is listed and nothing is changed", async () => {
    const staff = await asPerson(
      test.services,
      await makePerson(test.services, { role: "PARTNER_STAFF", partners: [ours] }),
    );
    expect(
      await refusalsOf([
        listPeople(staff, {}, { limit: 10 }),
        getPerson(staff, partnerAdmin.id),
        invitePerson(staff, invitation()),
        disablePerson(staff, partnerAdmin.id),
        listRoles(staff),
        createRole(
          staff,
          RoleInputSchema.parse({ name: "Mine", audience: "PARTNER", partnerId: ours, permissions: ["payments:read"] }),
        ),
      ]),
    ).toEqual(["permission_denied"]);
  });
});

describe("access", () => {
  it("S4: another role counts at the next request of a session that is open", async () => {
    const person = await makePerson(test.services, { role: "PARTNER_STAFF", partners: [ours] });
    const { token } = await sessionOf(person);
    expect((await findSession(test.services, token))?.user.permissions).not.toContain("payments:refund");
    await changeAccess(acquirer, person.id, { role: "PARTNER_ADMIN", partners: [ours, theirs] });
    const after = await findSession(test.services, token);
    expect(after?.user.permissions).toContain("payments:refund");
    expect([...(after?.partners ?? [])].sort()).toEqual([ours, theirs].sort());
    expect(await actionsOf(person.id)).toEqual(["user.access_changed"]);
  });

  it("S4: a Partner that is taken away is gone at the next request of a session that is open", async () => {
    const person = await makePerson(test.services, { role: "PARTNER_STAFF", partners: [ours, theirs] });
    const { token } = await startSession(test.services.db, test.services, {
      ...{ userId: person.id, address: null, userAgent: null, replaces: null },
    });
    const seen = async () => [...((await findSession(test.services, token))?.partners ?? [])].sort();
    expect(await seen()).toEqual([ours, theirs].sort());
    await changeAccess(acquirer, person.id, { role: "PARTNER_STAFF", partners: [theirs] });
    expect(await seen()).toEqual([theirs]);
    expect((await getPerson(acquirer, person.id)).partners.map(({ id }) => id)).toEqual([theirs]);
    expect(await refusalOf(getPerson(partner, person.id))).toBe("not_found");
  });

  it("S13: a disabled person's sessions end at once, and the person can be let in again", async () => {
    const person = await makePerson(test.services, { role: "PARTNER_STAFF", partners: [ours] });
    const { token } = await sessionOf(person);
    await disablePerson(partner, person.id);
    expect(await findSession(test.services, token)).toBeNull();
    const [row] = await test.services.db.query<{ end_reason: string }>({
      text: "select end_reason from sessions where user_id = $1",
      values: [person.id],
    });
    expect(row?.end_reason).toBe("USER_DISABLED");
    await enablePerson(partner, person.id);
    expect((await getPerson(partner, person.id)).state).toBe("ACTIVE");
    expect(await findSession(test.services, token)).toBeNull();
  });

  it("sessions of a person are listed and ended by an administrator, one or all, with an audit entry each", async () => {
    const person = await makePerson(test.services, { role: "PARTNER_STAFF", partners: [ours] });
    const [one, two] = [await sessionOf(person), await sessionOf(person)];
    expect((await getPerson(partner, person.id)).sessions.map(({ id }) => id).sort()).toEqual([one.id, two.id].sort());
    expect(await endSessionsOfPerson(partner, person.id, one.id)).toBe(1);
    expect(await findSession(test.services, one.token)).toBeNull();
    expect(await findSession(test.services, two.token)).not.toBeNull();
    expect(await endSessionsOfPerson(partner, person.id)).toBe(1);
    expect(await actionsOf(two.id)).toEqual(["session.ended"]);
  });

  it("nobody changes, disables or demotes themselves", async () => {
    await makePerson(test.services);
    expect(await refusalOf(changeAccess(acquirer, admin.id, { role: "READ_ONLY", partners: [] }))).toBe(
      "permission_denied",
    );
    expect(await refusalOf(disablePerson(acquirer, admin.id))).toBe("permission_denied");
    expect((await getPerson(acquirer, admin.id)).may.change).toBe(false);
  });

  it("somebody who may do more is not touched by somebody who may do less", async () => {
    const role = await createRole(
      acquirer,
      RoleInputSchema.parse({ name: "Helpdesk", audience: "ACQUIRER", permissions: ["users:read", "users:write"] }),
    );
    const helper = await asPerson(test.services, await makePerson(test.services, { role: role.id }));
    expect(await refusalOf(disablePerson(helper, partnerAdmin.id))).toBe("permission_denied");
    expect(await refusalOf(invitePerson(helper, invitation()))).toBe("role_exceeds_own");
    const equal = await makePerson(test.services, { role: role.id });
    await disablePerson(helper, equal.id);
    expect((await getPerson(acquirer, equal.id)).state).toBe("DISABLED");
  });

  it("the last acquirer admin is neither disabled nor demoted, and of the last two only one can go at a time", async () => {
    const other = await makePerson(test.services);
    const everyone = await test.services.db.query<{ id: string }>({
      text: "select id from users where role = 'ACQUIRER_ADMIN' and state = 'ACTIVE' and not (id = any($1))",
      values: [[admin.id, other.id]],
    });
    for (const { id } of everyone) await disablePerson(acquirer, id);
    const second = await asPerson(test.services, other);
    const results = await Promise.allSettled([
      disablePerson(acquirer, other.id),
      changeAccess(second, admin.id, { role: "READ_ONLY", partners: [] }),
    ]);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(results.find((result) => result.status === "rejected")).toMatchObject({ reason: { code: "last_admin" } });
    await test.services.db.query({
      text: "update users set role = 'ACQUIRER_ADMIN', state = 'ACTIVE' where id = $1",
      values: [admin.id],
    });
  });
});

describe("roles", () => {
  const wish = (facts: Record<string, unknown> = {}) =>
    RoleInputSchema.parse({
      name: `Role ${newId("role").slice(-8)}`,
      audience: "PARTNER",
      permissions: ["payments:refund"],
      ...facts,
    });

  it("a role brings along what its permissions cannot do without", async () => {
    const role = await createRole(
      partner,
      wish({ partnerId: ours, permissions: ["payments:refund", "terminals:write"] }),
    );
    expect(role.permissions).toEqual(
      PERMISSIONS.filter((name) =>
        [
          "payments:read",
          "payments:refund",
          "terminals:read",
          "terminals:write",
          "stores:read",
          "sessions:own",
        ].includes(name),
      ),
    );
    expect(role).toMatchObject({ needsTwoFactor: true, canChange: true, isBuiltIn: false, partnerId: ours });
  });

  it("S4: a changed role counts at the next request of everybody who has it", async () => {
    const role = await createRole(acquirer, wish());
    const person = await makePerson(test.services, { role: role.id, partners: [ours] });
    const { token } = await sessionOf(person);
    expect((await findSession(test.services, token))?.user.permissions).toContain("payments:refund");
    await updateRole(acquirer, role.id, { name: role.name, description: "", permissions: ["stores:read"] });
    expect((await findSession(test.services, token))?.user.permissions).toEqual(["stores:read", "sessions:own"]);
  });

  it("nobody makes, changes or gives a role with more than they hold", async () => {
    expect(await refusalOf(createRole(partner, wish({ partnerId: ours, permissions: ["system:read"] })))).toBe(
      "validation_failed",
    );
    const operations = await makePerson(test.services, { role: "ACQUIRER_OPERATIONS" });
    const role = await createRole(
      acquirer,
      wish({ audience: "ACQUIRER", permissions: ["roles:write", "users:write", "payments:read"] }),
    );
    const limited = await asPerson(test.services, await makePerson(test.services, { role: role.id }));
    expect(await refusalOf(createRole(limited, wish({ audience: "ACQUIRER" })))).toBe("role_exceeds_own");
    const strong = await createRole(acquirer, wish({ audience: "ACQUIRER", permissions: ["settings:write"] }));
    const other = await makePerson(test.services, { role: role.id });
    expect(
      await refusalsOf([
        updateRole(limited, strong.id, { name: "Weak", description: "", permissions: ["payments:read"] }),
        deleteRole(limited, strong.id),
        changeAccess(limited, other.id, {
          role: strong.id,
          partners: [],
        }),
      ]),
    ).toEqual(["role_exceeds_own"]);
    expect(await refusalOf(changeAccess(limited, operations.id, { role: role.id, partners: [] }))).toBe(
      "permission_denied",
    );
    expect(
      await refusalOf(updateRole(limited, role.id, { name: "More", description: "", permissions: ["payments:read"] })),
    ).toBe("permission_denied");
  });

  it("a Partner's role never holds what is the acquirer's, whatever its row says", async () => {
    expect(await refusalOf(createRole(acquirer, wish({ permissions: ["credentials:write"] })))).toBe(
      "validation_failed",
    );
    const role = await createRole(acquirer, wish());
    await test.services.db.query({
      text: "update roles set permissions = $2 where id = $1",
      values: [role.id, [...PERMISSIONS, "made:up"]],
    });
    const { token } = await sessionOf(await makePerson(test.services, { role: role.id, partners: [ours] }));
    const held = (await findSession(test.services, token))?.user.permissions ?? [];
    for (const name of ["credentials:write", "partners:write", "system:read", "settings:write", "made:up"])
      expect(held).not.toContain(name);
    expect(held).toContain("payments:refund");
  });

  it("S1: a role of one Partner is not there for another, and counts at its own Partner only", async () => {
    const role = await createRole(acquirer, wish({ partnerId: theirs }));
    expect(await refusalOf(getRole(partner, role.id))).toBe("not_found");
    expect((await listRoles(partner)).some(({ id }) => id === role.id)).toBe(false);
    expect(await refusalOf(invitePerson(partner, invitation({ role: role.id })))).toBe("not_found");
    expect(
      await refusalOf(updateRole(partner, role.id, { name: "Ours", description: "", permissions: ["payments:read"] })),
    ).toBe("not_found");
    expect(await refusalOf(invitePerson(acquirer, invitation({ role: role.id, partners: [ours, theirs] })))).toBe(
      "validation_failed",
    );
    const { token } = await sessionOf(await makePerson(test.services, { role: role.id, partners: [ours, theirs] }));
    expect((await findSession(test.services, token))?.partners).toEqual([theirs]);
  });

  it("built-in roles stay, a role that people have stays, one that nobody has goes; names are unique", async () => {
    const role = await createRole(acquirer, wish());
    expect(await refusalOf(createRole(acquirer, wish({ name: role.name.toUpperCase() })))).toBe("validation_failed");
    expect(await refusalOf(deleteRole(acquirer, "PARTNER_STAFF"))).toBe("permission_denied");
    const person = await makePerson(test.services, { role: role.id, partners: [ours] });
    expect(await refusalOf(deleteRole(acquirer, role.id))).toBe("role_in_use");
    await changeAccess(acquirer, person.id, { role: "PARTNER_STAFF", partners: [ours] });
    await deleteRole(acquirer, role.id);
    expect(await refusalOf(getRole(acquirer, role.id))).toBe("not_found");
    expect(await actionsOf(role.id)).toEqual(["role.created", "role.deleted"]);
  });
});
