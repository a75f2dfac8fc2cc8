import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Locator, Page } from "@playwright/test";
import jsQR from "jsqr";
import { PNG } from "pngjs";
import { z } from "zod";
import {
  type Api,
  type ApiPayment,
  type Demo,
  expect,
  expectAccessible,
  expectFits,
  newReference,
  test,
  textOf,
} from "../fixtures";

/* Must be read by any phone: the screen is photographed, and an independent decoder looks for the code in it. */

const SIZES = [
  { width: 320, height: 240 },
  { width: 390, height: 844 },
  { width: 820, height: 1180 },
  { width: 1920, height: 1080 },
];
const LANGUAGES = "cs da de el en es fi fr hu it nb nl pl pt ro sk sv".split(" ");
const CODE = "main svg[role=img]";

type Picture = { data: Uint8ClampedArray; width: number; height: number };

/** Part of a picture, at one pixel of so many. */
function frameOf(from: PNG, box: { x: number; y: number; width: number; height: number }, step: number): Picture {
  const [left, top] = [Math.max(0, Math.floor(box.x)), Math.max(0, Math.floor(box.y))];
  const width = Math.floor((Math.min(from.width, Math.ceil(box.x + box.width)) - left) / step);
  const height = Math.floor((Math.min(from.height, Math.ceil(box.y + box.height)) - top) / step);
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = ((top + y * step) * from.width + left + x * step) * 4;
      data.set(from.data.subarray(at, at + 4), (y * width + x) * 4);
    }
  }
  return { data, width, height };
}

/**
 * What somebody reads who points a phone at the screen and moves it a little, as everybody does: the whole screen, then
 * closer and closer. The first frame in which the decoder finds a code decides. Codes the wrong way round do not count.
 */
async function photograph(page: Page, code: Locator): Promise<string | null> {
  // biome-ignore lint/plugin: whoever photographs does so until the code can be read
  const box = await code.boundingBox();
  if (!box) return null;
  const shot = PNG.sync.read(await page.screenshot({ animations: "disabled" }));
  for (const around of [10, 0.2, 0.1, 0.02]) {
    const more = box.width * around;
    const wide = { x: box.x - more, y: box.y - more, width: box.width + 2 * more, height: box.height + 2 * more };
    for (const step of box.width > 500 ? [1, 2] : [1]) {
      const { data, width, height } = frameOf(shot, wide, step);
      const found = jsQR(data, width, height, { inversionAttempts: "dontInvert" })?.data;
      if (found) return found;
    }
  }
  return null;
}

const IdSchema = z.looseObject({ id: z.string(), reference: z.string() });
async function call(demo: Demo, key: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await fetch(`${demo.url}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { "content-type": "application/json", "idempotency-key": newReference() }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  expect(answer.ok, `${method} ${path}: ${answer.status} ${text}`).toBe(true);
  return JSON.parse(text);
}

/** A terminal of its own, so that its settings are nobody else's. */
async function makeTerminal(demo: Demo) {
  const made = await call(demo, demo.api_key, "POST", "/terminals", {
    reference: newReference(),
    label: "Display",
    store: { id: demo.store.id },
    device: "tablet",
    can_show_qr: true,
  });
  return IdSchema.parse(made);
}

/** Gives the demo store's brand a logo, which an address on this machine serves. */
async function giveLogo(demo: Demo, key: string): Promise<() => void> {
  const png = new PNG({ width: 48, height: 48 });
  for (let at = 0; at < 48 * 48; at += 1) png.data.set(at % 6 < 3 ? [0, 0, 0, 255] : [220, 30, 90, 255], at * 4);
  const file = PNG.sync.write(png);
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "image/png" }).end(file);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const store = z
    .looseObject({ brand: z.looseObject({ id: z.string() }) })
    .parse(await call(demo, demo.api_key, "GET", `/stores/${demo.store.id}`));
  const Listed = z.object({ data: z.array(z.looseObject({ id: z.string() })) });
  const partners = Listed.parse(await call(demo, key, "GET", "/partners?limit=100")).data;
  for (const { id } of partners) {
    const brands = Listed.parse(await call(demo, key, "GET", `/partners/${id}/brands`)).data;
    if (!brands.some((brand) => brand.id === store.brand.id)) continue;
    await call(demo, key, "PATCH", `/partners/${id}/brands/${store.brand.id}`, {
      logo_url: `http://127.0.0.1:${port}/logo.png`,
    });
    return () => server.close();
  }
  throw new Error("the demo's store has no brand");
}

