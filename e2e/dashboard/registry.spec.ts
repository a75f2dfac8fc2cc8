import { attributeOf, expect, expectAccessible, expectFits, test } from "../fixtures";

const LISTS = [
  { path: "/partners", name: "Partners" },
  { path: "/stores", name: "Stores" },
  { path: "/terminals", name: "Terminals" },
] as const;
/** Other tests make Partners too: so many are enough. */
const OTHERS_MAX = 5;

for (const list of LISTS) {
  test(`${list.name}: the list is there before any script, and without findings of axe`, async ({ signedInAs }) => {
    const page = await signedInAs("ACQUIRER_ADMIN");
    const answer = await page.request.get(list.path);
    expect(await answer.text()).toContain(`href="${list.path}/`);
    await page.goto(list.path);
    await expect(page.getByRole("heading", { level: 1, name: list.name })).toBeVisible();
    await expect(page.getByRole("table", { name: list.name }).getByRole("row").nth(1)).toBeVisible();
    await expectAccessible(page);
  });
}

test("a filter stands in the address, and a filter that finds nothing can be cleared", async ({ signedInAs }) => {
  const page = await signedInAs("ACQUIRER_ADMIN");
  await page.goto("/stores?type=WEBSITE");
  const table = page.getByRole("table", { name: "Stores" });
  await expect(table.getByRole("cell", { name: "Website" }).first()).toBeVisible();
  await expect(table.getByRole("cell", { name: "Physical" })).toHaveCount(0);
  await page.getByRole("searchbox", { name: "Search" }).fill("no store is called so");
  await expect(page.getByText("No results")).toBeVisible();
  await expect(page).toHaveURL(/q=no/);
  await page.getByRole("button", { name: "Clear filters" }).click();
  await expect(page).toHaveURL(/\/stores$/);
  await expect(table.getByRole("row").nth(1)).toBeVisible();
});

test("by keyboard: / searches, j and k step, Space previews, Enter opens", async ({ signedInAs, demo }) => {
  const page = await signedInAs("ACQUIRER_OPERATIONS");
  await page.goto("/stores");
  // Keys count from the moment when the page's script runs, which is not seen from outside.
  await expect(async () => {
    await page.keyboard.press("/");
    await expect(page.getByRole("searchbox", { name: "Search" })).toBeFocused({ timeout: 500 });
  }).toPass();
  await page.keyboard.type(demo.store.reference);
  await expect(page.getByRole("table", { name: "Stores" }).getByRole("row")).toHaveCount(2);
  await page.getByRole("searchbox", { name: "Search" }).blur();
  await page.keyboard.press("j");
  await page.keyboard.press("Space");
  await expect(page.getByRole("dialog")).toContainText(demo.store.id);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(`/stores/${demo.store.id}`));
});

test("a store leads to its Partner, its terminals and its payments", async ({ signedInAs, api, demo }) => {
  const payment = await api.pay();
  const page = await signedInAs("ACQUIRER_OPERATIONS");
  await page.goto(`/stores/${demo.store.id}`);
  await expect(page.getByText(`Reference ${demo.store.reference}`)).toBeVisible();
  await expect(page.getByText(payment.reference)).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("link", { name: new RegExp(demo.terminal.reference) }).click();
  await expect(page).toHaveURL(new RegExp(`/terminals/${demo.terminal.id}`));
  await expect(page.getByText(payment.reference)).toBeVisible();
  await expect(page.getByRole("link", { name: "Take a payment" }).last()).toBeVisible();
  await expectAccessible(page);
});

test("S1: another Partner's records do not exist, and a role without the right sees no list", async ({
  signedInAs,
}) => {
  const own = await signedInAs("PARTNER_ADMIN");
  await own.goto("/partners");
  const link = own.getByRole("table", { name: "Partners" }).getByRole("link");
  await expect(link).toHaveCount(1);
  const home = await attributeOf(link, "href");
  const admin = await signedInAs("ACQUIRER_ADMIN");
  await admin.goto("/partners");
  const links = admin.getByRole("table", { name: "Partners" }).getByRole("link");
  const others = async () =>
    (await links.evaluateAll((found) => found.map((each) => each.getAttribute("href") ?? "")))
      .filter((href) => href !== home)
      .slice(0, OTHERS_MAX);
  // The demo has more Partners than three; while the list is on its way it has none.
  await expect.poll(async () => (await others()).length).toBeGreaterThan(2);
  for (const href of await others()) {
    await own.goto(href);
    await expect(own.getByText("Nothing here"), href).toBeVisible();
  }
  await own.goto(home);
  await expect(own.getByText(/^Reference /)).toBeVisible();

  const staff = await signedInAs("PARTNER_STAFF");
  for (const path of ["/partners", "/webhooks", "/developers", "/developers/requests", "/system"]) {
    await staff.goto(path);
    await expect(staff.getByText("Nothing here")).toBeVisible();
  }
});

test("on a phone a list is rows of two lines and the menu is a sheet", async ({ signedInAs }) => {
  const page = await signedInAs("ACQUIRER_ADMIN", { viewport: { width: 390, height: 844 } });
  await page.goto("/terminals");
  await expect(page.getByRole("list", { name: "Terminals" })).toBeVisible();
  await expect(page.getByRole("table")).toBeHidden();
  await expectFits(page);
  await page.getByRole("button", { name: "Open the menu" }).click();
  await page.getByRole("dialog").getByRole("link", { name: "Stores" }).click();
  await expect(page).toHaveURL(/\/stores$/);
  await expectAccessible(page);
});
