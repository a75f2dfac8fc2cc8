import { expect, expectAccessible, expectFits, newReference, test } from "../fixtures";

test("R5: twenty presses within a moment make one refund", async ({ signedInAs, api }) => {
  const payment = await api.pay();
  await api.play(payment.id, "complete");
  await api.waitFor(payment.id, "completed");

  const page = await signedInAs("ACQUIRER_OPERATIONS");
  await page.goto(`/payments/${payment.id}`);
  await page.getByRole("button", { name: "Refund", exact: true }).click();
  const question = page.getByRole("alertdialog");
  await expect(question).toContainText("SEK 118.00");
  await expect(question).toContainText("Test");

  // What the button sends, sent nineteen times more at the same moment.
  await page.route("**/payments/**", async (route) => {
    const request = route.request();
    if (request.method() !== "POST") return route.continue();
    const repeats = Array.from({ length: 19 }, () => route.fetch());
    const [answer] = await Promise.all([route.fetch(), ...repeats]);
    await route.fulfill({ response: answer });
  });
  const confirm = question.getByRole("button", { name: "Refund SEK 118.00" });
  await confirm.evaluate((button) => {
    for (let press = 0; press < 20; press += 1) if (button instanceof HTMLElement) button.click();
  });
  await expect(question).toBeHidden();
  await expect.poll(async () => (await api.payment(payment.id)).amount_refunded).toBe(payment.amount);
  expect(await api.refunds(payment.id)).toHaveLength(1);
  await expect(page.getByText("Completed · refunded")).toBeVisible();
  await expect(page.getByRole("button", { name: "Refund", exact: true })).toBeHidden();
});

test("a payment taken twice by the same form is one payment", async ({ signedInAs, api, demo }) => {
  const page = await signedInAs("PARTNER_STAFF");
  const reference = newReference();
  await page.goto("/take-payment");
  await page.getByLabel("Amount").fill("31.00");
  await page.getByLabel("Reference", { exact: true }).fill(reference);
  await page.route("**/take-payment", async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    const [answer] = await Promise.all([route.fetch(), route.fetch(), route.fetch()]);
    await route.fulfill({ response: answer });
  });
  await page.getByRole("button", { name: "Take SEK 31.00" }).click();
  await page.waitForURL(/\/take-payment\/pay_/);
  expect(demo.currency).toBe("SEK");
  expect(await api.get(`/payments?reference=${encodeURIComponent(reference)}`)).toMatchObject({
    data: [{ reference, amount: 3100 }],
  });
});

test("a reference that stands already is refused beside its field", async ({ signedInAs, api }) => {
  const payment = await api.pay();
  const page = await signedInAs("PARTNER_STAFF");
  await page.goto("/take-payment");
  await page.getByLabel("Amount").fill("31.00");
  await page.getByLabel("Reference", { exact: true }).fill(payment.reference);
  await page.getByRole("button", { name: "Take SEK 31.00" }).click();
  await expect(page.getByText("This reference is used by another payment.")).toBeVisible();
  await expect(page).toHaveURL(/\/take-payment$/);
});

test("the list keeps its question in the address: search, status, no results, clear", async ({ signedInAs, api }) => {
  const payment = await api.pay();
  const page = await signedInAs("READ_ONLY");
  await page.goto("/payments");
  await expect(page.getByRole("heading", { level: 1, name: "Payments" })).toBeVisible();
  await page.getByRole("searchbox", { name: "Search" }).fill(payment.id);
  await expect(page).toHaveURL(new RegExp(`q=${payment.id}`));
  await expect(page.getByRole("row", { name: new RegExp(payment.reference) })).toBeVisible();
  await page.goto(`/payments?q=${payment.reference}&status=declined`);
  await expect(page.getByText("No results")).toBeVisible();
  await page.getByRole("button", { name: "Clear filters" }).click();
  await expect(page).toHaveURL(/\/payments$/);
  await page.goto("/payments?created=1h");
  await expect(page.getByText("Last hour")).toBeVisible();
  await expect(page.getByRole("row", { name: new RegExp(payment.reference) })).toBeVisible();
});

test("the list is walked by keyboard: j and k move, Space previews, Enter opens", async ({ signedInAs, api }) => {
  const payment = await api.pay();
  const page = await signedInAs("PARTNER_ADMIN");
  await page.goto(`/payments?q=${payment.reference}`);
  await expect(page.getByRole("row", { name: new RegExp(payment.reference) })).toBeVisible();
  // Keys count from the moment the page has taken over from the server's markup.
  await expect(async () => {
    await page.keyboard.press("j");
    await expect(page.locator("tr[data-active]")).toHaveCount(1, { timeout: 500 });
  }).toPass();
  await page.keyboard.press("Space");
  const sheet = page.getByRole("dialog");
  await expect(sheet).toContainText(payment.id);
  await page.keyboard.press("Escape");
  await expect(sheet).toBeHidden();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(`/payments/${payment.id}$`));
});

