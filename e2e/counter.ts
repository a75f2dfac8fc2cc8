import type { Browser, BrowserContext, Page } from "@playwright/test";
import { z } from "zod";
import { type Demo, demoPerson, expect, newReference, signIn, textOf } from "./fixtures";

/* What the specs of the counter share: browsers paired with a terminal, and the table of screens and languages. */

const TerminalSchema = z.object({
  id: z.string(),
  status: z.string(),
  can_show_qr: z.boolean(),
  store: z.object({ id: z.string(), reference: z.string() }),
});
export type Terminal = z.infer<typeof TerminalSchema>;

type State = Awaited<ReturnType<BrowserContext["storageState"]>>;

/** The cookies of a browser that was just paired: with a terminal, as a till or a kiosk. */
export async function newDevice(
  browser: Browser,
  demo: Demo,
  where: "here" | "elsewhere",
  purpose: "Till" | "Kiosk",
): Promise<{ state: State; terminal: Terminal }> {
  const terminal = await terminalOf(demo, where, purpose);
  const context = await browser.newContext({ baseURL: demo.url });
  const person = await context.newPage();
  await signIn(person, demoPerson(demo, "PARTNER_ADMIN"));
  const state = await pairBrowser(browser, demo, person, terminal, purpose);
  await context.close();
  return { state, terminal };
}

/** A page of that device. */
export async function openDevice(
  browser: Browser,
  demo: Demo,
  device: State,
  options: { locale: string; viewport: { width: number; height: number } },
): Promise<Page> {
  const context = await browser.newContext({ baseURL: demo.url, storageState: device, ...options });
  const page = await context.newPage();
  await catchPrints(page);
  return page;
}

/** Calls the Partner API with the demo Partner's key. */
export async function callApi(demo: Demo, method: string, route: string, body?: unknown): Promise<unknown> {
  const answer = await fetch(`${demo.url}/api/v1${route}`, {
    method,
    headers: {
      authorization: `Bearer ${demo.api_key}`,
      "content-type": "application/json",
      "idempotency-key": newReference(),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${route}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/**
 * A terminal of the demo Partner's store; or, with `elsewhere`, of another one. Kiosks stand at the other end than tills: two
 * specs that make codes for one terminal at once would end each other's.
 */
async function terminalOf(demo: Demo, where: "here" | "elsewhere", purpose: "Till" | "Kiosk"): Promise<Terminal> {
  const { data } = z
    .object({ data: z.array(TerminalSchema) })
    .parse(await callApi(demo, "GET", "/terminals?limit=100&status=active"));
  const found = data
    .filter((terminal) => terminal.can_show_qr && (terminal.store.id === demo.store.id) === (where === "here"))
    .at(purpose === "Till" ? 0 : -1);
  if (found === undefined) throw new Error(`the demo has no terminal ${where}`);
  return found;
}

/** The cookies of a browser that was paired with the terminal, by the code that a person makes on its page. */
async function pairBrowser(
  browser: Browser,
  demo: Demo,
  person: Page,
  terminal: Terminal,
  purpose: "Till" | "Kiosk",
): Promise<State> {
  await person.goto(`/terminals/${terminal.id}`);
  await person.getByRole("button", { name: "Pair a device" }).click();
  const dialog = person.getByRole("dialog");
  await dialog.getByLabel("The device is a").click();
  await person.getByRole("option", { name: purpose }).click();
  await dialog.getByRole("button", { name: "Make a code" }).click();
  const code = (await textOf(dialog.locator("p code"))).trim();
  const context = await browser.newContext({ baseURL: demo.url });
  const page = await context.newPage();
  await page.goto("/pair");
  await page.getByLabel("Code").fill(code);
  await page.getByRole("button", { name: "Pair this device" }).click();
  await page.waitForURL(`**/${purpose.toLowerCase()}/${terminal.id}`, { waitUntil: "commit" });
  const state = await context.storageState();
  await context.close();
  return state;
}

export const PHONE = { width: 390, height: 844 };
export const TABLET = { width: 820, height: 1180 };
export const SCREENS = [
  ["phone", PHONE],
  ["tablet", TABLET],
] as const;

/** Counts what was printed instead of printing it. */
async function catchPrints(page: Page): Promise<void> {
  await page.addInitScript(() => {
    Reflect.set(window, "printed", []);
    window.print = () => {
      Reflect.get(window, "printed").push(document.querySelector("[data-slip]")?.textContent ?? "");
    };
  });
}
export async function printed(page: Page): Promise<string> {
  await expect.poll(() => page.evaluate(() => Reflect.get(window, "printed").length)).toBeGreaterThan(0);
  return page.evaluate(() => String(Reflect.get(window, "printed").at(-1)));
}
