import { type Browser, chromium, type Page } from "@playwright/test";
import sparticuz from "@sparticuz/chromium";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Client, createClient, createReceiver, finalBody } from "../fixtures";

/** The pages in a real browser: what a person does, not what the markup says. */

const SLOW_MS = 300_000;
const WAIT = { timeout: 30_000 };

let browser: Browser;
let client: Client;
let receiver: Awaited<ReturnType<typeof createReceiver>>;
const problems: string[] = [];
const pages: Page[] = [];

beforeAll(async () => {
  const executablePath = process.platform === "linux" ? await sparticuz.executablePath() : undefined;
  browser = await chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
  client = await createClient();
  receiver = await createReceiver();
  await client.control.webhook(receiver.url, ["payment.*", "settlement.*"]);
});
afterAll(async () => {
  await browser.close();
  await client.close();
  await receiver.close();
});
afterEach(async () => {
  await Promise.all(pages.splice(0).map((page) => page.close()));
  expect(problems.splice(0)).toEqual([]);
});

async function open(path: string, width = 1280): Promise<Page> {
  const page = await browser.newPage({ viewport: { width, height: 800 }, baseURL: client.simulator.url });
  pages.push(page);
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  page.on("dialog", (dialog) => void dialog.accept());
  await page.goto(path);
  return page;
}

describe("the control panel in a browser", () => {
  it(
    "approves a waiting customer by a button, and shows the payment's own record by itself",
    async () => {
      const id = await client.stepUp(5_890);
      const page = await open(`/panel/requests/${id.slice(id.lastIndexOf(":") + 1)}`);
      const qr = page.getByAltText("QR code of the payment");
      expect(await qr.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0);
      await page.getByRole("button", { name: "Approve" }).click();
      await page.locator(".heading .badge", { hasText: "completed" }).waitFor(WAIT);
      expect((await client.control.request(id)).state).toBe("COMPLETED");
      await page.getByText("payment.request.state-change.completed").first().waitFor(WAIT);
    },
    SLOW_MS,
  );

  it(
    "sends an event again, and lists calls and webhooks that can be filtered",
    async () => {
      await client.completed(4_000);
      await client.control.idle();
      const before = receiver.received.length;
      const page = await open("/panel/webhooks?q=completed");
      await page.getByRole("button", { name: "Send again" }).first().click();
      await receiver.waitFor(before + 1);
      expect(receiver.received.at(-1)?.type).toBe("request.state-change.completed");
      await page.getByLabel("Contains").fill("nothing like this");
      await page.getByRole("button", { name: "Show" }).click();
      await page.getByText("No event has been sent.").waitFor(WAIT);
      const calls = await open("/panel/calls");
      await calls.getByRole("link", { name: "authorize" }).first().click();
      await calls.getByText("Correlation id", { exact: true }).waitFor(WAIT);
    },
    SLOW_MS,
  );

  it(
    "arms a fault by form that the next call meets, and removes it",
    async () => {
      const page = await open("/panel/faults");
      await page.getByLabel("Operation").selectOption("authorize");
      await page.getByLabel("Kind").selectOption("status_503");
      await page.getByRole("button", { name: "Arm" }).click();
      await page.getByText("0 of 1").waitFor(WAIT);
      expect((await client.authorize(finalBody(5_000))).status).toBe(503);
      await page.getByText("1 of 1").waitFor(WAIT);
      await page.getByRole("button", { name: "Remove", exact: true }).click();
      await page.getByText("Everything behaves.").waitFor(WAIT);
    },
    SLOW_MS,
  );

  it(
    "moves the clock and lets it run faster, on every page",
    async () => {
      const before = Date.parse(String((await client.call("GET", "/_control/clock")).body.now));
      const page = await open("/panel/transactions");
      await page.getByRole("button", { name: "+1 day" }).click();
      await page.getByRole("button", { name: "60×", exact: true }).click();
      await page.getByText("× 60", { exact: true }).waitFor(WAIT);
      await page.getByRole("button", { name: "1×", exact: true }).click();
      await page.getByText("× 60", { exact: true }).waitFor({ ...WAIT, state: "hidden" });
      const now = Date.parse(String((await client.call("GET", "/_control/clock")).body.now));
      expect(now - before).toBeGreaterThanOrEqual(86_400_000);
    },
    SLOW_MS,
  );

  it(
    "makes an account with a store and a classic user, changes a switch, and expires an authorization now",
    async () => {
      const page = await open("/panel/accounts");
      await page.getByLabel("Name").fill("Blommor Stockholm");
      await page.getByLabel("Country").selectOption("SE");
      await page.getByRole("button", { name: "Make it" }).click();
      await page.getByRole("link", { name: "Blommor Stockholm" }).click();
      await page.getByLabel("Reference").fill("S-1");
      await page.getByRole("button", { name: "Add store" }).click();
      await page.locator("td", { hasText: "S-1" }).waitFor(WAIT);
      await page.getByLabel("names", { exact: true }).selectOption("current");
      await page
        .locator("section", { hasText: "Switches of this account" })
        .getByRole("button", { name: "Save" })
        .click();
      await expect
        .poll(async () => (await client.call("GET", "/_control/accounts")).text, WAIT)
        .toContain('"names":"current"');
      await page.goto("/panel/classic");
      await page.getByRole("button", { name: "New user" }).click();
      await page.getByText("authorization: Basic").waitFor(WAIT);

      const transaction = await client.authorized(3_000);
      await page.goto(`/panel/transactions/${transaction.slice(transaction.lastIndexOf(":") + 1)}`);
      await page.getByRole("button", { name: "Expire now" }).click();
      await page.locator(".heading .badge", { hasText: "expired" }).waitFor(WAIT);
    },
    SLOW_MS,
  );

  it(
    "saves a list of addresses, settings and terms, and makes a sample deep link",
    async () => {
      const page = await open("/panel/access");
      await page.getByLabel("Mode").selectOption("REPORTING");
      await page.getByLabel("Allowed addresses and ranges").fill("127.0.0.1 10.0.0.0/8");
      await page.getByRole("button", { name: "Save" }).click();
      await expect
        .poll(async () => (await client.call("GET", "/_control/access")).text, WAIT)
        .toMatch(/"REPORTING".*"127\.0\.0\.1".*"10\.0\.0\.0\/8"/);
      await page.getByRole("button", { name: "Make a sample token" }).click();
      await page.getByText("jwt: ").waitFor(WAIT);
      await page.goto("/panel/settlements");
      await page.getByLabel("Fee, basis points").fill("150");
      await page.locator("section", { hasText: "Terms" }).getByRole("button", { name: "Save" }).click();
      await expect
        .poll(async () => (await client.call("GET", "/_control/terms")).body.fee_basis_points, WAIT)
        .toBe(150);
      await page.goto("/panel/clock");
      await page.getByLabel("amount triggers").uncheck();
      await page
        .locator("section", { hasText: "Switches for everybody" })
        .getByRole("button", { name: "Save" })
        .click();
      await expect
        .poll(async () => (await client.call("GET", "/_control/settings")).body.amount_triggers, WAIT)
        .toBe(false);
      await page.getByLabel("operational after ms").fill("5000");
      await page.locator("section", { hasText: "operational after ms" }).getByRole("button", { name: "Save" }).click();
      await expect
        .poll(async () => (await client.call("GET", "/_control/management")).body.operational_after_ms, WAIT)
        .toBe(5_000);
    },
    SLOW_MS,
  );

  it(
    "settles now, opens a dispute, and resets everything when asked twice",
    async () => {
      const transaction = await client.authorized(9_000);
      await client.call("POST", `${client.base}/transactions/${transaction}/captures`, { amount: 9_000 });
      const page = await open(`/panel/transactions/${transaction.slice(transaction.lastIndexOf(":") + 1)}`);
      await page.getByRole("button", { name: "Complain" }).click();
      await page.locator("td .badge", { hasText: "initiated" }).waitFor(WAIT);
      await page.goto("/panel/settlements");
      await page.getByRole("button", { name: "Settle everything now" }).click();
      await page.locator("td a.mono").first().click();
      await page.getByText("Net of the lines").waitFor(WAIT);
      await page.goto("/panel/disputes");
      await page.getByRole("button", { name: "Customer withdraws" }).click();
      await page.locator("td .badge", { hasText: "closed" }).waitFor(WAIT);
      await page.goto("/panel/clock");
      await page.getByRole("button", { name: "Reset everything" }).click();
      await expect.poll(() => client.simulator.control.transactions(), WAIT).toEqual([]);
    },
    SLOW_MS,
  );

  it(
    "says on every page that it is a simulator, and fits a phone",
    async () => {
      const page = await open("/", 390);
      const paths = await page.locator("nav a").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
      expect(paths.length).toBeGreaterThanOrEqual(12);
      for (const path of paths) {
        const response = await page.goto(path ?? "/");
        expect(response?.status()).toBe(200);
        expect(response?.headers()["content-security-policy"]).toContain("default-src 'none'");
        await page.getByText("This is a simulator").waitFor(WAIT);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
      }
    },
    SLOW_MS,
  );
});

