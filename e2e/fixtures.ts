import { readFileSync } from "node:fs";
import path from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { type BrowserContext, test as base, expect, type Locator, type Page } from "@playwright/test";
import jsQR from "jsqr";
import { PNG } from "pngjs";
import { z } from "zod";
import { type InstanceServices, instanceServices } from "@/server/testing/instance-services";
import { makePerson, TEST_PASSWORD } from "@/server/testing/sign-in";

const DemoSchema = z.object({
  url: z.string(),
  simulator: z.object({ url: z.string() }),
  api_key: z.string(),
  currency: z.string(),
  store: z.object({ id: z.string(), reference: z.string() }),
  terminal: z.object({ id: z.string(), reference: z.string() }),
  users: z.array(z.object({ role: z.string(), email: z.string(), password: z.string() })),
});
export type Demo = z.infer<typeof DemoSchema>;
export type Role =
  | "ACQUIRER_ADMIN"
  | "ACQUIRER_OPERATIONS"
  | "ACQUIRER_FINANCE"
  | "READ_ONLY"
  | "PARTNER_ADMIN"
  | "PARTNER_STAFF";

const PaymentSchema = z.looseObject({
  id: z.string(),
  status: z.string(),
  amount: z.int(),
  amount_refunded: z.int(),
  reference: z.string(),
  display_url: z.string(),
  klarna: z.looseObject({ qr_code: z.object({ target_url: z.string() }).nullable() }),
});
export type ApiPayment = z.infer<typeof PaymentSchema>;

export type Api = {
  get: (path: string) => Promise<unknown>;
  /** A payment of the demo Partner, waiting for the customer unless the amount says otherwise. */
  pay: (amount?: number, more?: Record<string, unknown>) => Promise<ApiPayment>;
  payment: (id: string) => Promise<ApiPayment>;
  play: (id: string, action: "complete" | "decline" | "abandon" | "expire") => Promise<void>;
  refunds: (id: string) => Promise<readonly unknown[]>;
  waitFor: (id: string, status: string) => Promise<ApiPayment>;
};

export type Phone = { page: Page; approve: () => Promise<void>; refuse: () => Promise<void> };

type Fixtures = {
  /** A page of a browser of its own, with the session of the demo person of this role. */
  signedInAs: (role: Role, options?: PageOptions) => Promise<Page>;
  /** A person of this role whom no other test knows. */
  newPerson: (role: Role) => Promise<Person>;
  /** Opens Klarna's journey on the customer's phone. */
  phone: (target: string) => Promise<Phone>;
  api: Api;
};
export type Person = { email: string; password: string };
type PageOptions = { viewport?: { width: number; height: number }; colorScheme?: "light" | "dark" };
type WorkerFixtures = { demo: Demo; sessions: Map<Role, Awaited<ReturnType<BrowserContext["storageState"]>>> };

/** What is looked at of React's own notes of what it has drawn. */
type Fiber = {
  memoizedState: { isDehydrated?: boolean; dehydrated?: unknown } | null;
  tag: number;
  child: Fiber | null;
  sibling: Fiber | null;
  stateNode: { current: Fiber };
};

/**
 * Whether the page is all there and its scripts have taken it over: all that the server streamed stands in its place and
 * answers. Before that a press or a letter can be lost, and what is missing may only be on its way.
 */
function isTakenOver(): boolean {
  // Pages that are not ours, and ours that have no scripts.
  if (!("__next_f" in window)) return true;
  const key = Object.keys(document).find((name) => name.startsWith("__reactContainer$"));
  if (key === undefined) return false;
  const container: Fiber = Reflect.get(document, key);
  const root = container.stateNode.current;
  if (root.memoizedState?.isDehydrated !== false) return false;
  const left = [root.child];
  for (let fiber = left.pop(); fiber !== undefined; fiber = left.pop()) {
    if (fiber === null) continue;
    // 13 is a boundary of what may come later; it has a state as long as that has not come, or is not taken over.
    if (fiber.tag === 13 && fiber.memoizedState !== null) return false;
    left.push(fiber.child, fiber.sibling);
  }
  return true;
}

/** Waits until the page can be pressed and typed into. */
export async function takenOver(page: Page): Promise<void> {
  await expect(async () => {
    expect(await page.evaluate(isTakenOver)).toBe(true);
  }, "the page's scripts run").toPass({ intervals: [20, 50, 100, 250], timeout: 30_000 });
}

/**
 * From now on opening an address in this page, or loading it again, ends when the page has been taken over; but not for who
 * waits for the `commit` alone.
 */