async function acquirerKey(page: Page): Promise<string> {
  await page.goto("/settings/api-keys");
  await page.getByRole("button", { name: "Create key" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill(newReference());
  for (const scope of [/partners:write/, /stores:write/]) await dialog.getByRole("checkbox", { name: scope }).check();
  await dialog.getByRole("button", { name: "Create key" }).click();
  return textOf(dialog.locator("code"));
}

/** Looks that the settings take, from the barest to the loudest. */
const LOOKS = [
  {},
  { qr_dark: "#767676", qr_light: "#ffffff" },
  { qr_dark: "#003c8f", qr_light: "#fff176", qr_error_correction: "L" },
  { qr_dark: "#5b1010", qr_light: "#d0d0d0", qr_margin: 8, qr_error_correction: "Q" },
  { qr_margin: 16, qr_error_correction: "H" },
  { qr_dark: "#0b051d", qr_light: "#ffb3c7", qr_error_correction: "H", qr_logo: "brand" },
  { qr_error_correction: "Q", qr_logo: "brand", qr_margin: 6 },
];

test("KNR-L5: every look that a terminal may have is read from the display at each size, and no two payments share a code", async ({
  page,
  api,
  demo,
  signedInAs,
}) => {
  const terminal = await makeTerminal(demo);
  const closeLogo = await giveLogo(demo, await acquirerKey(await signedInAs("ACQUIRER_ADMIN")));
  const seen = new Set<string>();
  for (const look of LOOKS) {
    const none = Object.fromEntries(LOOKS.flatMap((other) => Object.keys(other)).map((name) => [name, null]));
    await call(demo, demo.api_key, "PATCH", `/terminals/${terminal.id}`, { settings: { ...none, ...look } });
    const payment = await api.pay(11_800, { terminal: { id: terminal.id } });
    const target = payment.klarna.qr_code?.target_url ?? "";
    expect(seen.has(target)).toBe(false);
    seen.add(target);
    await page.goto(payment.display_url);
    await expect(page.locator(CODE)).toBeVisible();
    await expect(page.locator(`${CODE} image`)).toHaveCount("qr_logo" in look ? 1 : 0);
    for (const size of SIZES) {
      await page.setViewportSize(size);
      await expect
        .poll(() => photograph(page, page.locator(CODE)), { message: `${JSON.stringify(look)} at ${size.width}` })
        .toBe(target);
    }
  }
  closeLogo();
  expect(seen.size).toBe(LOOKS.length);
});

/** Plays the payment's stream to the display, so that each state is there in each language at once. */
async function play(page: Page, payment: ApiPayment, change: Record<string, unknown>): Promise<void> {
  const message = { ...payment, ...change, updated_at: new Date(Date.now() + 60_000).toISOString() };
  await page.unrouteAll();
  await page.route("**/api/v1/payments/*/events", (route) =>
    route.fulfill({
      status: 200,
      headers: { "content-type": "text/event-stream" },
      body: `retry: 600000\ndata: ${JSON.stringify(message)}\n\n`,
    }),
  );
}

/** Whether all that is written stands on the screen, whole, large enough to be read, and beside each other. */
async function layoutFaults(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const faults: string[] = [];
    const stage = document.querySelector("main [data-phase]");
    const texts = [...(stage?.querySelectorAll("p, span, h1") ?? [])].filter(
      (element) => element.childElementCount === 0 && element.getAttribute("role") !== "status",
    );
    const boxes = texts.map((element) => ({ element, box: element.getBoundingClientRect() }));
    for (const { element, box } of boxes) {
      const name = `${element.textContent}`;
      if (box.left < 0 || box.top < 0 || box.right > innerWidth + 0.5 || box.bottom > innerHeight + 0.5)
        faults.push(`cut: ${name}`);
      if (element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== "inline")
        faults.push(`too wide: ${name}`);
      if (Number.parseFloat(getComputedStyle(element).fontSize) < 11) faults.push(`too small: ${name}`);
    }
    const code = document.querySelector("main svg[role=img]")?.getBoundingClientRect();
    for (const [at, one] of boxes.entries()) {
      const others = [...boxes.slice(at + 1).map(({ box }) => box), ...(code ? [code] : [])];
      for (const other of others) {
        const across = Math.min(one.box.right, other.right) - Math.max(one.box.left, other.left);
        const down = Math.min(one.box.bottom, other.bottom) - Math.max(one.box.top, other.top);
        if (across > 1 && down > 3) faults.push(`overlaps: ${one.element.textContent}`);
      }
    }
    if (document.documentElement.scrollWidth > innerWidth || document.documentElement.scrollHeight > innerHeight)
      faults.push("scrolls");
    return faults;
  });
}

