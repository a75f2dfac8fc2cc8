import type { Browser, Page } from "@playwright/test";
import { callApi, newDevice, openDevice, printed, SCREENS, TABLET } from "../counter";
import { type Demo, enteredIn, expect, expectAccessible, expectFits, scanQr, test, textOf } from "../fixtures";

/* The cashier's till in a paired browser: a queue of customers, on a phone and a tablet, in three languages. */

test.describe.configure({ mode: "serial" });

let device: Awaited<ReturnType<typeof newDevice>>;
let terminalId = "";

test.beforeAll(async ({ browser, demo }) => {
  device = await newDevice(browser, demo, "here", "Till");
  terminalId = device.terminal.id;
});

async function openTill(browser: Browser, demo: Demo, locale: string, viewport = TABLET): Promise<Page> {
  const page = await openDevice(browser, demo, device.state, { locale, viewport });
  await page.goto(`/till/${terminalId}`);
  return page;
}
/** Keys 1 1 8 00: 118.00. */
async function typeAmount(page: Page): Promise<void> {
  for (const key of ["1", "1", "8", "00"]) await page.getByRole("button", { name: key, exact: true }).click();
}
const klarna = (page: Page) => page.getByRole("button", { name: /^Klarna · / });
const paymentOf = (page: Page) => textOf(page.getByText(/^pay_[0-9A-Z]{26}$/));

const LANGUAGES = [
  {
    locale: "sv-SE",
    qr: "QR-kod för att betala med Klarna",
    waiting: "Väntar på kunden",
    paid: "Betalt",
    print: "Skriv ut kvitto",
    next: "Nytt köp",
    today: "Idag",
  },
  {
    locale: "de-DE",
    qr: "QR-Code zum Bezahlen mit Klarna",
    waiting: "Wartet auf den Kunden",
    paid: "Bezahlt",
    print: "Beleg drucken",
    next: "Neuer Verkauf",
    today: "Heute",
  },
  {
    locale: "en-GB",
    qr: "QR code to pay with Klarna",
    waiting: "Waiting for the customer",
    paid: "Paid",
    print: "Print receipt",
    next: "New sale",
    today: "Today",
  },
];

for (const [name, viewport] of SCREENS)
  for (const words of LANGUAGES)
    test(`cashier: one press from amount to code, paid, receipt, next customer: ${name}, ${words.locale}`, async ({
      browser,
      demo,
      api,
    }) => {
      const page = await openTill(browser, demo, words.locale, viewport);
      const customer = await page.context().newPage();
      await customer.goto(`/till/${terminalId}/customer`);
      await typeAmount(page);
      await expectFits(page);
      // Figures are written as the store's country writes them, in every language.
      await expect(klarna(page)).toContainText(/118,00\sSEK/);
      await klarna(page).click();
      const code = page.getByRole("img", { name: words.qr });
      await expect(code).toBeVisible();
      await expect(page.getByRole("heading", { name: words.waiting })).toBeVisible();
      await expectFits(page);
      const payment = await api.payment(await paymentOf(page));
      expect(payment).toMatchObject({ status: "pending", amount: 11_800 });
      await expect.poll(() => scanQr(code)).toBe(payment.klarna.qr_code?.target_url);
      await expect(customer.locator("[data-phase=scan]")).toBeVisible();

      await api.play(payment.id, "complete");
      await expect(page.getByRole("heading", { name: words.paid })).toBeVisible();
      await expect(customer.locator("[data-phase=done]")).toBeVisible();
      await page.getByRole("button", { name: words.print }).click();
      expect(await printed(page)).toContain(payment.reference);

      await page.getByRole("button", { name: words.today, exact: true }).click();
      await expect(page.getByRole("listitem").filter({ hasText: payment.reference })).toContainText(words.paid);
      await page.getByRole("button", { name: new RegExp(payment.reference) }).click();
      await page.getByRole("button", { name: words.next }).click();
      await expect(page.getByRole("button", { name: "Klarna", exact: true })).toBeDisabled();
      await page.context().close();
    });

