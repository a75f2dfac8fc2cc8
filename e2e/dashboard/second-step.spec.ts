import { createHmac } from "node:crypto";
import { globSync } from "node:fs";
import path from "node:path";
import type { BrowserContext, Page } from "@playwright/test";
import { type Instance, startInstance } from "@/server/testing/instance";
import { type TestOidcProvider, testOidcProvider } from "@/server/testing/oidc-provider";
import { attributeOf, expect, expectAccessible, expectLoaded, test, textOf, textsOf } from "../fixtures";

/*
 * An installation of its own, where whoever moves money must have a second step, as in production.
 */

const ROOT = path.resolve(import.meta.dirname, "../..");
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const STEP_MS = 30_000;

test.describe.configure({ mode: "serial" });
test.setTimeout(240_000);

let instance: Instance;
let provider: TestOidcProvider;
test.beforeAll(async () => {
  provider = await testOidcProvider();
  const env = {
    TWO_FACTOR: "required",
    OIDC_ISSUER: provider.issuer,
    OIDC_CLIENT_ID: provider.clientId,
    OIDC_CLIENT_SECRET: provider.clientSecret,
    OIDC_NAME: "Example ID",
  };
  instance = await startInstance({ env });
});
test.afterAll(async () => {
  await instance.stop();
  await provider.close();
});

/** What an authenticator app shows for a key that was typed into it. */
function codeOf(key: string, atMs = Date.now()): string {
  let bits = "";
  for (const letter of key.replace(/\s/g, "")) bits += ALPHABET.indexOf(letter).toString(2).padStart(5, "0");
  const secret = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(atMs / STEP_MS)));
  const mac = createHmac("sha1", secret).update(counter).digest();
  const offset = mac.readUInt8(19) & 15;
  return String((mac.readUInt32BE(offset) & 0x7fff_ffff) % 1_000_000).padStart(6, "0");
}

function personOf(role: string): { email: string; password: string } {
  const person = instance.demo.users.find((user) => user.role === role);
  if (person === undefined) throw new Error(`the demo has no ${role}`);
  return person;
}

async function typePassword(page: Page, role: string, next = "/"): Promise<void> {
  const { email, password } = personOf(role);
  await page.goto(`${instance.url}/sign-in${next === "/" ? "" : `?next=${encodeURIComponent(next)}`}`);
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

async function signOut(page: Page): Promise<void> {
  await page.getByRole("button", { name: /account menu/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.waitForURL(/\/sign-in/);
}

/** A device that holds passkeys and checks its person, as a phone does. */
async function withDevice(context: BrowserContext, page: Page): Promise<void> {
  const session = await context.newCDPSession(page);
  await session.send("WebAuthn.enable");
  await session.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
}

let key = "";
let recoveryCodes: string[] = [];

test("S12: half a session opens no page, no procedure and no export", async ({ context, page }) => {
  await typePassword(page, "ACQUIRER_OPERATIONS");
  await page.waitForURL(/\/enroll-mfa/);
  const pages = globSync("app/(dashboard)/**/page.tsx", { cwd: ROOT })
    .map((file) =>
      path.posix
        .dirname(file)
        .replace("app/(dashboard)", "")
        .replaceAll(/\[[^\]]+\]/g, "x_1"),
    )
    .map((address) => (address === "" ? "/" : address));
  expect(pages.length).toBeGreaterThan(15);
  for (const address of pages) {
    const answer = await context.request.get(`${instance.url}${address}`, { maxRedirects: 0 });
    expect([address, answer.status(), answer.headers()["location"]]).toEqual([
      address,
      307,
      expect.stringMatching(/^\/enroll-mfa/),
    ]);
  }
  for (const address of ["/api/trpc/me.get", "/api/trpc/payments.list", "/api/trpc/mails.list", "/payments/export"]) {
    const answer = await context.request.get(`${instance.url}${address}`, { maxRedirects: 0 });
    expect([address, answer.status()]).toEqual([address, 401]);
  }
});

test("S12: an admin sets up the second step at the first sign-in and is where they wanted to be", async ({ page }) => {
  await typePassword(page, "ACQUIRER_ADMIN", "/stores");
  await page.waitForURL(/\/enroll-mfa\?next=%2Fstores/);
  await expectAccessible(page);
  key = await textOf(page.locator("code").first());
  const code = page.getByLabel("Code", { exact: true });
  await code.fill(codeOf(key, Date.now() - 10 * STEP_MS));
  await code.press("Enter");
  await expect(page.getByText("The code is wrong, used or too old.")).toBeVisible();
  await code.fill(codeOf(key));
  await code.press("Enter");
  const list = page.getByRole("list", { name: "Recovery codes" });
  recoveryCodes = await textsOf(list.getByRole("listitem"), 10);
  await expectAccessible(page);
  await page.getByRole("link", { name: "I have kept them, continue" }).click();
  await expect(page).toHaveURL(/\/stores$/);
  await expect(page.getByRole("heading", { level: 1, name: "Stores" })).toBeVisible();
});

test("S11: signing in takes the password and a code, by keyboard alone; a code works once", async ({ page }) => {
  await typePassword(page, "ACQUIRER_ADMIN");
  await page.waitForURL(/\/sign-in\/code/);
  await expectAccessible(page);
  // The code that set the app up may be of this very half minute: the one after it counts already.
  await expect(page.getByLabel("Code")).toBeFocused();
  const code = codeOf(key, Date.now() + STEP_MS);
  await page.keyboard.type(code);
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === "/");
  await signOut(page);
  await typePassword(page, "ACQUIRER_ADMIN");
  await page.waitForURL(/\/sign-in\/code/);
  await page.getByLabel("Code").fill(code);
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByText("The code is wrong, used or too old.")).toBeVisible();
});