const STATES: readonly Record<string, unknown>[] = [
  { status: "processing" },
  { status: "pending", klarna: { qr_code: null }, launch: "qr" },
  { status: "pending", klarna: { qr_code: null }, launch: "short_code" },
  { status: "in_progress" },
  { status: "finalizing" },
  { status: "completed" },
  { status: "authorized", funding: { type: "non_guaranteed", state: "pending" } },
  { status: "declined" },
  { status: "failed" },
  { status: "canceled" },
  { status: "expired" },
  { status: "voided" },
];

async function pay(api: Api, amount: number): Promise<ApiPayment> {
  return api.pay(amount, { expires_in: 3_600 });
}

test("each language fits the smallest screen where it has most to say, with the longest amount", async ({
  page,
  api,
}) => {
  const payment = await pay(api, 2_147_483_600);
  await page.setViewportSize({ width: 320, height: 240 });
  await page.goto(payment.display_url);
  for (const [at, language] of LANGUAGES.entries()) {
    for (const status of at % 2 === 0 ? ["pending", "declined"] : ["pending", "failed"]) {
      await play(page, payment, { status });
      await page.goto(`/display/${payment.id}?lang=${language}`);
      await expect(page.locator("div[lang]")).toHaveAttribute("lang", language);
      await expect(page.locator("[data-phase]")).toHaveAttribute(
        "data-phase",
        status === "pending" ? "scan" : "refused",
      );
      await expect.poll(() => layoutFaults(page), { message: `${language} ${status}` }).toEqual([]);
    }
  }
});

test("every state fits every size, in both themes, with amounts of 0, 2 and 3 decimals", async ({ page, api }) => {
  const payment = await pay(api, 11_800);
  await page.goto(payment.display_url);
  const money = [
    { amount: 2_147_483_647, currency: "JPY" },
    { amount: 2_147_483_647, currency: "KWD" },
    { amount: 2_147_483_647, currency: "HUF" },
    { amount: 100, currency: "EUR" },
  ];
  const shots = process.env["E2E_SHOTS"];
  for (const [at, state] of STATES.entries()) {
    const scheme = at % 2 === 0 ? "light" : "dark";
    await page.emulateMedia({ colorScheme: scheme });
    await play(page, payment, { ...state, ...money[at % money.length] });
    await page.goto(`/display/${payment.id}?lang=${at % 3 === 0 ? "de" : at % 3 === 1 ? "el" : "hu"}`);
    await expect(page.locator("[data-phase]")).not.toHaveAttribute("data-phase", "scan");
    for (const size of SIZES) {
      await page.setViewportSize(size);
      const message = `${JSON.stringify(state)} at ${size.width}`;
      await expect.poll(() => layoutFaults(page), { message }).toEqual([]);
      if (shots) await page.screenshot({ path: `${shots}/${at}-${size.width}-${scheme}.png` });
    }
    if (at % 4 === 3) await expectAccessible(page);
  }
});

