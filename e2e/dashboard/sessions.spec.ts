import type { Browser, BrowserContext, Page } from "@playwright/test";
import { type Demo, expect, expectAccessible, type Person, signIn, test } from "../fixtures";

// A person for each test: ending all other sessions would sign the other specs out.
const ROLE = "ACQUIRER_FINANCE";
const PHONE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1";

async function signedIn(browser: Browser, demo: Demo, person: Person, more: { userAgent?: string } = {}) {
  const context = await browser.newContext({ baseURL: demo.url, ...more });
  const page = await context.newPage();
  await signIn(page, person);
  return { context, page };
}

async function openSessions(page: Page): Promise<void> {
  await page.getByRole("button", { name: /account menu/ }).click();
  await page.getByRole("menuitem", { name: "Your sessions" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Your sessions" })).toBeVisible();
}

async function expectSignedOut(page: Page): Promise<void> {
  await page.goto("/payments");
  await expect(page).toHaveURL(/\/sign-in\?next=/);
}

const rows = (page: Page) => page.getByRole("main").getByRole("listitem");

async function close(...contexts: BrowserContext[]): Promise<void> {
  for (const context of contexts) await context.close();
}

test("S13: a session ended from another browser is sent to sign-in at its next request", async ({
  browser,
  demo,
  newPerson,
}) => {
  const person = await newPerson(ROLE);
  const here = await signedIn(browser, demo, person);
  const phone = await signedIn(browser, demo, person, { userAgent: PHONE });
  await openSessions(here.page);
  await expect(here.page).toHaveURL(/\/settings\/sessions$/);
  const current = rows(here.page).filter({ hasText: "This browser" });
  await expect(current).toHaveCount(1);
  await expect(current.getByRole("button")).toHaveCount(0);
  const others = rows(here.page).filter({ hasText: "Safari on iPhone" });
  await expect(others).toHaveCount(1);
  await expectAccessible(here.page);

  await others.getByRole("button", { name: /^End/ }).click();
  const question = here.page.getByRole("alertdialog", { name: "End this session?" });
  await expect(question.getByText("Safari on iPhone")).toBeVisible();
  await expectAccessible(here.page);
  await question.getByRole("button", { name: "Go back" }).click();
  await phone.page.goto("/stores");
  await expect(phone.page.getByRole("heading", { level: 1, name: "Stores" })).toBeVisible();

  await others.getByRole("button", { name: /^End/ }).click();
  await question.getByRole("button", { name: "End session" }).click();
  await expect(here.page.getByText("Session ended", { exact: true })).toBeVisible();
  await expect(others).toHaveCount(0);
  await expectSignedOut(phone.page);
  await here.page.reload();
  await expect(current).toHaveCount(1);
  await close(here.context, phone.context);
});

test("ending all others leaves this browser alone, and says that it is the only one", async ({
  browser,
  demo,
  newPerson,
}) => {
  const person = await newPerson(ROLE);
  const here = await signedIn(browser, demo, person);
  const second = await signedIn(browser, demo, person);
  const phone = await signedIn(browser, demo, person, { userAgent: PHONE });
  await openSessions(here.page);
  await here.page.getByRole("button", { name: "End all others" }).click();
  const question = here.page.getByRole("alertdialog", { name: "End all other sessions?" });
  await question.getByRole("button", { name: /^End \d+ sessions$/ }).click();
  await expect(here.page.getByText("Only this browser")).toBeVisible();
  await expect(rows(here.page)).toHaveCount(1);
  await expect(here.page.getByRole("button", { name: "End all others" })).toHaveCount(0);
  await expectAccessible(here.page);
  await expectSignedOut(second.page);
  await expectSignedOut(phone.page);
  await close(here.context, second.context, phone.context);
});

test("a browser whose session was ended elsewhere ends nothing any more", async ({ browser, demo, newPerson }) => {
  const person = await newPerson(ROLE);
  const here = await signedIn(browser, demo, person);
  const phone = await signedIn(browser, demo, person, { userAgent: PHONE });
  await openSessions(phone.page);
  await openSessions(here.page);
  await here.page.getByRole("button", { name: "End all others" }).click();
  await here.page
    .getByRole("alertdialog")
    .getByRole("button", { name: /^End \d+ session/ })
    .click();
  await expect(here.page.getByText("Only this browser")).toBeVisible();
  // Its list still shows what was.
  await phone.page.getByRole("button", { name: "End all others" }).click();
  await phone.page
    .getByRole("alertdialog")
    .getByRole("button", { name: /^End \d+ session/ })
    .click();
  await expect(phone.page.getByRole("alertdialog").getByText("Request req_")).toBeVisible();
  await here.page.reload();
  await expect(here.page.getByText("Only this browser")).toBeVisible();
  await close(here.context, phone.context);
});
