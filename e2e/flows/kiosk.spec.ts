import type { Browser, Page } from "@playwright/test";
import { callApi, newDevice, openDevice, printed, SCREENS, TABLET } from "../counter";
import { type Demo, expect, expectAccessible, expectFits, newReference, scanQr, test } from "../fixtures";

/* The kiosk: a customer alone with a screen, on a phone's and a tablet's width, in three languages. */

test.describe.configure({ mode: "serial" });

let device: Awaited<ReturnType<typeof newDevice>>;
let kiosk = "";
test.beforeAll(async ({ browser, demo }) => {
  device = await newDevice(browser, demo, "here", "Kiosk");
  kiosk = `/kiosk/${device.terminal.id}`;
});

async function openKiosk(
  browser: Browser,
  demo: Demo,
  locale: string,
  viewport: { width: number; height: number },
  query = "",
): Promise<Page> {
  const page = await openDevice(browser, demo, device.state, { locale, viewport });
  await page.goto(`${kiosk}${query}`);
  return page;
}
const handover = (reference: string, amount = 11_800) => `?amount=${amount}&currency=SEK&reference=${reference}`;

const LANGUAGES = [
  {
    language: "sv",
    name: "Svenska",
    header: "Betala med Klarna",
    scan: "Skanna för att betala",
    qr: "QR-kod för att betala med Klarna",
    done: /^Betalt/,
    print: "Skriv ut kvitto",
    end: "Inget kvitto",
    start: "Välkommen",
  },
  {
    language: "de",
    name: "Deutsch",
    header: "Mit Klarna bezahlen",
    scan: "Zum Bezahlen scannen",
    qr: "QR-Code zum Bezahlen mit Klarna",
    done: /^Bezahlt/,
    print: "Beleg drucken",
    end: "Kein Beleg",
    start: "Willkommen",
  },
  {
    language: "en",
    name: "English",
    header: "Pay with Klarna",
    scan: "Scan to pay",
    qr: "QR code to pay with Klarna",
    done: /^Paid/,
    print: "Print receipt",
    end: "No receipt",
    start: "Welcome",
  },
];

for (const [name, viewport] of SCREENS)
  for (const words of LANGUAGES)
    test(`kiosk: Klarna in its own words, scanned, paid, receipt, back to the start: ${name}, ${words.language}`, async ({
      browser,
      demo,
      api,
    }) => {
      const reference = newReference();
      const page = await openKiosk(
        browser,
        demo,
        "en-GB",
        viewport,
        `${handover(reference)}&language=${words.language}`,
      );
      const method = page.getByRole("button", { name: new RegExp(words.header) }).first();
      await expect(method).toBeVisible();
      await expect(method.getByRole("img", { name: "Klarna" })).toBeVisible();
      await expectFits(page);
      await expect.poll(async () => (await method.boundingBox())?.height ?? 0).toBeGreaterThanOrEqual(64);
      await method.click();
      await page.getByRole("button", { name: words.header, exact: true }).click();
      const code = page.getByRole("img", { name: words.qr });
      await expect(code).toBeVisible();
      await expect(page.getByRole("heading", { name: words.scan })).toBeVisible();
      await expectFits(page);
      const { data } = (await callApi(demo, "GET", `/payments?reference=${reference}`)) as {
        data: { id: string; status: string; amount: number; klarna: { qr_code: { target_url: string } } }[];
      };
      expect(data).toMatchObject([{ status: "pending", amount: 11_800 }]);
      await expect.poll(() => scanQr(code)).toBe(data[0]?.klarna.qr_code.target_url);

      await api.play(data[0]?.id ?? "", "complete");
      await expect(page.getByRole("heading", { name: words.done })).toBeVisible();
      await page.getByRole("button", { name: words.print }).click();
      expect(await printed(page)).toContain(reference);
      await page.getByRole("button", { name: words.end }).click();
      await page.waitForURL((url) => url.pathname === kiosk && url.search === "");
      await page.getByRole("combobox").selectOption(words.language);
      await expect(page.getByRole("heading", { name: words.start })).toBeVisible();
      await page.context().close();
    });

