import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { removeClassicCredential, saveClassicCredential } from "@/server/domain/classic/service";
import {
  cancelPayment,
  capturePayment,
  createPayment,
  refundPayment,
  voidPayment,
} from "@/server/domain/payments/service";
import { makeClassicPartner } from "@/server/testing/classic";
import { classicHarness } from "@/server/testing/classic-harness";
import { asUser } from "@/server/testing/context";

const MIGRATION = new URL("../../../../prisma/migrations/20261121190500_classic_users/migration.sql", import.meta.url);

/* As whom Klarna is asked about a sale, whoever the Partner's user at Klarna is by then. */

const h = classicHarness();

it("a sale goes on with the user that made it: after the Partner has another one, and after it has none", async () => {
  const staff = asUser(h.services, "ACQUIRER_ADMIN");
  const id = await h.distributed("qr", { capture: "manual" });
  await h.classic.play(await h.sessionOf(id), "complete");
  await h.becomes(id, "authorized");
  // Another merchant's user at Klarna: it sees nothing of this order.
  const other = await makeClassicPartner(h.services, h.test.simulator);
  const { username, password } = await h.classic.credential(other.account.id);
  await saveClassicCredential(staff, h.partner.partner.id, { region: "EU", username, password });
  expect(await capturePayment(h.ctx, id, { amount: 9_000 })).toMatchObject({ status: "succeeded" });
  expect(await refundPayment(h.ctx, id, { amount: 1_000 })).toMatchObject({ status: "succeeded" });
  const next = await h.started("qr");
  const made = (await h.classic.sessions(other.account.id)).map((session) => session.merchant_reference2);
  expect(made, "the new user makes new sales").toContain(next);
  expect((await cancelPayment(h.ctx, next)).status).toBe("canceled");
  await removeClassicCredential(staff, h.partner.partner.id);
  await expect(createPayment(h.ctx, await h.body("qr"))).rejects.toMatchObject({ code: "partner_not_operational" });
  expect(await voidPayment(h.ctx, id)).toMatchObject({ status: "completed", amount_voided: 9_000 });
  expect(await refundPayment(h.ctx, id, { amount: 2_000 })).toMatchObject({ status: "succeeded" });
  await h.expectEqualBooks(id);
  const stored = await h.services.db.query({ text: "select * from classic_former_credentials", values: [] });
  expect(stored).toHaveLength(2);
  expect(JSON.stringify(stored)).not.toContain(password);
});

it("a sale from before its user was kept belongs to the user of the day of the change", async () => {
  await h.freshPartner();
  const id = await h.distributed("qr", { capture: "manual" });
  await h.classic.play(await h.sessionOf(id), "complete");
  await h.becomes(id, "authorized");
  await h.services.db.query({
    text: "update payments set classic = classic - 'user', version = version + 1 where id = $1",
    values: [id],
  });
  const statements = (await readFile(MIGRATION, "utf8")).split(";\n");
  for (const text of statements.filter((statement) => /^UPDATE\b/m.test(statement)))
    await h.services.db.query({ text, values: [] });
  await removeClassicCredential(asUser(h.services, "ACQUIRER_ADMIN"), h.partner.partner.id);
  expect(await capturePayment(h.ctx, id, {})).toMatchObject({ status: "succeeded", amount: 18_000 });
  await h.expectEqualBooks(id);
});
