import { expect, expectAccessible, signIn, test } from "../fixtures";

test("a page behind the sign-in asks who it is, and leads back to where one was going", async ({ page, demo }) => {
  const user = demo.users.find((candidate) => candidate.role === "ACQUIRER_OPERATIONS");
  await page.goto("/stores?status=ACTIVE");
  await expect(page).toHaveURL(/\/sign-in\?next=/);
  await expectAccessible(page);
  await page.getByLabel("E-mail").fill(user?.email ?? "");
  await page.getByLabel("Password", { exact: true }).fill(user?.password ?? "");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/stores\?status=ACTIVE$/);
  await expect(page.getByRole("heading", { level: 1, name: "Stores" })).toBeVisible();
});

test("a wrong password is refused in the same words as an unknown address", async ({ page }) => {
  for (const email of ["nobody@tillgate.example", "operations@acquirer.example"]) {
    await page.goto("/sign-in");
    await page.getByLabel("E-mail").fill(email);
    await page.getByLabel("Password", { exact: true }).fill("not the password");
    await page.getByRole("button", { name: /sign in/i }).click();
    await expect(page.getByText("Wrong e-mail or password.")).toBeVisible();
  }
});

test("signing out ends the session: the way back needs a password again", async ({ browser, demo, newPerson }) => {
  const context = await browser.newContext({ baseURL: demo.url });
  const page = await context.newPage();
  await signIn(page, await newPerson("ACQUIRER_FINANCE"));
  const cookies = await context.cookies();
  await page.getByRole("button", { name: /account menu/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/sign-in/);
  // The cookie of the ended session, put back by hand, opens nothing.
  await context.addCookies(cookies);
  await page.goto("/stores");
  await expect(page).toHaveURL(/\/sign-in/);
  await context.close();
});
