import { attributeOf, expect, expectAccessible, test } from "../fixtures";

test("what a person does stands in the audit: found by id, with before and after, and in the file", async ({
  signedInAs,
  api,
}) => {
  const payment = await api.pay();
  await api.play(payment.id, "complete");
  await api.waitFor(payment.id, "completed");
  const page = await signedInAs("ACQUIRER_ADMIN");
  await page.goto("/audit");
  await expect(page.getByRole("heading", { level: 1, name: "Audit" })).toBeVisible();
  await expectAccessible(page);
  await page.goto(`/audit?q=${payment.id}`);
  await page.getByRole("row").filter({ hasText: "Payment created" }).getByRole("link").first().click();
  await expect(page).toHaveURL(/\/(audit\/aud_|payments\/pay_)/);
  await page.goto(`/audit?subject=${payment.id}&action=payment.created`);
  const entry = page.locator('a[href^="/audit/aud_"]').first();
  await page.goto(await attributeOf(entry, "href"));
  await expect(page.getByRole("heading", { level: 1, name: "Payment created" })).toBeVisible();
  await expect(page.getByRole("table", { name: "Before and after" })).toBeVisible();
  await expectAccessible(page);
  const file = await page.request.get(`/export/audit?subject=${payment.id}`);
  expect(file.headers()["content-type"]).toContain("text/csv");
  const text = await file.text();
  expect(text.split("\n")[0]).toContain("created_at,entry_id,action");
  expect(text).toContain("payment.created");
});

test("S62: the chain is checked on the screen and holds", async ({ signedInAs }) => {
  const page = await signedInAs("ACQUIRER_ADMIN");
  await page.goto("/audit/chain");
  await page.getByRole("button", { name: /Check (now|again)/ }).click();
  await expect(page.getByText("The audit is as it was written")).toBeVisible();
  await expectAccessible(page);
});

test("S1: a Partner's admin sees the Partner's entries and no chain; who may only read gets no file", async ({
  signedInAs,
}) => {
  const partner = await signedInAs("PARTNER_ADMIN");
  await partner.goto("/audit");
  await expect(partner.getByRole("heading", { level: 1, name: "Audit" })).toBeVisible();
  await expect(partner.getByRole("link", { name: "Chain" })).toHaveCount(0);
  await partner.goto("/audit/chain");
  await expect(partner.getByText("Nothing here")).toBeVisible();
  const reader = await signedInAs("READ_ONLY");
  expect((await reader.request.get("/export/audit")).status()).toBe(403);
});
