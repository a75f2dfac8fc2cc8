import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HOUR_MS, MINUTE_MS } from "@/server/core/time";
import type { Row } from "@/server/db/client";
import { makePartner } from "@/server/testing/builders";
import { asUser, type TestServices, testServices } from "@/server/testing/context";
import { getMail, listMails, type MailInput, queueMail, sendDueMails } from "./service";
import { type TestMailServer, testMailServer } from "./testing";

const MAIL: MailInput = {
  kind: "password_reset",
  to: "person@tillgate.example",
  partnerId: null,
  subject: "New password",
  text: "Follow https://pay.example.com/reset?t=planted-token-0123456789\n",
  holdsLink: true,
};

const rowOf = async (test: TestServices, id: string): Promise<Row> => {
  const [row] = await test.services.db.query({ text: "select * from mails where id = $1", values: [id] });
  return row ?? {};
};

describe("without a mail server", () => {
  let test: TestServices;
  beforeAll(async () => {
    test = await testServices({ clock: "movable", simulator: false });
  });
  afterAll(() => test.close());

  it("a mail is kept, readable by the acquirer's admin alone, and each look at a link is audited", async () => {
    const id = await queueMail(test.services.db, test.services, MAIL);
    expect(await sendDueMails(test.services)).toEqual({ sent: 0, failed: 0 });
    const ctx = asUser(test.services, "ACQUIRER_ADMIN");
    const mail = await getMail(ctx, id);
    expect(mail).toMatchObject({ state: "KEPT", to: MAIL.to, text: MAIL.text, kind: "password_reset" });
    const audit = await test.services.db.query({
      text: "select action from audit_entries where subject_id = $1",
      values: [id],
    });
    expect(audit).toEqual([{ action: "mail.read" }]);
    for (const role of ["ACQUIRER_OPERATIONS", "ACQUIRER_FINANCE", "READ_ONLY", "PARTNER_ADMIN"] as const) {
      const other = asUser(test.services, role);
      await expect(getMail(other, id)).rejects.toMatchObject({ code: "permission_denied" });
      await expect(listMails(other, {}, { limit: 10 })).rejects.toMatchObject({ code: "permission_denied" });
    }
  });

  it("S60: the text stands encrypted in the row, and opens in no other row", async () => {
    const [one, two] = [
      await queueMail(test.services.db, test.services, MAIL),
      await queueMail(test.services.db, test.services, MAIL),
    ];
    expect(JSON.stringify(await rowOf(test, one))).not.toContain("planted-token");
    await test.services.db.query({
      text: "update mails set body_secret = (select body_secret from mails where id = $2) where id = $1",
      values: [one, two],
    });
    await expect(getMail(asUser(test.services, "ACQUIRER_ADMIN"), one)).rejects.toThrow();
  });

  it("a mail belongs to the change that it tells of: rolled back, it was never written", async () => {
    let id = "";
    const failing = test.services.db.transaction(async (tx) => {
      id = await queueMail(tx, test.services, MAIL);
      throw new Error("undone");
    });
    await expect(failing).rejects.toThrow("undone");
    expect(await rowOf(test, id)).toEqual({});
  });

  it.each(["", "a@b@c.example", "Person <p@t.example>", "p@t.example, q@t.example", "p@t.example\nBcc: q@t.example"])(
    "S15: %j is not an address that a mail goes to",
    async (to) => {
      await expect(queueMail(test.services.db, test.services, { ...MAIL, to })).rejects.toMatchObject({
        code: "validation_failed",
      });
    },
  );

  it("the list is found by address, state and page, and a Partner's scope sees mails to its own people only", async () => {
    const { partner } = await makePartner(test.services);
    await queueMail(test.services.db, test.services, { ...MAIL, to: "nobody@elsewhere.example" });
    const own = await queueMail(test.services.db, test.services, {
      ...MAIL,
      to: "own@partner.example",
      partnerId: partner.id,
    });
    const all = asUser(test.services, "ACQUIRER_ADMIN");
    expect((await listMails(all, { search: "own@PARTNER" }, { limit: 10 })).items.map((mail) => mail.id)).toEqual([
      own,
    ]);
    expect((await listMails(all, { state: ["SENT"] }, { limit: 10 })).total).toBe(0);
    const tied = asUser(test.services, "ACQUIRER_ADMIN", [partner.id]);
    expect((await listMails(tied, {}, { limit: 10 })).items.map((mail) => mail.id)).toEqual([own]);
    const first = await listMails(all, {}, { limit: 1 });
    const second = await listMails(all, {}, { limit: 1, cursor: first.nextCursor });
    expect(second.items[0]?.id).not.toBe(first.items[0]?.id);
  });
});

