import { expect, expectAccessible, test, textOf } from "../fixtures";

test("a key is shown once, works at once and is refused within a second of being revoked", async ({
  signedInAs,
  demo,
}) => {
  const page = await signedInAs("PARTNER_ADMIN");
  await page.goto("/developers");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Create key" }).click();
  const dialog = page.getByRole("dialog");
  const name = `Kiosk ${Date.now().toString(36)}`;
  await dialog.getByLabel("Name").fill(name);
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Create key" }).click();
  const key = await textOf(dialog.locator("code"));
  expect(key).toMatch(/^tg_test_sk_/);
  await dialog.getByRole("button", { name: "I have copied it" }).click();
  const row = page.getByRole("listitem").filter({ hasText: name });
  await expect(row).toContainText("Active");
  await expect(page.getByText(key)).toHaveCount(0);

  const ask = () => fetch(`${demo.url}/api/v1/payments?limit=1`, { headers: { authorization: `Bearer ${key}` } });
  expect((await ask()).status).toBe(200);

  await page.goto("/developers/requests");
  await page.getByRole("switch", { name: "Live" }).click();
  await expect(page.getByRole("table", { name: "Requests" })).toContainText(name);
  await page.getByRole("table", { name: "Requests" }).getByRole("row").filter({ hasText: name }).first().hover();
  await page.getByRole("button", { name: "Preview this row" }).first().click();
  await expect(page.getByRole("dialog")).toContainText("Request id");
  await expectAccessible(page);
  await page.keyboard.press("Escape");

  await page.goto("/developers");
  await row.getByRole("button", { name: "Revoke" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Revoke key" }).click();
  await expect(row).toContainText("Revoked");
  await expect.poll(async () => (await ask()).status).toBe(401);
});

test("a key without a name or a scope is not made, and the form says why", async ({ signedInAs }) => {
  const page = await signedInAs("PARTNER_ADMIN");
  await page.goto("/developers?add=1");
  const dialog = page.getByRole("dialog");
  for (const scope of ["payments:read", "payments:write", "refunds:write"]) {
    await dialog.getByRole("checkbox", { name: new RegExp(scope) }).uncheck();
  }
  await dialog.getByRole("button", { name: "Create key" }).click();
  await expect(dialog.getByText("Enter a name.")).toBeVisible();
  await expect(dialog.getByText("Choose at least one scope.")).toBeVisible();
  await expect(dialog.getByLabel("Name")).toHaveAttribute("aria-invalid", "true");
});

test("a role that only reads sees keys by their end and no way to make or revoke one", async ({ signedInAs }) => {
  const page = await signedInAs("READ_ONLY");
  await page.goto("/developers");
  await expect(page.getByText(/tg_test_sk_…/).first()).toBeVisible();
  await expect(page.getByRole("button", { name: "Create key" })).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Revoke" })).toHaveCount(0);
  await expect(page.getByRole("link", { name: "Requests" })).toHaveCount(0);
  await page.goto("/developers/requests");
  await expect(page.getByText("Nothing here")).toBeVisible();
});

test("the documents are open to anybody: every call, every code, every test amount", async ({ page, demo }) => {
  // The whole contract stands on one page: axe has a lot to read.
  test.slow();
  await page.goto("/docs");
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Partner API");
  await expect(page.getByText("/api/v1/payments/{id}/refunds").first()).toBeVisible();
  await expectAccessible(page);
  await page.goto("/docs/testing");
  await expect(page.getByRole("rowheader", { name: "01" })).toBeVisible();
  await expectAccessible(page);

  // The address in a problem document leads to the page of its code.
  const refused = await fetch(`${demo.url}/api/v1/payments`, { headers: { authorization: "Bearer nonsense" } });
  const problem: unknown = await refused.json();
  expect(problem).toMatchObject({ code: "key_invalid", type: expect.stringContaining("/docs/errors/key_invalid") });
  await page.goto("/docs/errors/key_invalid");
  await expect(page.getByRole("heading", { level: 1, name: "key_invalid" })).toBeVisible();
  await expectAccessible(page);
  expect((await page.goto("/docs/errors/no_such_code"))?.status()).toBe(404);
});