function steady(page: Page): void {
  const [goto, reload] = [page.goto.bind(page), page.reload.bind(page)];
  page.goto = async (url, options) => {
    const answer = await goto(url, options);
    if (options?.waitUntil !== "commit") await takenOver(page);
    return answer;
  };
  page.reload = async (options) => {
    const answer = await reload(options);
    await takenOver(page);
    return answer;
  };
}

let count = 0;
/** A reference that no other payment has. */
export function newReference(): string {
  count += 1;
  return `E2E-${process.pid}-${Date.now().toString(36)}-${count}`;
}

export const test = base.extend<Fixtures, WorkerFixtures>({
  browser: [
    async ({ browser }, use) => {
      const newContext = browser.newContext.bind(browser);
      browser.newContext = async (options) => {
        const context = await newContext(options);
        context.on("page", steady);
        return context;
      };
      await use(browser);
    },
    { scope: "worker" },
  ],

  demo: [
    // biome-ignore lint/correctness/noEmptyPattern: the runner reads the names of the fixtures from this pattern
    async ({}, use) => {
      const file = path.join(process.env["E2E_DATA_DIR"] ?? "", "demo.json");
      await use(DemoSchema.parse(JSON.parse(readFileSync(file, "utf8"))));
    },
    { scope: "worker" },
  ],

  // biome-ignore lint/correctness/noEmptyPattern: the runner reads the names of the fixtures from this pattern
  sessions: [async ({}, use) => use(new Map()), { scope: "worker" }],

  baseURL: async ({ demo }, use) => use(demo.url),

  signedInAs: async ({ browser, demo, sessions, baseURL }, use) => {
    const contexts: BrowserContext[] = [];
    await use(async (role, options = {}) => {
      const known = sessions.get(role);
      const context = await browser.newContext({
        baseURL: baseURL ?? demo.url,
        locale: "en-GB",
        timezoneId: "Europe/Stockholm",
        viewport: options.viewport ?? { width: 1440, height: 900 },
        ...(options.colorScheme === undefined ? {} : { colorScheme: options.colorScheme }),
        ...(known === undefined ? {} : { storageState: known }),
      });
      contexts.push(context);
      const page = await context.newPage();
      if (known === undefined) {
        await signIn(page, demoPerson(demo, role));
        sessions.set(role, await context.storageState());
      }
      return page;
    });
    for (const context of contexts) await context.close();
  },

  newPerson: async ({ demo }, use) => {
    const opened: InstanceServices[] = [];
    await use(async (role) => {
      const services = instanceServices({ url: demo.url, dataDir: process.env["E2E_DATA_DIR"] ?? "" });
      opened.push(services);
      const { email } = await makePerson(services, { role });
      return { email, password: TEST_PASSWORD };
    });
    for (const services of opened) await services.close();
  },

  phone: async ({ browser }, use) => {
    const contexts: BrowserContext[] = [];
    await use(async (target) => {
      const context = await browser.newContext({
        viewport: { width: 390, height: 844 },
        hasTouch: true,
        isMobile: true,
      });
      contexts.push(context);
      const page = await context.newPage();
      await page.goto(target);
      const toReview = async () => {
        for (let step = 0; step < 3; step += 1) await page.getByRole("button", { name: "Continue" }).click();
      };
      return {
        page,
        approve: async () => {
          await toReview();
          await page.getByRole("button", { name: "Approve" }).click();
        },
        refuse: async () => {
          await toReview();
          await page.getByRole("button", { name: "Refuse" }).click();
        },
      };
    });
    for (const context of contexts) await context.close();
  },

  api: async ({ demo }, use) => use(apiOf(demo)),
});

export function demoPerson(demo: Demo, role: Role): Person {
  const user = demo.users.find((candidate) => candidate.role === role);
  if (user === undefined) throw new Error(`the demo has no ${role}`);
  return user;
}

