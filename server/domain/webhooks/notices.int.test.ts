import { expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { getMail, listMails } from "@/server/domain/mail/service";
import { asSystem } from "@/server/testing/builders";
import { withWebhooks } from "@/server/testing/webhooks";
import * as webhooks from "./service";
import { appendEvent } from "./testing";

/* An endpoint that is switched off by itself: the owner is told, once, whatever dies in between. */

const hooks = withWebhooks();
const { receiver, deliverer, partner, endpoint, endpointRow, auditOf } = hooks;

async function person(partnerId: string, role: string, state = "ACTIVE"): Promise<string> {
  const id = newId("user");
  const email = `${id.toLowerCase()}@shop.example`;
  await hooks.query(
    `insert into users (id, email, name, role, state, password_hash, password_changed_at) values ($1, $2, 'Somebody', $3, $4, 'x', now())`,
    [id, email, role, state],
  );
  await hooks.query("insert into user_partners (user_id, partner_id) values ($1, $2)", [id, partnerId]);
  return email;
}
const openAlarms = (subjectId: string) =>
  hooks.query("select kind from alarms where subject_id = $1 and cleared_at is null", [subjectId]);
const mailsTo = async (email: string) =>
  (await listMails(asSystem(hooks.services), { search: email }, { limit: 10 })).items;

async function switchOff(partnerId: string): Promise<void> {
  await appendEvent(hooks.services, { partnerId, subjectId: newId("refund"), sequence: 1 });
  await webhooks.relayAll(hooks.services);
  await deliverer().drain();
}

it("R24: 410 tells the Partner's administrators by mail, raises an alarm and writes the audit; switching on ends the alarm", async () => {
  const [mine, theirs] = [await partner(), await partner()];
  const admin = await person(mine.id, "PARTNER_ADMIN");
  const others = [
    await person(mine.id, "PARTNER_STAFF"),
    await person(mine.id, "PARTNER_ADMIN", "DISABLED"),
    await person(theirs.id, "PARTNER_ADMIN"),
  ];
  const shop = await receiver();
  shop.answer((response) => response.writeHead(410).end());
  const { id } = await endpoint(mine.ctx, `${shop.url}?key=canary`);
  await switchOff(mine.id);
  const [mail, ...more] = await mailsTo(admin);
  expect(more).toEqual([]);
  expect(mail).toMatchObject({ kind: "webhook_endpoint_disabled" });
  const { text } = await getMail(asSystem(hooks.services), mail?.id ?? "");
  expect(text).toContain("gone (HTTP 410)");
  expect(text).toContain(`/webhooks/${id}`);
  expect(text).not.toContain("canary");
  for (const other of others) expect(await mailsTo(other)).toEqual([]);
  expect(await auditOf(id)).toEqual(["webhook_endpoint.created", "webhook_endpoint.disabled"]);
  expect(await openAlarms(id)).toHaveLength(1);
  expect(await webhooks.sendNotices(hooks.services)).toBe(0);

  await webhooks.updateEndpoint(mine.ctx, id, { status: "enabled" });
  expect(await openAlarms(id)).toEqual([]);
  expect(await mailsTo(admin)).toHaveLength(1);
});

it("a process that dies before the owner is told leaves the notice due: the next one tells, once", async () => {
  const mine = await partner();
  const admin = await person(mine.id, "PARTNER_ADMIN");
  const shop = await receiver();
  shop.answer((response) => response.writeHead(410).end());
  const { id } = await endpoint(mine.ctx, shop.url);
  await appendEvent(hooks.services, { partnerId: mine.id, subjectId: newId("refund"), sequence: 1 });
  await webhooks.relayAll(hooks.services);
  const db = { ...hooks.services.db, transaction: () => Promise.reject(new Error("the process died")) };
  await deliverer({}, { ...hooks.services, db }).drain();
  expect(await endpointRow(id)).toMatchObject({ state: "DISABLED", notice_due_at: expect.any(Date) });
  expect(await mailsTo(admin)).toEqual([]);
  const told = await Promise.all([webhooks.sendNotices(hooks.services), webhooks.sendNotices(hooks.services)]);
  expect(told.reduce((sum, count) => sum + count, 0)).toBe(1);
  expect(await mailsTo(admin)).toHaveLength(1);
  expect(await endpointRow(id)).toMatchObject({ notice_due_at: null });
});
