import type { Page } from "@playwright/test";
import { type Demo, expect, expectAccessible, newReference, pathOf, scanQr, test } from "../fixtures";

const SIZES = [
  { width: 320, height: 240 },
  { width: 390, height: 844 },
  { width: 810, height: 1080 },
  { width: 1920, height: 1080 },
];
const code = (page: Page) => page.getByRole("img", { name: "QR code to pay with Klarna" });

/** Fills the cashier's form at the demo's terminal and takes the payment; answers with the customer's display. */
async function take(page: Page, demo: Demo, amount: string, reference = newReference()) {
  await page.goto(`/take-payment?terminal=${demo.terminal.id}`);
  const field = page.getByLabel("Amount");
  await expect(field).toBeFocused();
  await field.fill(amount);
  await page.getByLabel("Reference", { exact: true }).fill(reference);
  const [display] = await Promise.all([page.context().waitForEvent("page"), field.press("Enter")]);
  await page.waitForURL(/\/take-payment\/pay_/);
  const id = (await pathOf(display, /\/display\/pay_/)).split("/").at(-1) ?? "";
  return { display, id, reference };
}

test("a payment is taken, scanned, approved, and every screen says so", async ({ signedInAs, phone, api, demo }) => {
  const page = await signedInAs("PARTNER_STAFF");
  const { display, id, reference } = await take(page, demo, "1 249,50");

  const payment = await api.payment(id);
  expect(payment).toMatchObject({ status: "pending", amount: 124_950, reference });
  await expect(code(display)).toBeVisible();
  await expect.poll(() => scanQr(code(display))).toBe(payment.klarna.qr_code?.target_url);

  const customer = await phone(payment.klarna.qr_code?.target_url ?? "");
  await expect(display.getByText("Continue on your phone", { exact: true })).toBeVisible();
  await expect(code(display)).toBeHidden();
  await customer.approve();

  await expect(display.getByText("Paid with Klarna. Thank you.", { exact: true })).toBeVisible();
  await expect(page.getByText("Completed", { exact: true })).toBeVisible();
  await expect(page.getByText("Paid. Hand over the goods.")).toBeVisible();
  await api.waitFor(id, "completed");

  await page.getByRole("link", { name: "Open the record" }).click();
  await expect(page.getByRole("heading", { level: 1, name: /1,249\.50/ })).toBeVisible();
  await expect(page.getByText("Payment completed")).toBeVisible();
  await expect(page.getByText("Final authorize at Klarna")).toBeVisible();
  await page.goto(`/payments?q=${reference}`);
  await expect(page.getByRole("row", { name: new RegExp(reference) })).toContainText("Completed");
});

test("an open list and an open record follow the shop by themselves", async ({ signedInAs, api }) => {
  const payment = await api.pay();
  const page = await signedInAs("PARTNER_ADMIN");
  await page.goto(`/payments?q=${payment.reference}`);
  const row = page.getByRole("row", { name: new RegExp(payment.reference) });
  await expect(row).toContainText("Waiting for customer");
  const record = await page.context().newPage();
  await record.goto(`/payments/${payment.id}`);
  await expect(record.getByText("Waiting for customer", { exact: true })).toBeVisible();
  await api.play(payment.id, "complete");
  await expect(record.getByText("Completed", { exact: true })).toBeVisible();
  await expect(row).toContainText("Completed");
});

test("a customer who is declined is told what to do now", async ({ signedInAs, api, phone, demo }) => {
  const page = await signedInAs("PARTNER_STAFF");
  const { display, id } = await take(page, demo, "75.00");
  const payment = await api.payment(id);
  const customer = await phone(payment.klarna.qr_code?.target_url ?? "");
  await customer.refuse();
  await expect(display.getByRole("heading", { name: "Not approved" })).toBeVisible();
  await expect(display.getByText(`Session ${id}`)).toBeVisible();
  await expect(page.getByText("Klarna declined. Ask for another way to pay.")).toBeVisible();
});

