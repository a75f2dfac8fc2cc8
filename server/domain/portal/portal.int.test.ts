import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ServiceContext } from "@/server/context";
import { activateCredential, createCredential } from "@/server/domain/credentials/service";
import { type BuiltPartner, makePartner } from "@/server/testing/builders";
import { asUser, type TestServices, testServices } from "@/server/testing/context";
import { inviteToPortal, listPortalGrants, openPortal, revokePortal } from "./service";

let test: TestServices;
let ours: BuiltPartner;
let theirs: BuiltPartner;

beforeAll(async () => {
  test = await testServices();
  ours = await makePartner(test.services);
  theirs = await makePartner(test.services);
});
afterAll(() => test.close());

/** A person whose row stands in the database. */
async function person(role: "PARTNER_ADMIN" | "ACQUIRER_ADMIN" | "ACQUIRER_FINANCE"): Promise<ServiceContext> {
  const ctx = asUser(test.services, role, role === "PARTNER_ADMIN" ? [ours.partner.id] : "all");
  await test.services.db.query({
    text: "insert into users (id, email, name, role, password_hash, password_changed_at, updated_at) values ($1, lower($1) || '@partner.example', 'Person', $2, 'x', now(), now())",
    values: [ctx.actor.id, role],
  });
  return ctx;
}
const certify = async (): Promise<void> => {
  const admin = asUser(test.services, "ACQUIRER_ADMIN");
  const made = await createCredential(admin, { kind: "CLIENT_CERTIFICATE", purpose: "portal", domains: [] });
  await activateCredential(admin, made.id);
};

describe("links into Klarna's portal", () => {
  it("without a certificate there is none, and the way out is told", async () => {
    await expect(openPortal(await person("PARTNER_ADMIN"), ours.partner.id)).rejects.toMatchObject({
      code: "state_conflict",
      detail: expect.stringContaining("Invite by e-mail"),
    });
    expect(await listPortalGrants(asUser(test.services, "ACQUIRER_ADMIN"), null)).toEqual([]);
  });

  it("the click gives a link that opens the portal once, for this person and Partner; it is listed and audited", async () => {
    await test.simulator.control.management({ deep_link_certificates: "issued" });
    await certify();
    const ctx = await person("PARTNER_ADMIN");
    const { url } = await openPortal(ctx, ours.partner.id);
    const first = await fetch(url);
    expect(first.status).toBe(200);
    expect(await first.text()).toContain(`${ctx.actor.id.toLowerCase()}@partner.example`);
    expect((await fetch(url)).ok).toBe(false);
    expect(await listPortalGrants(ctx, ours.partner.id)).toMatchObject([
      {
        kind: "DEEP_LINK",
        state: "OPENED",
        roles: ["merchant:admin"],
        email: `${ctx.actor.id.toLowerCase()}@partner.example`,
      },
    ]);
    const audits = await test.services.db.query<{ action: string }>({
      text: "select action from audit_entries where subject_kind = 'portal_grant' and partner_id = $1 order by position",
      values: [ours.partner.id],
    });
    expect(audits.map(({ action }) => action)).toEqual(["portal_grant.requested", "portal_grant.opened"]);
    const kept = await test.services.db.query({
      text: "select 1 from portal_grants g where g::text like '%' || $1 || '%'",
      values: [url.split("/").at(-1)],
    });
    expect(kept).toEqual([]);
  });

  it("only who may invite people here is an administrator there", async () => {
    const ctx = await person("ACQUIRER_FINANCE");
    await openPortal(ctx, ours.partner.id);
    const mine = (await listPortalGrants(ctx, ours.partner.id)).find(({ grantedBy }) => grantedBy === ctx.actor.id);
    expect(mine?.roles).toEqual(["merchant:developer"]);
  });

  it("what Klarna refuses is kept as failed", async () => {
    const ctx = await person("ACQUIRER_ADMIN");
    await test.services.db.query({
      text: "update partner_accounts set klarna_partner_account_id = 'krn:partner:global:account:test:UNKNOWN' where partner_id = $1",
      values: [theirs.partner.id],
    });
    await expect(openPortal(ctx, theirs.partner.id)).rejects.toMatchObject({ code: "state_conflict" });
    expect((await listPortalGrants(ctx, theirs.partner.id)).map(({ state }) => state)).toEqual(["FAILED"]);
  });

  it("S1: another Partner's portal is answered like one that does not exist", async () => {
    const ctx = await person("PARTNER_ADMIN");
    await expect(openPortal(ctx, theirs.partner.id)).rejects.toMatchObject({ code: "not_found" });
    expect(await listPortalGrants(ctx, theirs.partner.id)).toEqual([]);
    await expect(openPortal(asUser(test.services, "READ_ONLY"), ours.partner.id)).rejects.toMatchObject({
      code: "permission_denied",
    });
  });
});

describe("invitations", () => {
  it("Klarna invites, the list tells, and it is taken back; another Partner's is not found", async () => {
    const ctx = await person("PARTNER_ADMIN");
    const input = { partner: ours.partner.id, email: "New.Person@Example.com", role: "merchant:developer" } as const;
    const made = await inviteToPortal(ctx, input);
    expect(made).toMatchObject({ state: "INVITED", email: "new.person@example.com", roles: ["merchant:developer"] });
    await expect(inviteToPortal(ctx, input)).rejects.toMatchObject({ code: "state_conflict" });
    await expect(
      revokePortal(asUser(test.services, "PARTNER_ADMIN", [theirs.partner.id]), made.id),
    ).rejects.toMatchObject({ code: "not_found" });
    await expect(revokePortal(await person("ACQUIRER_FINANCE"), made.id)).rejects.toMatchObject({
      code: "permission_denied",
    });
    expect(await revokePortal(ctx, made.id)).toMatchObject({ state: "REVOKED" });
    expect((await inviteToPortal(ctx, input)).state).toBe("INVITED");
  });
});
