import type { Page } from "@playwright/test";
import { callApi } from "../counter";
import { attributeOf, expect, expectAccessible, newReference, pathOf, test, textOf } from "../fixtures";

/** Chooses in one of our selects. */
async function choose(page: Page, label: string, option: string | RegExp): Promise<void> {
  await page.getByRole("combobox", { name: label, exact: true }).click();
  await page.getByRole("option", { name: option }).first().click();
}

/** Presses Tab until the focus is on it. */
async function tabTo(page: Page, role: "textbox" | "combobox" | "button" | "link", name: string): Promise<void> {
  const target = page.getByRole(role, { name, exact: true });
  for (let step = 0; step < 60; step += 1) {
    if (await target.evaluate((node) => node === document.activeElement).catch(() => false)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab never came to the ${role} ${name}`);
}

/** Makes a physical store of the signed-in Partner on its screen; answers the path of its record. */
async function makeStore(page: Page, name: string, reference: string): Promise<string> {
  await page.goto("/stores/new");
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Reference").fill(reference);
  await choose(page, "Store group", /stores/);
  await page.getByLabel("Street").fill("Drottninggatan 50");
  await page.getByLabel("Postal code").fill("11121");
  await page.getByLabel("City").fill("Stockholm");
  await page.getByRole("button", { name: "Add store" }).click();
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
  return pathOf(page, /\/stores\/(?!new)[^/]+$/);
}

async function makeTerminal(page: Page, storePath: string, label: string, reference: string): Promise<string> {
  await page.goto(`/terminals/new?store=${storePath.split("/").at(-1)}`);
  await page.getByLabel("Label").fill(label);
  await page.getByLabel("Reference").fill(reference);
  await page.getByRole("button", { name: "Add terminal" }).click();
  await expect(page.getByRole("heading", { level: 1, name: label })).toBeVisible();
  return pathOf(page, /\/terminals\/(?!new)[^/]+$/);
}

test("a store is made with the keyboard alone, and says what it still needs", async ({ signedInAs }) => {
  const page = await signedInAs("PARTNER_ADMIN");
  const name = newReference();
  await page.goto("/stores");
  await tabTo(page, "link", "Add store");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Add a store" })).toBeVisible();
  await expectAccessible(page);
  for (const [field, text] of [
    ["Name", name],
    ["Reference", name],
  ] as const) {
    await tabTo(page, "textbox", field);
    await page.keyboard.type(text);
  }
  await tabTo(page, "combobox", "Store group");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("option").first()).toBeFocused();
  await page.keyboard.press("Enter");
  await tabTo(page, "combobox", "Opening");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("option", { name: "Open", exact: true })).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("option", { name: "Opening soon" })).toBeFocused();
  await page.keyboard.press("Enter");
  await tabTo(page, "button", "Add store");
  await page.keyboard.press("Enter");
  // What is missing is said beside its field, which is where the keyboard goes on.
  await expect(page.getByText("Enter the street.")).toBeVisible();
  await expect(page.getByRole("textbox", { name: "Street" })).toBeFocused();
  for (const [field, text] of [
    ["Street", "Kungsgatan 44"],
    ["Postal code", "11135"],
    ["City", "Stockholm"],
  ] as const) {
    await tabTo(page, "textbox", field);
    await page.keyboard.type(text);
  }
  await tabTo(page, "button", "Add store");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
  await expect(page.getByText("Nothing here can show a QR code")).toBeVisible();
  await expect(page.getByText("Opening soon").first()).toBeVisible();
  await expectAccessible(page);
  await page.goto(`/stores?needs=qr&q=${name}`);
  await expect(page.getByRole("table", { name: "Stores" }).getByText("No QR device")).toBeVisible();
});

test("a terminal is added, set, moved and archived; its history tells", async ({ signedInAs }) => {
  const page = await signedInAs("PARTNER_ADMIN");
  const [from, to, label] = [newReference(), newReference(), newReference()];
  const first = await makeStore(page, from, from);
  await makeStore(page, to, to);
  const path = await makeTerminal(page, first, label, label);
  await page.goto(first);
  await expect(page.getByRole("heading", { level: 1, name: from })).toBeVisible();
  await expect(page.getByRole("link", { name: new RegExp(label) }).first()).toBeVisible();
  await expect(page.getByText("Nothing here can show a QR code")).toHaveCount(0);

  await page.goto(`${path}/settings`);
  await expect(page.getByText("as delivered").first()).toBeVisible();
  await choose(page, "Capture", "Later, by hand");
  await page.getByLabel("QR code, dark").fill("#fefefe");
  await page.getByRole("button", { name: "Save settings" }).click();
  await expect(page.getByText(/too close to the light colour|darker than the light/)).toBeVisible();
  await page.getByLabel("QR code, dark").fill("#112233");
  await page.getByRole("button", { name: "Save settings" }).click();
  await expect(page.getByText("its own").first()).toBeVisible();
  await expect(page.getByText("#112233").first()).toBeVisible();
  await expectAccessible(page);

  await page.goto(path);
  await page.getByRole("button", { name: "Move" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Find a store").fill(to);
  await choose(page, "Store", to);
  await dialog.getByLabel("Why").fill("Refit");
  await dialog.getByRole("button", { name: "Move terminal" }).click();
  await expect(page.getByRole("link", { name: to })).toBeVisible();
  await page.getByRole("link", { name: "History" }).click();
  await expect(page.getByText(`${from} → ${to}`)).toBeVisible();
  await expect(page.getByText("Terminal moved").first()).toBeVisible();
  await expectAccessible(page);

  await page.getByRole("button", { name: "Archive" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Archive terminal" }).click();
  await expect(page.getByRole("button", { name: "Restore" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Test QR" })).toHaveCount(0);
});

test("a browser is paired by a code, once, and let go", async ({ signedInAs, browser, demo }) => {
  const page = await signedInAs("PARTNER_ADMIN");
  const [store, label] = [newReference(), newReference()];
  const path = await makeTerminal(page, await makeStore(page, store, store), label, label);
  await page.getByRole("button", { name: "Pair a device" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Make a code" }).click();
  const code = (await textOf(page.getByRole("dialog").locator("p code"))).trim();
  expect(code).toMatch(/^[A-Z0-9]{5}-[A-Z0-9]{5}$/);

  const context = await browser.newContext({ baseURL: demo.url });
  const device = await context.newPage();
  await device.goto("/pair");
  await expectAccessible(device);
  await device.getByLabel("Code").fill("BBBBB-BBBBB");
  await device.getByRole("button", { name: "Pair this device" }).click();
  await expect(device.getByText("The code is wrong, was used, or is too old.")).toBeVisible();
  await device.getByLabel("Code").fill(code.toLowerCase());
  await device.getByRole("button", { name: "Pair this device" }).click();
  // A card terminal's browser is a till as long as nobody says otherwise.
  await device.waitForURL(`**/till/${path.split("/").at(-1)}`);
  await expect(device.getByRole("heading", { level: 1, name: label })).toBeVisible();
  await device.goto("/pair");
  await expect(device.getByText("This device is paired as a till.")).toBeVisible();
  await expectAccessible(device);
  expect(await device.evaluate(() => document.cookie)).not.toContain("device");

  const second = await browser.newContext({ baseURL: demo.url });
  const late = await second.newPage();
  await late.goto("/pair");
  await late.getByLabel("Code").fill(code);
  await late.getByRole("button", { name: "Pair this device" }).click();
  await expect(late.getByText("The code is wrong, was used, or is too old.")).toBeVisible();

  await page.goto(path);
  await expect(page.getByText(/^Till · /)).toBeVisible();
  await expect(page.getByText("Online")).toBeVisible();
  await page.getByRole("button", { name: "Let go" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Let go" }).click();
  await expect(page.getByText("No browser is paired with this terminal.")).toBeVisible();
  await device.reload();
  await expect(device.getByRole("heading", { level: 1, name: "Pair this device" })).toBeVisible();
  await context.close();
  await second.close();
});

test("S4: who may not refund is not offered more returns at the till, and is told why; limits name their currency", async ({
  signedInAs,
  browser,
  demo,
}) => {
  const page = await signedInAs("PARTNER_ADMIN");
  const [store, label] = [newReference(), newReference()];
  const path = await makeTerminal(page, await makeStore(page, store, store), label, label);
  const role = `Fitter ${newReference().slice(-6)}`;
  await page.goto("/settings/roles/new");
  await page.getByLabel("Name", { exact: true }).fill(role);
  await page.getByRole("checkbox", { name: /^Register, pair, move and archive terminals/ }).click();
  await page.getByRole("button", { name: "Create role" }).click();
  await page.waitForURL(/\/settings\/roles\/rol_/);
  const email = `${newReference().toLowerCase()}@partner.example`;
  await page.goto("/settings/users");
  await page.getByRole("button", { name: "Invite" }).click();
  await page.getByRole("dialog").getByLabel("Name", { exact: true }).fill("Finn Fitter");
  await page.getByRole("dialog").getByLabel("E-mail").fill(email);
  await page.getByRole("dialog").getByLabel("Role").click();
  await page.getByRole("option", { name: role }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Send invitation" }).click();
  await page.waitForURL(/\/settings\/users\/usr_/);
  const admin = await signedInAs("ACQUIRER_ADMIN");
  await admin.goto(`/system/mails?q=${encodeURIComponent(email)}`);
  await admin.getByText("You are invited to Tillgate").first().click();
  const link = await attributeOf(admin.getByRole("link", { name: /\/accept-invitation#/ }), "href");

  const context = await browser.newContext({ baseURL: demo.url, locale: "en-GB" });
  const fitter = await context.newPage();
  await fitter.goto(link);
  await fitter.getByLabel("New password").fill("a long enough password");
  await fitter.getByRole("button", { name: "Accept and sign in" }).click();
  await expect(fitter).not.toHaveURL(/accept-invitation/);
  const returns = fitter.getByRole("combobox", { name: "Returns at the till", exact: true });
  await fitter.goto(`${path}/settings`);
  await expect(fitter.getByText("Only who may refund can turn them on.")).toBeVisible();
  await returns.click();
  await expect(fitter.getByRole("option", { name: "Taken by the paired till" })).toBeDisabled();
  await fitter.keyboard.press("Escape");

  await callApi(demo, "PATCH", `/terminals/${path.split("/").at(-1)}`, {
    settings: { till_returns: true, till_return_limit: 50_000 },
  });
  await fitter.reload();
  const limit = fitter.getByLabel("Returns of one sale, at most, SEK");
  await expect(limit).toHaveValue("500.00");
  for (const wider of ["500.01", "0", ""]) {
    await limit.fill(wider);
    await fitter.getByRole("button", { name: "Save settings" }).click();
    await expect(fitter.getByText("Only who may refund can raise or remove the limit.")).toBeVisible();
  }
  await expectAccessible(fitter);
  await limit.fill("400");
  await fitter.getByRole("button", { name: "Save settings" }).click();
  await expect(fitter.getByText("SEK 400.00")).toBeVisible();

  await fitter.goto(path);
  await fitter.getByRole("button", { name: "Pair a device" }).click();
  const dialog = fitter.getByRole("dialog");
  await expect(dialog.getByText("A till takes returns here: only who may refund can pair one.")).toBeVisible();
  await dialog.getByLabel("The device is a").click();
  await expect(fitter.getByRole("option", { name: "Till" })).toBeDisabled();
  await fitter.getByRole("option", { name: "Kiosk" }).click();
  await expectAccessible(fitter);
  await dialog.getByRole("button", { name: "Make a code" }).click();
  await expect(dialog.locator("p code")).toHaveText(/^[A-Z0-9]{5}-[A-Z0-9]{5}$/);
  await context.close();
});

test("many terminals at once: what would happen is said first, then done", async ({ signedInAs }) => {
  const page = await signedInAs("PARTNER_ADMIN");
  const [from, to, stem] = [newReference(), newReference(), newReference()];
  const first = await makeStore(page, from, from);
  const second = await makeStore(page, to, to);
  await makeTerminal(page, first, `${stem} A`, `${stem}-a`);
  await makeTerminal(page, first, `${stem} B`, `${stem}-b`);
  await makeTerminal(page, second, `${stem} C`, `${stem}-b`);
  await page.goto(`/terminals?store=${first.split("/").at(-1)}`);
  const table = page.getByRole("table", { name: "Terminals" });
  await expect(table.getByRole("row")).toHaveCount(3);
  for (const label of [`${stem} A`, `${stem} B`]) {
    const box = table.getByRole("row").filter({ hasText: label }).getByRole("checkbox");
    await expect(() => box.check({ timeout: 5_000 })).toPass();
  }
  await page.getByRole("button", { name: "Change" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Find a store").fill(to);
  await choose(page, "Store", to);
  await dialog.getByRole("button", { name: "Preview" }).click();
  await expect(dialog.getByText("1 will change · 1 refused")).toBeVisible();
  await expect(dialog.getByText(`${stem} B`)).toBeVisible();
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Move 1" }).click();
  await expect(dialog.getByText("1 changed · 1 refused")).toBeVisible();
  await dialog.getByRole("button", { name: "Close" }).last().click();
  await expect(table.getByRole("row")).toHaveCount(2);
});

test("a test code is shown in test mode and is a payment that can be scanned", async ({ signedInAs, demo }) => {
  const page = await signedInAs("PARTNER_ADMIN");
  await page.goto(`/terminals/${demo.terminal.id}`);
  await page.getByRole("button", { name: "Test QR" }).click();
  await expect(page).toHaveURL(/\/take-payment\/pay_/);
  await expect(page.getByRole("img", { name: /QR/ }).first()).toBeVisible();
});

test("S1: staff see stores and terminals and change none; forms of others do not exist", async ({
  signedInAs,
  demo,
}) => {
  const staff = await signedInAs("PARTNER_STAFF");
  await staff.goto("/stores");
  await expect(staff.getByRole("table", { name: "Stores" }).getByRole("row").nth(1)).toBeVisible();
  await expect(staff.getByRole("link", { name: "Add store" })).toHaveCount(0);
  for (const path of [
    "/stores/new",
    `/stores/${demo.store.id}/edit`,
    `/stores/${demo.store.id}/history`,
    "/terminals/new",
    `/terminals/${demo.terminal.id}/edit`,
  ]) {
    await staff.goto(path);
    await expect(staff.getByText("Nothing here")).toBeVisible();
  }
  await staff.goto(`/terminals/${demo.terminal.id}`);
  await expect(staff.getByRole("heading", { level: 1 })).not.toBeEmpty();
  await expect(staff.getByText(demo.terminal.reference).first()).toBeVisible();
  for (const name of ["Archive", "Move", "Pair a device"])
    await expect(staff.getByRole("button", { name })).toHaveCount(0);
  await staff.goto(`/terminals/${demo.terminal.id}/settings`);
  await expect(staff.getByText("as delivered").first()).toBeVisible();
  await expect(staff.getByRole("button", { name: "Save settings" })).toHaveCount(0);
});
