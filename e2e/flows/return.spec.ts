import type { Page } from "@playwright/test";
import { callApi, newDevice, openDevice, printed, SCREENS, TABLET } from "../counter";
import { expect, expectAccessible, expectFits, newReference, test } from "../fixtures";

/* A sale of one store, given back at the till of another: on a phone and a tablet, in three languages. */

test.describe.configure({ mode: "serial" });

let device: Awaited<ReturnType<typeof newDevice>>;
test.beforeAll(async ({ browser, demo }) => {
  device = await newDevice(browser, demo, "elsewhere", "Till");
  await callApi(demo, "PATCH", `/terminals/${device.terminal.id}`, {
    settings: { till_returns: true, till_return_limit: 50_000 },
  });
});

/** Ends in 02: approved and captured at once. */
const SOLD = 20_002;

async function find(page: Page, words: { tab: string; find: string }, text: string): Promise<void> {
  await page.goto(`/till/${device.terminal.id}`);
  await page.getByRole("button", { name: words.tab, exact: true }).click();
  await expect(page.getByRole("textbox")).toBeFocused();
  // A scanner types and presses Enter.
  await page.keyboard.type(text);
  await page.keyboard.press("Enter");
}

const LANGUAGES = [
  {
    locale: "sv-SE",
    tab: "Retur",
    find: "Hitta köp",
    part: "Ett belopp",
    typed: "50,00",
    reason: "Fel storlek",
    back: "Återbetala",
    done: "Återbetalt",
    print: "Skriv ut returkvitto",
  },
  {
    locale: "de-DE",
    tab: "Rückgabe",
    find: "Verkauf suchen",
    part: "Ein Betrag",
    typed: "50,00",
    reason: "Falsche Größe",
    back: "Erstatten",
    done: "Erstattet",
    print: "Rückgabebeleg drucken",
  },
  {
    locale: "en-GB",
    tab: "Return",
    find: "Find sale",
    part: "An amount",
    typed: "50.00",
    reason: "Wrong size",
    back: "Give back",
    done: "Given back",
    print: "Print return receipt",
  },
];

for (const [name, viewport] of SCREENS)
  for (const words of LANGUAGES)
    test(`return at another store: found by its reference, a part given back: ${name}, ${words.locale}`, async ({
      browser,
      demo,
      api,
    }) => {
      const sale = await api.pay(SOLD);
      expect(sale.status).toBe("completed");
      const page = await openDevice(browser, demo, device.state, { locale: words.locale, viewport });
      await find(page, words, sale.reference);
      await page.getByRole("button", { name: words.part }).click();
      await page.getByRole("textbox").fill(words.typed);
      await page.getByRole("button", { name: words.reason }).click();
      await expectFits(page);
      await page.getByRole("button", { name: new RegExp(`^${words.back} `) }).click();
      const question = page.getByRole("alertdialog");
      await expect(question).toContainText(/50,00\sSEK/);
      await question.getByRole("button", { name: new RegExp(`^${words.back} `) }).click();
      await expect(page.getByText(words.done, { exact: true })).toBeVisible();
      await page.getByRole("button", { name: words.print }).click();
      expect(await printed(page)).toContain(sale.reference);

      expect(await api.refunds(sale.id)).toMatchObject([
        {
          status: "succeeded",
          amount: 5_000,
          reason: words.reason,
          store: device.terminal.store,
          terminal: { id: device.terminal.id },
        },
      ]);
      expect((await api.payment(sale.id)).amount_refunded).toBe(5_000);
      await page.context().close();
    });

const ENGLISH = LANGUAGES[2] ?? LANGUAGES[0];

