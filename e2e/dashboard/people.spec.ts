import { attributeOf, expect, expectAccessible, newReference, pathOf, test, textOf } from "../fixtures";

const PASSWORD = "a long enough password";

test("S1: an invited Partner admin accepts, signs in, sees their own Partner alone, and is out at once when disabled", async ({
  signedInAs,
  browser,
  baseURL,
}) => {
  const email = `${newReference().toLowerCase()}@fjordgear.example`;
  const admin = await signedInAs("ACQUIRER_ADMIN");
  await admin.goto("/settings/users");
  await admin.getByRole("button", { name: "Invite" }).click();
  const dialog = admin.getByRole("dialog");
  await dialog.getByLabel("Name", { exact: true }).fill("Nora Fjeld");
  await dialog.getByLabel("E-mail").fill(email);
  await dialog.getByLabel("Role").click();
  await admin.getByRole("option", { name: "Partner admin" }).click();
  await expect(dialog.getByText("This role needs a second factor")).toBeVisible();
  await dialog.getByRole("checkbox", { name: "Fjordgear" }).click();
  await dialog.getByRole("button", { name: "Send invitation" }).click();
  const record = await pathOf(admin, /\/settings\/users\/usr_/);
  await expect(admin.getByRole("heading", { level: 1, name: "Nora Fjeld" })).toBeVisible();
  await expect(admin.getByText("Invited, not here yet")).toBeVisible();
  await expectAccessible(admin);

  await admin.goto(`/system/mails?q=${encodeURIComponent(email)}`);
  await admin.getByText("You are invited to Tillgate").first().click();
  const link = admin.getByRole("link", { name: /\/accept-invitation#/ });
  const href = await attributeOf(link, "href");
  expect(href).toMatch(/#[A-Za-z0-9_-]{43}$/);

  const context = await browser.newContext({ ...(baseURL === undefined ? {} : { baseURL }), locale: "en-GB" });
  try {
    const nora = await context.newPage();
    await nora.goto(href);
    await expect(nora.getByText(email)).toBeVisible();
    await nora.getByLabel("New password").fill(PASSWORD);
    await nora.getByRole("button", { name: "Accept and sign in" }).click();
    await expect(nora.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();

    await nora.goto("/partners");
    await expect(nora.getByText("1 Partner", { exact: true })).toBeVisible();
    await expect(nora.getByRole("row", { name: /Fjordgear/ })).toBeVisible();
    await nora.goto("/settings/users");
    await expect(nora.getByRole("row").filter({ hasText: email })).toBeVisible();
    await expect(nora.getByRole("row", { name: /Ingrid Solheim/ })).toBeVisible();
    await expect(nora.getByRole("row", { name: /Astrid Holm|Petra Lindqvist|Omar Haddad/ })).toHaveCount(0);
    for (const hidden of ["/system", "/system/mails", "/settings/users/usr_01ARZ3NDEKTSV4RRFFQ69G5FAV"]) {
      await nora.goto(hidden);
      await expect(nora.getByText("Nothing here")).toBeVisible();
    }

    await admin.goto(record);
    await expect(admin.getByText("Active", { exact: true }).first()).toBeVisible();
    await admin.getByRole("button", { name: "Disable" }).click();
    await admin.getByRole("alertdialog").getByRole("button", { name: "Disable" }).click();
    await expect(admin.getByText("Disabled", { exact: true }).first()).toBeVisible();
    await nora.goto("/payments");
    await expect(nora).toHaveURL(/\/sign-in/);
    await nora.getByLabel("E-mail").fill(email);
    await nora.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await nora.getByRole("button", { name: "Sign in", exact: true }).click();
    await expect(nora.getByText("Wrong e-mail or password.")).toBeVisible();
  } finally {
    await context.close();
  }
});

test("S7: a refund above the limit waits for a second person, who alone can approve it", async ({
  signedInAs,
  api,
}) => {
  const payment = await api.pay(3_000_000);
  await api.play(payment.id, "complete");
  await api.waitFor(payment.id, "completed");

  const asker = await signedInAs("PARTNER_ADMIN");
  await asker.goto(`/payments/${payment.id}`);
  await asker.getByRole("button", { name: "Refund", exact: true }).click();
  await asker.getByRole("alertdialog").getByRole("button", { name: "Refund SEK 30,000.00" }).click();
  await expect(asker.getByText(/needs a second person/).first()).toBeVisible();
  expect(await api.refunds(payment.id)).toHaveLength(0);
  await expect(asker.getByText(/waits for a second person/).first()).toBeVisible();
  await expectAccessible(asker);
  await asker.goto(`/settings/approvals?q=${payment.id}`);
  await asker
    .getByRole("link", { name: /Refund of SEK 30,000.00/ })
    .first()
    .click();
  await expect(asker.getByText("Somebody else must decide")).toBeVisible();
  await expect(asker.getByRole("button", { name: "Approve" })).toHaveCount(0);

  const approver = await signedInAs("ACQUIRER_FINANCE");
  await approver.goto(`/settings/approvals?state=PENDING&q=${payment.id}`);
  await expectAccessible(approver);
  await approver
    .getByRole("link", { name: /Refund of SEK 30,000.00/ })
    .first()
    .click();
  await expect(approver.getByText("Exactly this, and nothing else.")).toBeVisible();
  await expectAccessible(approver);
  await approver.getByRole("button", { name: "Approve" }).click();
  await approver.getByRole("alertdialog").getByRole("button", { name: "Approve SEK 30,000.00" }).click();
  await expect(approver.getByText("Done", { exact: true }).first()).toBeVisible();
  await expect.poll(async () => (await api.payment(payment.id)).amount_refunded).toBe(3_000_000);
  expect(await api.refunds(payment.id)).toHaveLength(1);
});

test("S4: a role is made of permissions, shows what comes along, and only what one holds can be granted", async ({
  signedInAs,
}) => {
  const name = `Counter ${newReference().slice(-6)}`;
  const page = await signedInAs("PARTNER_ADMIN");
  await page.goto("/settings/roles");
  await expect(page.getByText("Store manager")).toBeVisible();
  await page.getByRole("link", { name: "New role" }).click();
  await expect(page.getByRole("checkbox", { name: /^Give money back/ })).toBeVisible();
  await expect(page.getByText("credentials:write")).toHaveCount(0);
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Create role" }).click();
  await expect(page.getByText("Choose at least one permission.")).toBeVisible();
  await page.getByRole("checkbox", { name: /^Give money back/ }).click();
  await expect(page.getByRole("checkbox", { name: /^See payments and their history/ })).toBeChecked();
  await expect(page.getByRole("checkbox", { name: /^See payments and their history/ })).toBeDisabled();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Create role" }).click();
  await page.waitForURL(/\/settings\/roles\/rol_/);
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete role" }).click();
  await page.waitForURL(/\/settings\/roles$/);
  await expect(page.getByText("Store manager")).toBeVisible();
  await expect(page.getByText(name)).toHaveCount(0);
});

test("who may not see people finds neither the screens nor the words for them", async ({ signedInAs }) => {
  const staff = await signedInAs("PARTNER_STAFF");
  await staff.goto("/settings");
  await expect(staff.getByRole("navigation", { name: "Settings" })).not.toContainText("Users");
  for (const path of [
    "/settings/users",
    "/settings/roles",
    "/settings/approvals",
    "/settings/roles/new",
    "/settings/approvals/apv_01ARZ3NDEKTSV4RRFFQ69G5FAV",
  ]) {
    await staff.goto(path);
    await expect(staff.getByText("Nothing here")).toBeVisible();
  }
  const reader = await signedInAs("READ_ONLY");
  await reader.goto("/settings/approvals/rules");
  await expect(reader.getByRole("heading", { name: "Every Partner" })).toBeVisible();
  await expect(reader.getByRole("button", { name: /Edit|Rules for a Partner/ })).toHaveCount(0);
  await expectAccessible(reader);
});

test("a key is rotated with overlap: the new one is shown once, the old one still works", async ({
  signedInAs,
  demo,
}) => {
  const page = await signedInAs("PARTNER_ADMIN");
  const name = `Rotating ${newReference().slice(-6)}`;
  await page.goto("/developers?add=1");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByRole("button", { name: "Create key" }).click();
  const first = await textOf(dialog.locator("code"));
  await dialog.getByRole("button", { name: "I have copied it" }).click();
  await page.getByRole("button", { name: `Rotate the key ${name}` }).click();
  await dialog.getByRole("button", { name: "Create the new key" }).click();
  await expect(dialog.locator("code")).toHaveText(/^tg_test_sk_/);
  const second = await textOf(dialog.locator("code"));
  expect(second).toMatch(/^tg_test_sk_/);
  expect(second).not.toBe(first);
  for (const key of [first, second]) {
    const answer = await fetch(`${demo.url}/api/v1/payments?limit=1`, { headers: { authorization: `Bearer ${key}` } });
    expect(answer.status).toBe(200);
  }
});
