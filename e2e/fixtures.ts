import { readFileSync } from "node:fs";
import path from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { type BrowserContext, test as base, expect, type Locator, type Page } from "@playwright/test";
import jsQR from "jsqr";
import { PNG } from "pngjs";
import { z } from "zod";

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
  /** Opens Klarna's journey on the customer's phone. */
  phone: (target: string) => Promise<Phone>;
  api: Api;
};
type PageOptions = { viewport?: { width: number; height: number }; colorScheme?: "light" | "dark" };
type WorkerFixtures = { demo: Demo; sessions: Map<Role, Awaited<ReturnType<BrowserContext["storageState"]>>> };

let count = 0;
/** A reference that no other payment has. */
export function newReference(): string {
  count += 1;
  return `E2E-${process.pid}-${Date.now().toString(36)}-${count}`;
}

export const test = base.extend<Fixtures, WorkerFixtures>({
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
        await signIn(page, demo, role);
        sessions.set(role, await context.storageState());
      }
      return page;
    });
    for (const context of contexts) await context.close();
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

async function signIn(page: Page, demo: Demo, role: Role): Promise<void> {
  const user = demo.users.find((candidate) => candidate.role === role);
  if (user === undefined) throw new Error(`the demo has no ${role}`);
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

/** What a camera reads from the code on the screen. */
export async function scanQr(code: Locator): Promise<string | null> {
  const { data, width, height } = PNG.sync.read(await code.screenshot({ animations: "disabled" }));
  return jsQR(new Uint8ClampedArray(data), width, height)?.data ?? null;
}

const AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/** Themes differ in colours alone: what does not look at colours finds the same in both. */
const COLOR_RULES = ["color-contrast", "link-in-text-block"];
/** A screen that still fetched something when it was judged is judged again. */
const JUDGEMENTS_MAX = 3;

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
    for (let judgement = 1; judgement <= JUDGEMENTS_MAX; judgement += 1) {
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