describe("the customer's phone in a browser", () => {
  it(
    "T16: shows a short code, turns into the payment by itself, and is paid with five taps",
    async () => {
      const account = await client.control.account({ name: "Blommor Stockholm", country: "SE" });
      const credential = await client.call("POST", "/_control/classic/credentials", { account: account.account_id });
      const phone = await open("/static-qr", 390);
      const code = (await phone.locator(".digits").getAttribute("aria-label"))?.replaceAll(" ", "") ?? "";
      const created = await client.call(
        "POST",
        "/payments/v1/sessions",
        {
          acquiring_channel: "in_store",
          purchase_country: "SE",
          purchase_currency: "SEK",
          locale: "en-SE",
          order_amount: 18_000,
          order_lines: [{ name: "Bouquet", quantity: 1, unit_price: 18_000, total_amount: 18_000 }],
          attachment: {
            content_type: "application/vnd.klarna.internal.emd-v2+json",
            body: '{"in_store_payment":[{"store_info":{"merchant_store_id":"17"}}]}',
          },
          distribution: { method: "one_qr", short_code: code },
        },
        { headers: { authorization: String(credential.body.authorization) } },
      );
      expect(created.status).toBe(200);
      await phone.getByText("Who is paying?").waitFor(WAIT);
      for (const name of ["Continue", "Continue", "Continue", "Approve"]) {
        await phone.getByRole("button", { name, exact: true }).click();
      }
      await phone.getByText("Paid", { exact: true }).waitFor(WAIT);
      const orders = await client.call("GET", "/_control/classic/orders");
      expect(orders.text).toContain('"status":"AUTHORIZED"');
    },
    SLOW_MS,
  );
});