test("S22: the export has every row of the filter, and no cell that a spreadsheet would run", async ({
  signedInAs,
  api,
}) => {
  const reference = `=HYPERLINK("x") ${newReference()}`;
  await api.pay(11_800, { reference });
  const page = await signedInAs("PARTNER_ADMIN");
  await page.goto("/payments?status=pending");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Export" }).click(),
  ]);
  expect(download.suggestedFilename()).toMatch(/^payments-test-\d{4}-\d\d-\d\d\.csv$/);
  const chunks: Buffer[] = [];
  for await (const chunk of await download.createReadStream()) chunks.push(Buffer.from(chunk));
  const text = Buffer.concat(chunks).toString("utf8");
  expect(text).toContain(`"'${reference.replaceAll('"', '""')}"`);
  const rows = text.trim().split("\r\n").slice(1);
  expect(rows.length).toBeGreaterThan(0);
  expect(rows.every((row) => row.includes(",pending,"))).toBe(true);
  expect(rows.every((row) => row.includes(",118.00,") || !row.includes(reference))).toBe(true);
});

test("the record tells who did what by which way, and folds the masked messages out", async ({ signedInAs, api }) => {
  const payment = await api.pay();
  await api.play(payment.id, "complete");
  await api.waitFor(payment.id, "completed");
  const page = await signedInAs("PARTNER_ADMIN");
  await page.goto(`/payments/${payment.id}`);
  const timeline = page
    .getByRole("region", { name: "Timeline" })
    .or(page.locator("section", { hasText: "Timeline" }))
    .first();
  await expect(timeline).toContainText("Payment created");
  await expect(timeline).toContainText("API");
  await expect(timeline).toContainText("Authorize at Klarna");
  await expect(timeline).toContainText("payment.completed");
  await timeline
    .getByRole("listitem")
    .filter({ hasText: "Final authorize at Klarna" })
    .first()
    .getByRole("button", { name: "Messages" })
    .click();
  await expect(timeline.getByRole("figure").first()).toBeVisible();
  expect(await page.content()).not.toContain("session-token:");
});

test("a role without the right sees no action and no message, and a stranger no payment", async ({
  signedInAs,
  api,
  browser,
  demo,
}) => {
  const payment = await api.pay();
  const reader = await signedInAs("READ_ONLY");
  await reader.goto(`/payments/${payment.id}`);
  await expect(reader.getByText("Waiting for customer", { exact: true })).toBeVisible();
  await expect(reader.getByText("Your role does not see the messages")).toBeVisible();
  await expect(reader.getByRole("button", { name: "Cancel payment" })).toHaveCount(0);
  await reader.goto("/take-payment");
  await expect(reader.getByText("Nothing here")).toBeVisible();
  await reader.goto("/payments/pay_00000000000000000000000000");
  await expect(reader.getByText("Nothing here")).toBeVisible();

  const stranger = await browser.newContext({ baseURL: demo.url });
  const page = await stranger.newPage();
  await page.goto(`/payments/${payment.id}`);
  await expect(page).toHaveURL(/\/sign-in/);
  expect((await page.request.get("/payments/export")).status()).toBe(401);
  await stranger.close();
});

test("on a phone the list is two-line rows that open the record, the actions at the thumb", async ({
  signedInAs,
  api,
}) => {
  const payment = await api.pay();
  const page = await signedInAs("PARTNER_ADMIN", { viewport: { width: 390, height: 844 } });
  await page.goto(`/payments?q=${payment.reference}`);
  await page.getByRole("link", { name: new RegExp(payment.reference) }).click();
  await expect(page).toHaveURL(new RegExp(payment.id));
  const cancel = page.getByRole("button", { name: "Cancel payment" });
  await expect(cancel).toBeVisible();
  await expect.poll(async () => (await cancel.boundingBox())?.y ?? 0).toBeGreaterThan(740);
  await expectFits(page);
});

test("list, record and the cashier's form pass axe in both themes", async ({ signedInAs, api }) => {
  const payment = await api.pay();
  await api.play(payment.id, "complete");
  await api.waitFor(payment.id, "completed");
  const page = await signedInAs("ACQUIRER_ADMIN");
  await page.goto("/payments?size=25");
  await expect(page.getByRole("table", { name: "Payments" })).toBeVisible();
  await expectAccessible(page);
  await page.goto(`/payments/${payment.id}`);
  await expect(page.getByText("Payment completed")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Refund", exact: true }).click();
  await expect(page.getByRole("alertdialog")).toBeVisible();
  await expectAccessible(page);
  await page.goto("/take-payment");
  await expect(page.getByLabel("Amount")).toBeFocused();
  await expectAccessible(page);
});