test("the cashier cancels, and the customer sees it", async ({ signedInAs, api, demo }) => {
  const page = await signedInAs("PARTNER_STAFF");
  const { display, id } = await take(page, demo, "60.00");
  await page.getByRole("button", { name: "Cancel payment" }).click();
  const question = page.getByRole("alertdialog");
  await expect(question).toContainText("SEK 60.00");
  await question.getByRole("button", { name: "Cancel SEK 60.00" }).click();
  await expect(display.getByRole("heading", { name: "Canceled" })).toBeVisible();
  await expect(page.getByText("Canceled. Nothing is charged.")).toBeVisible();
  expect((await api.payment(id)).status).toBe("canceled");
});

test("a payment whose time ran out asks for a new code", async ({ page, api }) => {
  const payment = await api.pay();
  await page.goto(payment.display_url);
  await expect(code(page)).toBeVisible();
  await api.play(payment.id, "expire");
  await expect(page.getByRole("heading", { name: "Time is up" })).toBeVisible();
});

test("S14: the display's token leaves the address at once and stands in no page, and opens one payment only", async ({
  page,
  api,
}) => {
  const [payment, other] = [await api.pay(), await api.pay()];
  const token = new URL(payment.display_url).searchParams.get("t") ?? "";
  expect(token.length).toBeGreaterThan(20);
  await page.goto(payment.display_url);
  await expect(code(page)).toBeVisible();
  await expect(page).not.toHaveURL(/t=/);
  expect(await page.content()).not.toContain(token);
  expect(
    await page.evaluate(() => `${document.cookie} ${JSON.stringify({ ...localStorage, ...sessionStorage })}`),
  ).not.toContain(token);

  expect((await page.goto(`/display/${other.id}`))?.status()).toBe(404);
  expect((await page.goto(`/display/${other.id}?t=${token}`))?.status()).toBe(404);
  expect((await page.goto("/display/pay_00000000000000000000000000"))?.status()).toBe(404);
});

test("S14: a display without its token, or of another Partner's person, does not exist", async ({
  browser,
  demo,
  api,
}) => {
  const payment = await api.pay();
  const stranger = await browser.newContext({ baseURL: demo.url });
  const page = await stranger.newPage();
  expect((await page.goto(`/display/${payment.id}`))?.status()).toBe(404);
  expect((await page.goto(`/payments/${payment.id}/display`))?.status()).toBe(401);
  await stranger.close();
});

test("the display fits every screen: the code large, the amount larger than any word, nothing to click", async ({
  page,
  api,
}) => {
  for (const amount of [100, 2_147_483_600]) {
    const payment = await api.pay(amount);
    await page.goto(payment.display_url);
    await expect(code(page)).toBeVisible();
    for (const size of SIZES) {
      await page.setViewportSize(size);
      // The code is drawn anew after the screen has its size.
      await expect
        .poll(async () => {
          const box = await code(page).boundingBox();
          return Math.min(box?.width ?? 0, box?.height ?? 0);
        })
        .toBeGreaterThanOrEqual(0.4 * Math.min(size.width, size.height));
      await expect.poll(() => scanQr(code(page))).toBe(payment.klarna.qr_code?.target_url);
      const factsOf = () =>
        page.evaluate(() => {
          const stage = document.querySelector("main [data-phase]");
          const texts = [...(stage?.querySelectorAll("p, span, h1") ?? [])].filter(
            (element) => element.childElementCount === 0 && element.getAttribute("role") !== "status",
          );
          const fits = texts.every((element) => {
            const rect = element.getBoundingClientRect();
            return rect.left >= 0 && rect.top >= 0 && rect.right <= innerWidth && rect.bottom <= innerHeight;
          });
          return {
            fits,
            scrolls:
              document.documentElement.scrollWidth > innerWidth || document.documentElement.scrollHeight > innerHeight,
            controls: document.querySelectorAll("main a, main button, main input").length,
          };
        });
      await expect
        .poll(factsOf, { message: `${size.width}×${size.height}, ${amount}` })
        .toEqual({ fits: true, scrolls: false, controls: 0 });
    }
  }
});

test("the display can be read by everybody, waiting and done, in both themes", async ({ page, api }) => {
  const payment = await api.pay();
  await page.goto(payment.display_url);
  await expect(code(page)).toBeVisible();
  await expectAccessible(page);
  await api.play(payment.id, "complete");
  await expect(page.getByText("Paid with Klarna. Thank you.", { exact: true })).toBeVisible();
  await expectAccessible(page);
});
