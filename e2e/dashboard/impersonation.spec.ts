import type { Page } from "@playwright/test";
import { demoPerson, expect, expectAccessible, expectFits, pathOf, signIn, test, textOf } from "../fixtures";

const REASON = "They cannot find their store";
const banner = (page: Page) => page.getByRole("status", { name: "Viewing as another person" });

// A sign-in of its own: going back to one's own session gives it a new token, which the other specs would not know.
test("S17: support views as a Partner's person under a banner on every screen, without their credentials, and goes back", async ({
  browser,
  demo,
}) => {
  const context = await browser.newContext({
    baseURL: demo.url,
    locale: "en-GB",
    viewport: { width: 1440, height: 900 },
  });
  try {
    const page = await context.newPage();
    const partner = demoPerson(demo, "PARTNER_ADMIN");
    await signIn(page, demoPerson(demo, "ACQUIRER_OPERATIONS"));
    await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
    await expect(banner(page)).toHaveCount(0);

    await page.goto(`/settings/users?q=${encodeURIComponent(partner.email)}`);
    await page.getByRole("row").filter({ hasText: partner.email }).getByRole("link").first().click();
    const record = await pathOf(page, /\/settings\/users\/usr_/);
    await expect(page.getByRole("button", { name: "View as" })).toBeVisible();
    const name = await textOf(page.getByRole("heading", { level: 1 }));
    await page.getByRole("button", { name: "View as" }).click();
    const question = page.getByRole("alertdialog", { name: `View as ${name}?` });
    await expect(question.getByRole("button", { name: "View as" })).toBeDisabled();
    await question.getByLabel("Reason").fill(REASON);
    await expectAccessible(page);
    await question.getByRole("button", { name: "View as" }).click();
    await expect(banner(page)).toContainText(name);
    await expect(banner(page)).toContainText(REASON);

    for (const path of ["/", "/payments", "/stores", "/terminals", "/partners", "/webhooks", "/developers", "/audit"]) {
      await page.goto(path);
      await expect(banner(page)).toBeVisible();
    }
    await expectAccessible(page);
    await page.goto("/developers");
    await expect(page.getByText(/tg_test_sk_…/).first()).toBeVisible();
    await expect(page.getByRole("button", { name: "Create key" })).toHaveCount(0);
    for (const hidden of ["/settings/security", "/settings/sessions", "/system"]) {
      await page.goto(hidden);
      await expect(page.getByText("Nothing here")).toBeVisible();
    }

    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto("/stores");
    await expect(banner(page)).toBeInViewport();
    await expect(page.getByRole("button", { name: `Stop viewing as ${name}` })).toBeInViewport();
    await expectFits(page);
    await expectAccessible(page);

    await page.getByRole("button", { name: `Stop viewing as ${name}` }).click();
    await page.waitForURL((url) => url.pathname === record);
    await expect(banner(page)).toHaveCount(0);
    await expect(page.getByRole("button", { name: "View as" })).toBeVisible();
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.goto(`/audit?q=${record.split("/").at(-1) ?? ""}`);
    await expect(page.getByText("Impersonation started").first()).toBeVisible();
    await expect(page.getByText("Impersonation stopped").first()).toBeVisible();
  } finally {
    await context.close();
  }
});