test("lines are chosen; too much, everything given back, and what nobody sold, are said", async ({
  browser,
  demo,
  api,
}) => {
  if (ENGLISH === undefined) throw new Error("no words");
  const sale = await api.pay(SOLD, {
    line_items: [
      { name: "Shirt", quantity: 1, total_amount: 15_000 },
      { name: "Socks", quantity: 2, total_amount: 5_002 },
    ],
  });
  const page = await openDevice(browser, demo, device.state, { locale: "en-GB", viewport: TABLET });
  await find(page, ENGLISH, newReference());
  await expect(page.getByText("No paid sale is known by this.")).toBeVisible();
  // The code of the receipt holds the payment's id.
  await find(page, ENGLISH, sale.id);
  await page.getByRole("button", { name: "Items" }).click();
  await page.getByRole("checkbox", { name: /Socks/ }).check();
  await page.getByRole("button", { name: /^Give back 50,02/ }).click();
  await page
    .getByRole("alertdialog")
    .getByRole("button", { name: /^Give back 50,02/ })
    .click();
  await expect(page.getByText("Given back", { exact: true })).toBeVisible();

  await find(page, ENGLISH, sale.reference);
  await page.getByRole("button", { name: "An amount" }).click();
  await page.getByRole("textbox").fill("150.01");
  await expect(page.getByText("More than is left.")).toBeVisible();
  await expect(page.getByRole("button", { name: /^Give back/ })).toBeDisabled();
  await page.getByRole("textbox").fill("150.00");
  await expectAccessible(page);
  await page.getByRole("button", { name: /^Give back 150,00/ }).click();
  await page
    .getByRole("alertdialog")
    .getByRole("button", { name: /^Give back 150,00/ })
    .click();
  await expect(page.getByText("Given back", { exact: true })).toBeVisible();
  await find(page, ENGLISH, sale.reference);
  await expect(page.getByText("Everything is given back already.")).toBeVisible();
  await page.context().close();
});

for (const lost of ["the answer", "the request"])
  test(`R5: a return whose press lost ${lost}, on a page loaded again, stays one return`, async ({
    browser,
    demo,
    api,
  }) => {
    if (ENGLISH === undefined) throw new Error("no words");
    const sale = await api.pay(SOLD);
    const page = await openDevice(browser, demo, device.state, { locale: "en-GB", viewport: TABLET });
    await find(page, ENGLISH, sale.reference);
    await page.getByRole("button", { name: ENGLISH.part }).click();
    await page.getByRole("textbox").fill(ENGLISH.typed);
    await page.route(`**/till/${device.terminal.id}`, async (route) => {
      if (route.request().method() !== "POST") return route.continue();
      if (lost === "the answer") await route.fetch();
      return route.abort();
    });
    await page.getByRole("button", { name: /^Give back / }).click();
    await page
      .getByRole("alertdialog")
      .getByRole("button", { name: /^Give back / })
      .click();
    await expect(page.getByText("No answer yet")).toBeVisible();
    // Nothing else of the sale can be given back until it is known.
    await expect(page.getByRole("button", { name: /^Give back/ })).toHaveCount(0);
    await page.unrouteAll();
    await page.reload();
    await expect(page.getByText("No answer yet")).toBeVisible();
    await expect(page.getByText(/^50,00\sSEK$/)).toBeVisible();
    await expectFits(page);
    await expectAccessible(page);
    await page.getByRole("button", { name: "Ask again" }).click();
    await expect(page.getByText("Given back", { exact: true })).toBeVisible();
    expect(await api.refunds(sale.id)).toMatchObject([{ status: "succeeded", amount: 5_000 }]);
    // It is known now: the rest is another return.
    await find(page, ENGLISH, sale.reference);
    await expect(page.getByText("No answer yet")).toHaveCount(0);
    await expect(page.getByRole("button", { name: /^Give back 150,02/ })).toBeVisible();
    await page.context().close();
  });

test("above its limit the till sends nothing; without the switch it takes no returns", async ({
  browser,
  demo,
  api,
}) => {
  if (ENGLISH === undefined) throw new Error("no words");
  const sale = await api.pay(60_002);
  const page = await openDevice(browser, demo, device.state, { locale: "en-GB", viewport: TABLET });
  await find(page, ENGLISH, sale.reference);
  await page.getByRole("button", { name: /^Give back/ }).click();
  await page
    .getByRole("alertdialog")
    .getByRole("button", { name: /^Give back/ })
    .click();
  await expect(page.getByText("More than this till may give back")).toBeVisible();
  await expect(page.getByText(/^500,00\sSEK$/)).toBeVisible();
  expect(await api.refunds(sale.id)).toEqual([]);
  await callApi(demo, "PATCH", `/terminals/${device.terminal.id}`, { settings: { till_returns: false } });
  await page.reload();
  await expect(page.getByRole("button", { name: "Today", exact: true })).toBeVisible();
  await expect(page.getByRole("button", { name: "Return", exact: true })).toHaveCount(0);
  await page.context().close();
});