test("a declined customer tries again with another payment of the same purchase; the outcome goes by itself", async ({
  browser,
  demo,
  api,
}) => {
  const reference = newReference();
  const page = await openKiosk(browser, demo, "en-GB", TABLET, `${handover(reference)}&language=en`);
  const pay = async () => {
    await page
      .getByRole("button", { name: /Pay with Klarna/ })
      .first()
      .click();
    await page.getByRole("button", { name: "Pay with Klarna", exact: true }).click();
    await expect(page.getByRole("heading", { name: "Scan to pay" })).toBeVisible();
  };
  const paymentsOf = async () =>
    ((await callApi(demo, "GET", `/payments?reference=${reference}`)) as { data: { id: string; status: string }[] })
      .data;
  await expectAccessible(page);
  await pay();
  await expectAccessible(page);
  await api.play((await paymentsOf())[0]?.id ?? "", "decline");
  await expect(page.getByRole("heading", { name: "Not approved" })).toBeVisible();
  await page.clock.install();
  await page.getByRole("button", { name: "Try again" }).click();
  await pay();
  const [second, first] = await paymentsOf();
  expect([second?.status, first?.status]).toEqual(["pending", "declined"]);
  await api.play(second?.id ?? "", "complete");
  await expect(page.getByRole("heading", { name: /^Paid/ })).toBeVisible();
  await page.clock.runFor(20_000);
  await expect(page.getByRole("heading", { name: "Welcome" })).toBeVisible();
  await page.context().close();
});

test("a customer who walks away is asked, and then the payment is canceled at Klarna", async ({
  browser,
  demo,
  api,
}) => {
  const reference = newReference();
  const page = await openKiosk(browser, demo, "en-GB", TABLET, `${handover(reference)}&language=en`);
  await page
    .getByRole("button", { name: /Pay with Klarna/ })
    .first()
    .click();
  await page.clock.install();
  await page.getByRole("button", { name: "Pay with Klarna", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Scan to pay" })).toBeVisible();
  await page.clock.runFor(91_000);
  await expect(page.getByRole("heading", { name: "Are you still there?" })).toBeVisible();
  await page.getByRole("button", { name: "I am still here" }).click();
  await expect(page.getByRole("heading", { name: "Are you still there?" })).toHaveCount(0);
  await page.clock.runFor(91_000);
  await expect(page.getByRole("heading", { name: "Are you still there?" })).toBeVisible();
  await page.clock.runFor(21_000);
  await expect(page.getByRole("heading", { name: "Canceled" })).toBeVisible();
  const { data } = (await callApi(demo, "GET", `/payments?reference=${reference}`)) as { data: { id: string }[] };
  await api.waitFor(data[0]?.id ?? "", "canceled");
  await page.context().close();
});

test("without a purchase it waits; where the terminal lets the customer type, an amount begins one", async ({
  browser,
  demo,
}) => {
  const page = await openKiosk(browser, demo, "en-GB", TABLET, "?language=en");
  await expect(page.getByRole("heading", { name: "Welcome" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Continue" })).toHaveCount(0);
  await page.goto(`${kiosk}?amount=12x&currency=SEK&reference=1&language=en`);
  await expect(page.getByRole("heading", { name: "It did not work" })).toBeVisible();
  await callApi(demo, "PATCH", `/terminals/${device.terminal.id}`, { settings: { kiosk_amount: true } });
  await page.goto(`${kiosk}?language=en`);
  for (const key of ["5", "00"]) await page.getByRole("button", { name: key, exact: true }).click();
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByText(/^5,00\sSEK$/)).toBeVisible();
  await callApi(demo, "PATCH", `/terminals/${device.terminal.id}`, { settings: { kiosk_amount: null } });
  await page.goto(`/till/${device.terminal.id}`);
  await expect(page.getByRole("heading", { name: "This browser belongs elsewhere" })).toBeVisible();
  await page.context().close();
});