describe("with a mail server", () => {
  let test: TestServices;
  let server: TestMailServer;
  beforeAll(async () => {
    server = await testMailServer();
    test = await testServices({
      clock: "movable",
      simulator: false,
      environment: { SMTP_URL: server.url, MAIL_FROM: "Tillgate <no-reply@tillgate.example>" },
    });
  });
  afterAll(async () => {
    await test.close();
    await server.close();
  });

  it("a mail is sent once, from our address, and its link is gone from the row afterwards", async () => {
    const id = await queueMail(test.services.db, test.services, MAIL);
    const rounds = await Promise.all([sendDueMails(test.services), sendDueMails(test.services)]);
    expect(rounds.map((round) => round.sent).sort()).toEqual([0, 1]);
    const [message = ""] = server.taken.splice(0);
    expect(message).toContain("From: Tillgate <no-reply@tillgate.example>");
    expect(message).toContain(`To: ${MAIL.to}`);
    expect(message.replaceAll("=\n", "").replaceAll("=3D", "=")).toContain("/reset?t=planted-token-0123456789");
    expect(await rowOf(test, id)).toMatchObject({ state: "SENT", body_secret: null });
    expect((await getMail(asUser(test.services, "ACQUIRER_ADMIN"), id)).text).toBeNull();
  });

  it("a link that waits to be sent is nobody else's to read", async () => {
    const id = await queueMail(test.services.db, test.services, MAIL);
    expect((await getMail(asUser(test.services, "ACQUIRER_ADMIN"), id)).text).toBeNull();
    await sendDueMails(test.services);
    server.taken.splice(0);
  });

  it("a busy server is asked again later", async () => {
    const id = await queueMail(test.services.db, test.services, MAIL);
    server.answers.push("451 later");
    expect(await sendDueMails(test.services)).toEqual({ sent: 0, failed: 1 });
    expect(await sendDueMails(test.services)).toEqual({ sent: 0, failed: 0 });
    test.clock.advance(MINUTE_MS);
    expect(await sendDueMails(test.services)).toEqual({ sent: 1, failed: 0 });
    expect(await rowOf(test, id)).toMatchObject({ state: "SENT", attempts: 2 });
    server.taken.splice(0);
  });

  it("a mail that the server refuses for good is given up with an alarm", async () => {
    const id = await queueMail(test.services.db, test.services, MAIL);
    server.answers.push("550 no such person");
    await sendDueMails(test.services);
    expect(await rowOf(test, id)).toMatchObject({ state: "FAILED", body_secret: null });
    const alarms = await test.services.db.query({
      text: "select kind from alarms where subject_id = $1",
      values: [id],
    });
    expect(alarms).toEqual([{ kind: "mail_failed" }]);
  });

  it("a mail that nobody takes for a day and a half is given up", async () => {
    const id = await queueMail(test.services.db, test.services, { ...MAIL, holdsLink: false });
    for (let round = 0; round < 10; round += 1) {
      server.answers.splice(0, server.answers.length, "451 later");
      await sendDueMails(test.services);
      test.clock.advance(25 * HOUR_MS);
    }
    server.answers.splice(0);
    expect(await rowOf(test, id)).toMatchObject({ state: "FAILED", attempts: 8 });
    expect(server.taken).toEqual([]);
  });

  it("a link that has run out meanwhile is not sent", async () => {
    const id = await queueMail(test.services.db, test.services, {
      ...MAIL,
      notAfter: new Date(test.clock.now().getTime() + MINUTE_MS),
    });
    test.clock.advance(MINUTE_MS);
    await sendDueMails(test.services);
    expect(server.taken).toEqual([]);
    expect(await rowOf(test, id)).toMatchObject({ state: "FAILED", body_secret: null });
  });

  it("a process that died while sending leaves the mail to the next one", async () => {
    const id = await queueMail(test.services.db, test.services, MAIL);
    await test.services.db.query({
      text: "update mails set attempts = 1, next_attempt_at = $2 where id = $1",
      values: [id, new Date(test.clock.now().getTime() + 2 * MINUTE_MS)],
    });
    expect((await sendDueMails(test.services)).sent).toBe(0);
    test.clock.advance(3 * MINUTE_MS);
    expect((await sendDueMails(test.services)).sent).toBe(1);
  });
});
