import type { Page } from "@playwright/test";
import { expect, expectAccessible, newReference, test } from "../fixtures";

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
  return new URL(page.url()).pathname;
}

async function makeTerminal(page: Page, storePath: string, label: string, reference: string): Promise<string> {
  await page.goto(`/terminals/new?store=${storePath.split("/").at(-1)}`);
  await page.getByLabel("Label").fill(label);
  await page.getByLabel("Reference").fill(reference);
  await page.getByRole("button", { name: "Add terminal" }).click();
  await expect(page.getByRole("heading", { level: 1, name: label })).toBeVisible();
  return new URL(page.url()).pathname;
}

test("a store is made with the keyboard alone, and says what it still needs", async ({ signedInAs }) => {
  const page = await signedInAs("PARTNER_ADMIN");
  const name = newReference();
  await page.goto("/stores");
  await page.waitForLoadState("networkidle");
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
  const code = ((await page.getByRole("dialog").locator("p code").textContent()) ?? "").trim();
  expect(code).toMatch(/^[A-Z0-9]{4}-[A-Z0-9]{4}$/);

  const context = await browser.newContext({ baseURL: demo.url });
  const device = await context.newPage();
  await device.goto("/pair");
  await expectAccessible(device);
  await device.getByLabel("Code").fill("BBBB-BBBB");
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
  await page.waitForLoadState("networkidle");
  for (const box of await table.getByRole("row").filter({ hasText: stem }).getByRole("checkbox").all())
    await expect(() => box.check()).toPass();
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
  for (const name of ["Archive", "Move", "Pair a device"])
    await expect(staff.getByRole("button", { name })).toHaveCount(0);
  await staff.goto(`/terminals/${demo.terminal.id}/settings`);
  await expect(staff.getByText("as delivered").first()).toBeVisible();
  await expect(staff.getByRole("button", { name: "Save settings" })).toHaveCount(0);
});
