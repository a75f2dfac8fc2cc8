import { expect, expectAccessible, test } from "../fixtures";

test("the overview shows what needs a person, four figures, charts and how the machinery is", async ({
  signedInAs,
}) => {
  const page = await signedInAs("ACQUIRER_ADMIN");
  await page.goto("/");
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  for (const label of ["Payments", "Approval rate", "Approved to paid, median"]) {
    await expect(page.locator("#content").getByText(label, { exact: true }).first()).toBeVisible();
  }
  await expect(page.locator("#content").getByText(/^Captured in [A-Z]{3}$/)).toBeVisible();
  await expect(page.getByRole("heading", { name: "Step-up funnel" })).toBeVisible();
  await expect(page.getByRole("heading", { name: "Health" })).toBeVisible();
  await expect(page.locator(".recharts-surface").first()).toBeVisible();
  await expectAccessible(page);
});

test("the figures of a chart stand in a table one key away", async ({ signedInAs }) => {
  const page = await signedInAs("READ_ONLY");
  await page.goto("/");
  const panel = page.locator("section").filter({ has: page.getByRole("heading", { name: "Approval rate" }) });
  const toggle = panel.getByRole("button", { name: "Show as table" });
  await toggle.focus();
  await page.keyboard.press("Enter");
  await expect(panel.getByRole("columnheader", { name: "Decided" })).toBeVisible();
  await expect(panel.getByRole("row")).toHaveCount(31);
});

test("a span and a currency are addresses", async ({ signedInAs }) => {
  const page = await signedInAs("ACQUIRER_ADMIN");
  await page.goto("/");
  await page.getByRole("navigation", { name: "Time span" }).getByRole("link", { name: "30 days" }).click();
  await expect(page).toHaveURL(/days=30/);
  await page.getByRole("navigation", { name: "Currency" }).getByRole("link", { name: "SEK" }).click();
  await expect(page).toHaveURL(/currency=SEK/);
  await expect(page.getByText("Captured in SEK")).toBeVisible();
  await page.reload();
  await expect(page.getByText("Captured in SEK")).toBeVisible();
});

test("S1: people of a Partner see their own currency, no system and no other Partner", async ({ signedInAs, demo }) => {
  const page = await signedInAs("PARTNER_ADMIN");
  await page.goto("/");
  await expect(page.getByText(`Captured in ${demo.currency}`)).toBeVisible();
  await expect(page.getByRole("navigation", { name: "Currency" })).toBeHidden();
  await expect(page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "System" })).toBeHidden();
  for (const path of ["/system", "/system/received"]) {
    await page.goto(path);
    await expect(page.getByText("Nothing here")).toBeVisible();
  }
});

test("live mode holds none of the test payments, and every screen says which world it is", async ({ signedInAs }) => {
  const page = await signedInAs("ACQUIRER_OPERATIONS");
  await page.goto("/payments");
  const rows = page.getByRole("table", { name: "Payments" }).getByRole("row");
  await expect(rows.nth(2)).toBeVisible();
  await page.getByRole("button", { name: "Mode: Test" }).click();
  await page.getByRole("menuitemradio", { name: /Live/ }).click();
  await expect(page.getByRole("button", { name: "Mode: Live" })).toBeVisible();
  await page.goto("/");
  await expect(page.getByRole("button", { name: "Mode: Live" })).toBeVisible();
  await page.getByRole("button", { name: "Mode: Live" }).click();
  await page.getByRole("menuitemradio", { name: /Test/ }).click();
  await expect(page.getByRole("button", { name: "Mode: Test" })).toBeVisible();
});

test("by keyboard: the palette finds a store, g and a letter goes, ? lists the keys", async ({ signedInAs, demo }) => {
  const page = await signedInAs("ACQUIRER_OPERATIONS");
  await page.goto("/");
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  const palette = page.getByRole("dialog", { name: "Search and go" });
  // Keys count from the moment when the page's script runs, which is not seen from outside.
  await expect(async () => {
    await page.keyboard.press("Control+k");
    await expect(palette).toBeVisible({ timeout: 2_000 });
  }).toPass();
  await expect(palette.getByRole("combobox")).toBeFocused();
  await page.keyboard.type(demo.store.reference);
  const hit = page.getByRole("option").filter({ hasText: demo.store.reference }).first();
  await expect(hit).toBeVisible();
  await hit.click();
  await expect(page).toHaveURL(new RegExp(`/stores/${demo.store.id}`));
  await expect(palette).toBeHidden();

  // The two keys belong together only while the second comes soon.
  await expect(async () => {
    await page.keyboard.press("g");
    await page.keyboard.press("t");
    await expect(page).toHaveURL(/\/terminals$/, { timeout: 5_000 });
  }).toPass();

  await page.keyboard.press("?");
  await expect(page.getByRole("dialog")).toContainText("shortcuts", { ignoreCase: true });
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
});

test("alarms are shown to those who watch, and cleared by those who may", async ({ signedInAs }) => {
  const reader = await signedInAs("READ_ONLY");
  await reader.goto("/system");
  await expect(reader.getByRole("heading", { name: /Open alarms/ })).toBeVisible();
  await expect(reader.getByRole("button", { name: "Clear" })).toHaveCount(0);
  await expectAccessible(reader);

  const page = await signedInAs("ACQUIRER_OPERATIONS");
  await page.goto("/system");
  await page.getByRole("button", { name: /Check (now|again)/ }).click();
  await expect(page.getByText("A payment has at most one approval at Klarna")).toBeVisible();
  await expect(page.getByText("Broken", { exact: true })).toHaveCount(0);
});
