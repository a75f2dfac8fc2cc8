import type { Page } from "@playwright/test";
import { expect, test, textOf } from "../fixtures";

/* Screens at the counter that nobody tends: what they do while nothing answers, and how they come back. */

/** Nothing answers this page any more, as when the shop's line or our front door is gone; what was asked meanwhile counts. */
async function cutOff(page: Page): Promise<{ asked: () => number; heal: () => Promise<void> }> {
  let count = 0;
  await page.route("**/*", (route) => {
    count += 1;
    return route.abort("connectionrefused");
  });
  return { asked: () => count, heal: () => page.unroute("**/*") };
}

/** What a proxy, or our own front door, says while the pages behind it start anew. */
async function answer503(page: Page): Promise<{ asked: () => number; heal: () => Promise<void> }> {
  let count = 0;
  await page.route("**/*", (route) => {
    count += 1;
    return route.fulfill({ status: 503, contentType: "text/plain", body: "Starting.\n" });
  });
  return { asked: () => count, heal: () => page.unroute("**/*") };
}

for (const [how, cut] of [
  ["no answer", cutOff],
  ["503", answer503],
] as const)
  test(`the display stays on its payment through a cut (${how}), and shows by itself how it ended`, async ({
    browser,
    demo,
    api,
  }) => {
    const payment = await api.pay();
    const context = await browser.newContext({ baseURL: demo.url, locale: "en-GB" });
    const page = await context.newPage();
    // The stream is cut from the start: it would hold its line.
    await page.route("**/events", (route) => route.abort("connectionrefused"));
    await page.goto(payment.display_url);
    await expect(page.locator("[data-phase=scan]")).toBeVisible();
    const line = await cut(page);
    await expect.poll(line.asked).toBeGreaterThan(3);
    await expect(page.locator("[data-phase=scan]")).toBeVisible();
    await api.play(payment.id, "complete");
    await expect.poll(line.asked).toBeGreaterThan(6);
    await expect(page.locator("[data-phase=scan]")).toBeVisible();
    await line.heal();
    await expect(page.locator("[data-phase=done]")).toBeVisible();
    await context.close();
  });

test("the till says that nothing is heard, keeps the payment, and goes on by itself", async ({
  signedInAs,
  demo,
  api,
}) => {
  const page = await signedInAs("PARTNER_STAFF");
  await page.route("**/events", (route) => route.abort("connectionrefused"));
  await page.goto(`/till/${demo.terminal.id}`);
  await expect(page.getByLabel("Reference", { exact: true })).not.toHaveValue("");
  await page.keyboard.type("11800");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Waiting for the customer" })).toBeVisible();
  const id = await textOf(page.getByText(/^pay_[0-9A-Z]{26}$/));
  const line = await cutOff(page);
  await expect(page.getByText("No connection. What is on the screen may be old.")).toBeVisible();
  await api.play(id, "complete");
  await expect(page.getByRole("heading", { name: "Waiting for the customer" })).toBeVisible();
  // A cancel that is not heard says so, and the next customer can be served.
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByText("It did not work. Try again.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Next customer" })).toBeEnabled();
  await line.heal();
  await expect(page.getByRole("heading", { name: "Paid" })).toBeVisible();
  await expect(page.getByText("No connection. What is on the screen may be old.")).toHaveCount(0);
});

test("a till that is older than the product behind it loads itself anew, and keeps what was pressed", async ({
  signedInAs,
  demo,
}) => {
  const page = await signedInAs("PARTNER_STAFF");
  await page.goto(`/till/${demo.terminal.id}`);
  await expect(page.getByLabel("Reference", { exact: true })).not.toHaveValue("");
  let isOld = true;
  await page.route(`**/till/${demo.terminal.id}`, (route) => {
    if (route.request().method() !== "POST" || !isOld) return route.continue();
    isOld = false;
    // What an action of an earlier build is called, is the name of nothing now.
    return route.continue({ headers: { ...route.request().headers(), "next-action": "4".repeat(42) } });
  });
  await page.keyboard.type("11800");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Waiting for the customer" })).toBeVisible();
});

test("the time left is the server's, whatever the tablet's clock says", async ({ signedInAs, demo }) => {
  const page = await signedInAs("PARTNER_STAFF");
  await page.addInitScript(() => {
    const hour = 3_600_000;
    const right = Date.now.bind(Date);
    Date.now = () => right() + hour;
  });
  await page.goto(`/till/${demo.terminal.id}`);
  await expect(page.getByLabel("Reference", { exact: true })).not.toHaveValue("");
  await page.keyboard.type("11800");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Waiting for the customer" })).toBeVisible();
  await expect(page.getByRole("status").filter({ hasText: "Waiting for the customer" })).toContainText(/1[0-5]:\d\d/);
});