test("items add up, go to Klarna as lines, by keyboard alone; the cashier cancels after a question", async ({
  browser,
  demo,
  api,
}) => {
  const page = await openTill(browser, demo, "en-GB");
  await page.getByRole("button", { name: "Items" }).click();
  await page.getByRole("textbox", { name: "Item" }).fill("Shirt");
  await page.getByRole("button", { name: "More" }).click();
  await page.keyboard.type("5000");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("listitem")).toContainText("2 × Shirt");
  await page.keyboard.type("1850");
  await page.keyboard.press("Enter");
  await expect(klarna(page)).toContainText("118,50");
  await klarna(page).press("Enter");
  await expect(page.getByRole("heading", { name: "Waiting for the customer" })).toBeVisible();
  const id = await paymentOf(page);
  await page.getByRole("button", { name: "Cancel" }).click();
  const question = page.getByRole("alertdialog");
  await expect(question).toContainText(/118,50\sSEK/);
  await expect(question.getByRole("button", { name: "Go on" })).toBeFocused();
  await question.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByRole("heading", { name: "Canceled" })).toBeVisible();
  expect((await api.payment(id)).status).toBe("canceled");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: "Klarna", exact: true })).toBeVisible();
  await page.context().close();
});

test("a declined customer is met kindly, and the same goods can be taken again", async ({ browser, demo, api }) => {
  const page = await openTill(browser, demo, "en-GB");
  await typeAmount(page);
  await klarna(page).click();
  await expect(page.getByRole("heading", { name: "Waiting for the customer" })).toBeVisible();
  await api.play(await paymentOf(page), "decline");
  await expect(page.getByRole("heading", { name: "Not approved" })).toBeVisible();
  await expect(page.getByText("Kindly ask for another way to pay.")).toBeVisible();
  await expectAccessible(page);
  const before = await api.payment(await paymentOf(page));
  await page.getByRole("button", { name: "Take it again" }).click();
  await expect(page.getByLabel("Reference", { exact: true })).toHaveValue(before.reference);
  await klarna(page).click();
  await expect(page.getByRole("heading", { name: "Waiting for the customer" })).toBeVisible();
  const after = await api.payment(await paymentOf(page));
  expect(after).toMatchObject({ status: "pending", amount: before.amount, reference: before.reference });
  expect(after.id).not.toBe(before.id);
  await page.context().close();
});

test("R5: a lost answer and a page loaded again stay one payment", async ({ browser, demo }) => {
  const page = await openTill(browser, demo, "en-GB");
  let lost = 0;
  await page.route(`**/till/${terminalId}`, async (route) => {
    if (route.request().method() !== "POST" || lost > 0) return route.continue();
    lost += 1;
    // It reaches us, and the answer never comes back.
    await route.fetch();
    return route.abort();
  });
  const field = page.getByLabel("Reference", { exact: true });
  const reference = await enteredIn(field);
  await typeAmount(page);
  await klarna(page).click();
  await expect(page.getByText("No answer yet")).toBeVisible();
  await page.reload();
  await expect(page.getByRole("heading", { name: "Waiting for the customer" })).toBeVisible();
  const { data } = (await callApi(demo, "GET", `/payments?reference=${reference}`)) as { data: { id: string }[] };
  expect(data.map((payment) => payment.id)).toEqual([await paymentOf(page)]);
  await page.context().close();
});

test("a browser that is let go, another terminal's, and nobody's are told what to do; the till can be read by all", async ({
  browser,
  demo,
}) => {
  const page = await openTill(browser, demo, "en-GB");
  await expectAccessible(page);
  await page.goto("/till/ter_00000000000000000000000000");
  await expect(page.getByRole("heading", { name: "This browser belongs elsewhere" })).toBeVisible();
  await page.getByRole("link", { name: "Go to where it is paired" }).click();
  await expect(page.getByRole("button", { name: "Klarna", exact: true })).toBeVisible();
  await page.goto("/pair");
  await page.getByRole("button", { name: "Unpair this device" }).click();
  await expect(page.getByRole("heading", { name: "Pair this device" })).toBeVisible();
  await page.goto(`/till/${terminalId}`);
  await expect(page.getByRole("heading", { name: "This browser is not paired" })).toBeVisible();
  await expectAccessible(page);
  await page.context().close();
});
