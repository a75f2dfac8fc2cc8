import { expect, expectAccessible, test } from "../fixtures";

test("a key to Klarna is made and used on the screen, and payments go on", async ({ signedInAs, api }) => {
  const page = await signedInAs("ACQUIRER_ADMIN");
  await page.goto("/system/credentials");
  await expectAccessible(page);
  const purpose = `e2e ${Date.now().toString(36)}`;
  const keys = page.locator("section").filter({ has: page.getByRole("heading", { name: "API keys" }) });
  await keys.getByRole("button", { name: "Create" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Create" }).click();
  await expect(dialog.getByText("Say what it is for.")).toBeVisible();
  await dialog.getByLabel("Purpose").fill(purpose);
  await dialog.getByRole("button", { name: "Create" }).click();
  const row = keys.getByRole("listitem").filter({ hasText: purpose });
  await expect(row.getByText("Ready")).toBeVisible();
  await row.getByRole("button", { name: "Use" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Use it" }).click();
  await expect(row.getByText("In use")).toBeVisible();
  // The one in use is not offered for disabling.
  await expect(row.getByRole("button", { name: "Disable" })).toHaveCount(0);
  const payment = await api.pay();
  await api.play(payment.id, "complete");
  await api.waitFor(payment.id, "completed");
  await page.goto("/audit?action=klarna_credential");
  await expect(page.getByText("Klarna credential activated").first()).toBeVisible();
});

test("a certificate signs the way into Klarna's portal", async ({ signedInAs }) => {
  const admin = await signedInAs("ACQUIRER_ADMIN");
  await admin.goto("/system/credentials");
  const panel = admin
    .locator("section")
    .filter({ has: admin.getByRole("heading", { name: "Client certificates", exact: true }) });
  const purpose = `portal ${Date.now().toString(36)}`;
  await panel.getByRole("button", { name: "Create" }).click();
  await admin.getByRole("dialog").getByLabel("Purpose").fill(purpose);
  await admin.getByRole("dialog").getByRole("button", { name: "Create" }).click();
  const row = panel.getByRole("listitem").filter({ hasText: purpose });
  await row.getByRole("button", { name: "Use" }).click();
  await admin.getByRole("alertdialog").getByRole("button", { name: "Use it" }).click();
  await expect(row.getByText("In use")).toBeVisible();

  const page = await signedInAs("PARTNER_ADMIN");
  await page.goto("/settings/portal");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Continue to Klarna's portal" }).click();
  await page.waitForURL(/\/portal\//);
  await page.goto("/settings/portal");
  await expect(page.getByRole("listitem").filter({ hasText: "Opened" }).first()).toBeVisible();
});

test("S1: credentials are the acquirer's; who may only look is offered nothing that changes", async ({
  signedInAs,
}) => {
  for (const role of ["PARTNER_ADMIN", "READ_ONLY", "ACQUIRER_FINANCE"] as const) {
    const page = await signedInAs(role);
    await page.goto("/system/credentials");
    await expect(page.getByText("Nothing here"), role).toBeVisible();
  }
  const reader = await signedInAs("ACQUIRER_OPERATIONS");
  await reader.goto("/system/credentials");
  await expect(reader.getByRole("heading", { name: "API keys" })).toBeVisible();
  await expect(reader.getByText("In use").first()).toBeVisible();
  for (const name of ["Create", "Use", "Disable", "Change", "Enforce"])
    await expect(reader.getByRole("button", { name, exact: true })).toHaveCount(0);
});
