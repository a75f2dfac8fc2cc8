import { createServer } from "node:http";
import { z } from "zod";
import { klarnaBooks } from "@/server/testing/klarna-books";
import { type Api, test as base, type Demo, expect, expectAccessible } from "../fixtures";

const OnlineSchema = z.looseObject({ id: z.string(), redirect_url: z.string(), qr: z.null() });

/** The shop's own server, which is not ours: where its customers come back to. */
const test = base.extend<{ shop: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: the runner reads the names of the fixtures from this pattern
  shop: async ({}, use) => {
    const server = createServer((_request, response) => {
      response.setHeader("content-type", "text/html").end("<!doctype html><title>Shop</title><h1>Thank you</h1>");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = z.object({ port: z.int() }).parse(server.address());
    await use(`http://127.0.0.1:${port}/thanks`);
    server.closeAllConnections();
    server.close();
  },
});

/** A payment of a web shop: no store, no terminal, the browser is sent to Klarna. */
async function checkout(api: Api, shop: string) {
  const payment = await api.pay(45_050, {
    channel: "web",
    launch: "redirect",
    store: undefined,
    terminal: undefined,
    return_url: `${shop}?cart=7`,
  });
  return OnlineSchema.parse(payment);
}

test("a web shop's customer goes to Klarna, pays, and is back in the shop with a status that is true", async ({
  api,
  phone,
  shop,
}) => {
  const payment = await checkout(api, shop);
  const customer = await phone(payment.redirect_url);
  await expect(customer.page).toHaveURL(/\/requests\/.+\/start/);
  await customer.approve();
  await customer.page.getByRole("link", { name: "Back to the store" }).click();
  await customer.page.waitForURL(/\/thanks/);
  const back = new URL(customer.page.url());
  expect(Object.fromEntries(back.searchParams)).toEqual({ cart: "7", payment_id: payment.id, status: "authorized" });
  expect((await api.payment(payment.id)).status).toBe("authorized");

  // The address that began it leads nowhere any more.
  await customer.page.goto(payment.redirect_url);
  await expect(customer.page.getByRole("heading", { name: "Paid" })).toBeVisible();
});

test("a customer who comes back early waits with us, sees it happen and is taken along", async ({
  api,
  phone,
  demo,
  shop,
}) => {
  const payment = await checkout(api, shop);
  const customer = await phone(payment.redirect_url);
  const { page } = customer;
  await api.waitFor(payment.id, "in_progress");
  const journey = page.url();
  // What the address says is not believed.
  const address = await returnAddress(demo, payment.id, "COMPLETED");
  await page.goto(address);
  await expect(page.getByRole("heading", { name: "Confirming your payment" })).toBeVisible();
  await expect(page).toHaveURL((url) => url.search === "");
  expect((await api.payment(payment.id)).status).toBe("in_progress");
  await expectAccessible(page);
  await expect(page.getByRole("link", { name: "Back to the shop" })).toBeVisible({ timeout: 15_000 });

  await api.play(payment.id, "abandon");
  await expect(page.getByRole("heading", { name: "Not finished yet" })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("link", { name: "Continue with Klarna" }).click();
  await page.waitForURL(journey);

  await page.goto(address);
  await expect(page.getByRole("status")).toBeVisible();
  await api.play(payment.id, "complete");
  await page.waitForURL(/\/thanks/);
  expect(new URL(page.url()).searchParams.get("status")).toBe("authorized");
});

/** Where Klarna was told to send the browser back to, with its placeholder filled in. */
async function returnAddress(demo: Demo, id: string, state: string): Promise<string> {
  const CallSchema = z.looseObject({ request_body: z.string().nullable() });
  const calls = z.array(CallSchema).parse(await klarnaBooks(demo.simulator.url).calls({}));
  const body = calls.find((call) => call.request_body?.includes(id))?.request_body ?? "";
  const address = /"return_url":"([^"]+)"/.exec(body)?.[1];
  if (address === undefined) throw new Error("Klarna was told no way back");
  return address.replace("{klarna.payment_request.state}", state);
}

test("every end has a page of its own, in the customer's language, on a phone", async ({
  api,
  browser,
  demo,
  shop,
}) => {
  const ends = [
    { action: "decline", locale: "de-DE", title: "Nicht genehmigt" },
    { action: "expire", locale: "sv-SE", title: "Tiden är ute" },
    { action: "complete", locale: "fr-FR", title: "Payé" },
  ] as const;
  for (const { action, locale, title } of ends) {
    const payment = await checkout(api, shop);
    await api.play(payment.id, action);
    await expect.poll(async () => (await api.payment(payment.id)).status).not.toMatch(/pending|in_progress|finalizing/);
    const context = await browser.newContext({ baseURL: demo.url, locale, viewport: { width: 390, height: 844 } });
    const page = await context.newPage();
    await page.goto(payment.redirect_url);
    await expect(page.getByRole("heading", { level: 1, name: title })).toBeVisible();
    // Nobody but the customer who came back is sent on to the shop.
    await expect(page.getByRole("link")).toHaveCount(0);
    await context.close();
  }
  const context = await browser.newContext({
    baseURL: demo.url,
    locale: "en-GB",
    viewport: { width: 390, height: 844 },
  });
  const page = await context.newPage();
  for (const unknown of ["/pay/pay_01ARZ3NDEKTSV4RRFFQ69G5FAV", "/pay/x", "/pay/unknown/status"]) {
    await page.goto(unknown);
    await expect(page.getByRole("heading", { name: "Nothing here" })).toBeVisible();
  }
  await expectAccessible(page);
  await context.close();
});
