import { expect, expectAccessible, test, textOf } from "../fixtures";

test("a key of the acquirer's system onboards a Partner, sees none of the payments, and ends when it is revoked", async ({
  signedInAs,
  demo,
}) => {
  const page = await signedInAs("ACQUIRER_ADMIN");
  await page.goto("/settings/api-keys");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Create key" }).click();
  const dialog = page.getByRole("dialog");
  const name = `CRM ${Date.now().toString(36)}`;
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByRole("checkbox", { name: /partners:write/ }).check();
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Create key" }).click();
  const key = await textOf(dialog.locator("code"));
  expect(key).toMatch(/^tg_test_ak_/);
  await dialog.getByRole("button", { name: "I have copied it" }).click();
  const row = page.getByRole("listitem").filter({ hasText: name });
  await expect(row).toContainText("Active");
  await expect(page.getByText(key)).toHaveCount(0);

  const ask = (path: string, body?: unknown) =>
    fetch(`${demo.url}/api/v1${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json", "idempotency-key": name },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const begun = await ask("/partners", { name, reference: name, country: "SE", currency: "SEK" });
  expect(begun.status).toBe(201);
  expect((await ask("/payments")).status).toBe(403);
  expect(
    (await fetch(`${demo.url}/api/v1/partners`, { headers: { authorization: `Bearer ${demo.api_key}` } })).status,
  ).toBe(404);
  await page.goto(`/partners?q=${encodeURIComponent(name)}`);
  await expect(page.getByRole("main")).toContainText(name);

  await page.goto("/settings/api-keys");
  await row.getByRole("button", { name: "Revoke" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Revoke key" }).click();
  await expect(row).toContainText("Revoked");
  await expect.poll(async () => (await ask("/partners")).status).toBe(401);
});

test("only the acquirer's people find the keys of its systems, and who reads makes none", async ({ signedInAs }) => {
  const reader = await signedInAs("ACQUIRER_OPERATIONS");
  await reader.goto("/settings/api-keys");
  await expect(reader.getByRole("heading", { name: "API keys", exact: true })).toBeVisible();
  await expect(reader.getByRole("button", { name: "Create key" })).toHaveCount(0);
  const partner = await signedInAs("PARTNER_ADMIN");
  await partner.goto("/settings/users");
  await expect(partner.getByRole("link", { name: "API keys" })).toHaveCount(0);
  await partner.goto("/settings/api-keys");
  await expect(partner.getByRole("main")).toContainText(/not found|does not exist|no such/i);
});