export async function signIn(page: Page, user: Person): Promise<void> {
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(user.email);
  await page.getByLabel("Password", { exact: true }).fill(user.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
}

function apiOf(demo: Demo): Api {
  const call = async (method: string, route: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(`${demo.url}/api/v1${route}`, {
      method,
      headers: {
        authorization: `Bearer ${demo.api_key}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(method === "POST" ? { "idempotency-key": newReference() } : {}),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${route}: ${answer.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  };
  const payment = async (id: string) => PaymentSchema.parse(await call("GET", `/payments/${id}`));
  return {
    get: (route) => call("GET", route),
    payment,
    pay: async (amount = 11_800, more = {}) =>
      PaymentSchema.parse(
        await call("POST", "/payments", {
          amount,
          currency: demo.currency,
          reference: newReference(),
          launch: "qr",
          store: { reference: demo.store.reference },
          terminal: { reference: demo.terminal.reference },
          ...more,
        }),
      ),
    play: async (id, action) => {
      await call("POST", `/test/payments/${id}/${action}`, {});
    },
    refunds: async (id) =>
      z.object({ data: z.array(z.unknown()) }).parse(await call("GET", `/payments/${id}/refunds`)).data,
    waitFor: async (id, status) => {
      let found = await payment(id);
      await expect
        .poll(async () => {
          found = await payment(id);
          return found.status;
        })
        .toBe(status);
      return found;
    },
  };
}

/** What stands in the element, once something does. */
export async function textOf(locator: Locator): Promise<string> {
  await expect(locator).not.toBeEmpty();
  return (await locator.textContent()) ?? "";
}

/** The element's attribute, once it has it. */
export async function attributeOf(locator: Locator, name: string): Promise<string> {
  await expect(locator).toHaveAttribute(name);
  return (await locator.getAttribute(name)) ?? "";
}

/** What stands in each of them, once there are so many. */
export async function textsOf(locators: Locator, count: number): Promise<string[]> {
  await expect(locators).toHaveCount(count);
  return locators.allTextContents();
}

/** How many there are, once there are so many at the least. */
export async function countOf(locators: Locator, least: number): Promise<number> {
  await expect(locators.nth(least - 1)).toBeAttached();
  return locators.count();
}

/** What the field holds, once it holds something. */
export async function enteredIn(field: Locator): Promise<string> {
  await expect(field).not.toHaveValue("");
  return field.inputValue();
}

/** The path of the address, once it is one of these. */
export async function pathOf(page: Page, pattern: RegExp): Promise<string> {
  await expect(page).toHaveURL(pattern);
  return new URL(page.url()).pathname;
}

/** Nothing stands outside the screen to the side. */
export async function expectFits(page: Page): Promise<void> {
  const width = page.viewportSize()?.width ?? 0;
  await expect
    .poll(() => page.evaluate(() => document.documentElement.scrollWidth), { message: "as wide as the screen" })
    .toBeLessThanOrEqual(width);
}

/** Nothing of the page is still on its way. */
export async function expectLoaded(page: Page): Promise<void> {
  await expect(page.locator(".skeleton:visible")).toHaveCount(0);
}

/** What a camera reads from the code on the screen. */
export async function scanQr(code: Locator): Promise<string | null> {
  const { data, width, height } = PNG.sync.read(await code.screenshot({ animations: "disabled" }));
  return jsQR(new Uint8ClampedArray(data), width, height)?.data ?? null;
}

const AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/** Themes differ in colours alone: what does not look at colours finds the same in both. */
const COLOR_RULES = ["color-contrast", "link-in-text-block"];
/** A screen that still fetched something when it was judged is judged again, for as long as one waits for anything else. */
const JUDGEMENTS_MIN = 3;
const JUDGED_FOR_MS = 15_000;

/** Waits until nothing moves: what was just asked for has been drawn, and every transition has come to its end. */
async function atRest(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const drawn = () =>
      Promise.race([
        new Promise((resolve) => requestAnimationFrame(resolve)),
        new Promise((resolve) => setTimeout(resolve, 100)),
      ]);
    for (let round = 0; round < 50; round += 1) {
      await drawn();
      await drawn();
      const moving = document
        .getAnimations()
        .filter(
          (animation) =>
            animation.playState === "running" &&
            animation.effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY,
        );
      if (moving.length === 0) return;
      await Promise.all(moving.map((animation) => animation.finished.catch(() => null)));
    }
  });
}

/** No finding of axe (WCAG 2.2 A and AA), in both themes. */
export async function expectAccessible(page: Page): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    let found: string[] = [];
    const begun = Date.now();
    for (let judgement = 1; judgement <= JUDGEMENTS_MIN || Date.now() - begun < JUDGED_FOR_MS; judgement += 1) {
      await expectLoaded(page);
      await atRest(page);
      // No frames of others in our pages: what looks into those needs a page of its own each time.
      const axe = new AxeBuilder({ page }).setLegacyMode().options({ resultTypes: ["violations"] });
      const { violations } = await (colorScheme === "light"
        ? axe.withTags(AXE_TAGS)
        : axe.withRules(COLOR_RULES)
      ).analyze();
      found = violations.map(
        ({ id, nodes }) => `${colorScheme} ${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`,
      );
      if (found.length === 0) break;
      await page.waitForTimeout(500);
    }
    expect(found).toEqual([]);
  }
}

export { expect };