test("a recovery code signs in once; a passkey is added and signs in alone", async ({ context, page }) => {
  await withDevice(context, page);
  await typePassword(page, "ACQUIRER_ADMIN");
  await page.getByRole("button", { name: "Use a recovery code" }).click();
  await page.getByLabel("Recovery code").fill(recoveryCodes[0] ?? "");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL((url) => url.pathname === "/");

  await page.goto(`${instance.url}/settings/security`);
  await expect(page.getByText("9 codes left.")).toBeVisible();
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await page.getByLabel("Name").fill("Test device");
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByRole("button", { name: "Remove Test device" })).toBeVisible();
  await expectAccessible(page);

  await signOut(page);
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await page.waitForURL((url) => url.pathname === "/");
  await page.goto(`${instance.url}/system/mails`);
  for (const subject of ["An authenticator app was added", "A recovery code was used", "A passkey was added"])
    await expect(page.getByRole("cell", { name: subject })).toBeVisible();
  await expectAccessible(page);
});

test("S14: no page, no address and no storage holds the session's token, the app's key, a recovery code or the password", async ({
  context,
  page,
}) => {
  await typePassword(page, "ACQUIRER_ADMIN");
  await page.getByRole("button", { name: "Use a recovery code" }).click();
  await page.getByLabel("Recovery code").fill(recoveryCodes[2] ?? "");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL((url) => url.pathname === "/");
  const cookies = (await context.cookies()).filter((cookie) => cookie.name.endsWith(".session"));
  expect(cookies).toHaveLength(1);
  const secrets = [
    cookies[0]?.value ?? "",
    key.replace(/\s/g, ""),
    personOf("ACQUIRER_ADMIN").password,
    ...recoveryCodes.flatMap((code) => [code, code.replace("-", "")]),
  ];
  const addresses = ["/", "/settings/security", "/settings/sessions", "/settings/users", "/system", "/system/mails"];
  for (const address of addresses) {
    await page.goto(`${instance.url}${address}`);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expectLoaded(page);
    const everything = await page.evaluate(() =>
      [
        document.documentElement.outerHTML,
        location.href,
        document.cookie,
        JSON.stringify(localStorage),
        JSON.stringify(sessionStorage),
      ].join("\n"),
    );
    for (const secret of secrets) expect(everything.includes(secret), `${address} holds a secret`).toBe(false);
  }
});

test("single sign-on: who is known here comes in, with the provider's second step or with ours; a stranger does not", async ({
  context,
  page,
}) => {
  const go = async (): Promise<void> => {
    await page.goto(`${instance.url}/sign-in?next=%2Fstores`);
    await page.getByRole("link", { name: "Sign in with Example ID" }).click();
  };
  provider.person = { sub: "stranger", email: "stranger@elsewhere.example", email_verified: true, amr: ["mfa"] };
  await go();
  await expect(page.getByText("Nobody here has the account that you signed in with.")).toBeVisible();

  const { email } = personOf("ACQUIRER_FINANCE");
  provider.person = { sub: "finance", email, email_verified: true };
  await go();
  await expect(page).toHaveURL(/\/enroll-mfa/);
  await context.clearCookies();
  provider.person = { ...provider.person, amr: ["pwd", "mfa"] };
  await go();
  await expect(page).toHaveURL(/\/stores$/);
  await expect(page.getByRole("heading", { level: 1, name: "Stores" })).toBeVisible();
});

test("S15: a forgotten password is set by the link of a mail, once; the second step stays", async ({ browser }) => {
  const admin = await browser.newContext();
  const page = await admin.newPage();
  await page.goto(`${instance.url}/forgot-password`);
  await expectAccessible(page);
  await page.getByLabel("E-mail").fill(personOf("ACQUIRER_ADMIN").email);
  await page.getByRole("button", { name: "Send the link" }).click();
  await expect(page.getByText("Look into your mail")).toBeVisible();

  // The admin is signed in by a recovery code, to read the mail that was kept.
  await typePassword(page, "ACQUIRER_ADMIN");
  await page.getByRole("button", { name: "Use a recovery code" }).click();
  await page.getByLabel("Recovery code").fill(recoveryCodes[1] ?? "");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL((url) => url.pathname === "/");
  await page.goto(`${instance.url}/system/mails`);
  await page.getByRole("cell", { name: "Set a new password" }).first().click();
  const link = await attributeOf(page.locator('a[href*="/reset-password#"]'), "href");

  const forgetful = await browser.newContext();
  const other = await forgetful.newPage();
  await other.goto(link);
  await other.getByLabel("New password").fill("a password of four words");
  await expect(other).toHaveURL(`${instance.url}/reset-password`);
  await other.getByRole("button", { name: "Set password" }).click();
  await expect(other.getByText("Your password is changed.")).toBeVisible();
  await other.getByRole("link", { name: "Sign in" }).click();
  await other.getByLabel("E-mail").fill(personOf("ACQUIRER_ADMIN").email);
  await other.getByLabel("Password", { exact: true }).fill("a password of four words");
  await other.getByRole("button", { name: "Sign in", exact: true }).click();
  await other.waitForURL(/\/sign-in\/code/);

  await page.goto(`${instance.url}/stores`);
  await expect(page).toHaveURL(/\/sign-in/);
  const late = await forgetful.newPage();
  await late.goto(link);
  await late.getByLabel("New password").fill("yet another password");
  await late.getByRole("button", { name: "Set password" }).click();
  await expect(late.getByText("The link was used already, or is too old.")).toBeVisible();
  await Promise.all([admin.close(), forgetful.close()]);
});