test("the language that was asked for stays when the token goes, and the whole screen is offered only to who asks", async ({
  page,
  api,
}) => {
  const payment = await api.pay();
  await page.goto(`${payment.display_url}&lang=sv`);
  await expect(page).toHaveURL(/\?lang=sv$/);
  await expect(page.getByText("Skanna med mobilens kamera för att betala med Klarna.", { exact: true })).toBeVisible();
  await expect(page.getByRole("button")).toHaveCount(0);
  const button = page.getByRole("button", { name: "Helskärm" });
  // It goes away again by itself.
  await expect(async () => {
    await page.mouse.move(40, 40);
    await page.mouse.move(60, 60);
    await button.click({ timeout: 2_000 });
  }).toPass();
  await expect.poll(() => page.evaluate(() => document.fullscreenElement !== null)).toBe(true);
  await expect(page.getByRole("button")).toHaveCount(0);
});

test("a display whose stream is away follows by asking again, and says nothing of it", async ({ page, api }) => {
  const payment = await api.pay();
  await page.route("**/api/v1/payments/*/events", (route) => route.abort());
  await page.goto(`${payment.display_url}&lang=en`);
  await expect(page.locator(CODE)).toBeVisible();
  await api.play(payment.id, "complete");
  await expect(page.getByText("Paid with Klarna. Thank you.", { exact: true })).toBeVisible();
  await expect(page.getByText("Reconnecting")).toBeHidden();
});

test("KNR-L8: the receipt opens for somebody signed in, can be read by everybody, and saves as PDF", async ({
  api,
  signedInAs,
}) => {
  const sale = await api.pay(11_802, {
    line_items: [
      {
        name: "Wool jumper",
        quantity: 2,
        unit_price: 5_000,
        total_amount: 10_000,
        total_tax_amount: 2_000,
        tax_rate: 2_500,
      },
      { name: "Coffee", quantity: 1, total_amount: 1_802, total_tax_amount: 193, tax_rate: 1_200 },
    ],
  });
  const page = await signedInAs("PARTNER_STAFF");
  const answer = await page.goto(`/payments/${sale.id}/receipt?locale=en-GB`);
  expect(answer?.status()).toBe(200);
  await expect(page.getByRole("heading", { name: "Receipt" })).toBeVisible();
  await expect(page.getByText("*** TEST, not a receipt ***").first()).toBeVisible();
  // Its style is let in by its hash: without it the figures would stand left.
  await expect(page.locator(".pair").first()).toHaveCSS("display", "flex");
  await expect.poll(() => photograph(page, page.locator(CODE))).toBe(sale.id);
  await expectAccessible(page);
  const shots = process.env["E2E_SHOTS"];
  if (shots) await page.screenshot({ path: `${shots}/receipt.png`, fullPage: true });
  await page.setViewportSize({ width: 390, height: 844 });
  await expectFits(page);
  const pdf = await page.request.get(`/payments/${sale.id}/receipt?format=pdf`);
  expect([pdf.headers()["content-type"], (await pdf.body()).subarray(0, 5).toString()]).toEqual([
    "application/pdf",
    "%PDF-",
  ]);
  expect((await page.request.get(`/payments/${sale.id}/receipt?format=escpos`)).headers()["content-disposition"]).toBe(
    `attachment; filename="receipt-${sale.id}.bin"`,
  );
  const open = await api.pay();
  expect((await page.request.get(`/payments/${open.id}/receipt`)).status()).toBe(409);
  expect((await page.request.get("/payments/pay_00000000000000000000000000/receipt")).status()).toBe(404);
  expect((await page.request.get(`/payments/${sale.id}/receipt?refund=x`)).status()).toBe(404);
});
