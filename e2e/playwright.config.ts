import { defineConfig } from "@playwright/test";
import sparticuz from "@sparticuz/chromium";

/** A browser that comes with the packages, so that nothing has to be downloaded; elsewhere Playwright's own. */
const executablePath = process.platform === "linux" ? await sparticuz.executablePath() : undefined;

export default defineConfig({
  testDir: ".",
  testMatch: "**/*.spec.ts",
  outputDir: "../node_modules/.cache/e2e",
  globalSetup: "./global-setup.ts",
  fullyParallel: false,
  workers: 2,
  retries: 0,
  forbidOnly: true,
  // What a test promises about time it measures itself: these only end what hangs, on the slowest machine.
  timeout: 240_000,
  expect: { timeout: 30_000 },
  reporter: [["list"]],
  use: {
    browserName: "chromium",
    locale: "en-GB",
    timezoneId: "Europe/Stockholm",
    viewport: { width: 1440, height: 900 },
    screenshot: "only-on-failure",
    launchOptions: {
      ...(executablePath === undefined ? {} : { executablePath }),
      // Only what a container needs; the package's own flags switch web security off.
      args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
    },
  },
});
