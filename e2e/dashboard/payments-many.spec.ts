import { readFile } from "node:fs/promises";
import { expect, expectAccessible, newReference, test } from "../fixtures";

/** Approved at once by its last digits; `manual` leaves everything to capture. */
const APPROVED = 11_802;
const manual = { capture: "manual" };

test("R5: a capture pressed twenty times captures once, the rest stays, and the record says what cannot be done", async ({
  signedInAs,
  api,
}) => {
  const payment = await api.pay(APPROVED, {
    ...manual,
    line_items: [
      { name: "Boots", quantity: 1, unit_price: 10_000, total_amount: 10_000 },
      { name: "Laces", quantity: 2, unit_price: 901, total_amount: 1_802 },
    ],
  });
  const page = await signedInAs("PARTNER_ADMIN");
  await page.goto(`/payments/${payment.id}`);
  await page.getByText("Not possible now, and why").click();
  await expect(page.getByText("Nothing is captured that could be refunded.")).toBeVisible();

  await page.getByRole("button", { name: "Capture", exact: true }).click();
  const question = page.getByRole("alertdialog");
  await question.getByRole("checkbox", { name: /Boots/ }).check();
  await question.getByLabel("Tracking number").fill("PARCEL-7");
  await page.route("**/payments/**", async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    const repeats = Array.from({ length: 19 }, () => route.fetch());
    const [answer] = await Promise.all([route.fetch(), ...repeats]);
    await route.fulfill({ response: answer });
  });
  const confirm = question.getByRole("button", { name: "Capture SEK 100.00" });
  await confirm.evaluate((button) => {
    for (let press = 0; press < 20; press += 1) if (button instanceof HTMLElement) button.click();
  });
  await expect(question).toBeHidden();
  await page.unroute("**/payments/**");
  const captures = page.getByRole("region", { name: "Captures" }).or(page.locator("section", { hasText: "Captures" }));
  await expect(captures.getByText("PARCEL-7").first()).toBeVisible();
  expect((await api.payment(payment.id))["amount_captured"]).toBe(10_000);

  await page.getByRole("button", { name: "Capture", exact: true }).click();
  await question.getByRole("button", { name: "Capture SEK 18.02" }).click();
  await expect(question).toBeHidden();
  await expect(page.getByText("Completed", { exact: true }).first()).toBeVisible();
  expect(await api.payment(payment.id)).toMatchObject({ amount_captured: APPROVED, status: "completed" });
});

test("a payment is lowered on its record, and what is left of it captured whole", async ({ signedInAs, api }) => {
  const payment = await api.pay(20_002, manual);
  const page = await signedInAs("PARTNER_ADMIN");
  await page.goto(`/payments/${payment.id}`);
  const question = page.getByRole("alertdialog");
  await page.getByRole("button", { name: "Change", exact: true }).click();
  await question.getByLabel("Amount").fill("110.00");
  await question.getByRole("button", { name: "Change", exact: true }).click();
  await expect(question).toBeHidden();
  // The question about the capture names what was left when it was asked.
  await expect(page.getByRole("heading", { level: 1, name: "SEK 110.00" })).toBeVisible();
  await page.getByRole("button", { name: "Capture", exact: true }).click();
  await question.getByRole("button", { name: "Capture SEK 110.00" }).click();
  await expect(question).toBeHidden();
  await expect.poll(async () => (await api.payment(payment.id))["amount_captured"]).toBe(11_000);
});

test("chosen in the list, previewed, captured once, and not again", async ({ signedInAs, api }) => {
  const start = newReference();
  const payments = [
    await api.pay(APPROVED, { ...manual, reference: `${start}-a` }),
    await api.pay(20_002, { ...manual, reference: `${start}-b` }),
  ];
  const page = await signedInAs("ACQUIRER_OPERATIONS");
  await page.goto(`/payments?q=${start}&left=capture`);
  const totals = page.getByRole("row", { name: /^SEK/ });
  await expect(totals).toContainText("SEK 318.04");
  await page.getByRole("checkbox", { name: "Choose all rows of this page" }).check();
  await expect(page.getByText("2 payments chosen")).toBeVisible();
  await page.getByRole("button", { name: "Capture", exact: true }).click();
  await page.waitForURL(/\/payments\/bulk\/blk_/);
  await expect(page.getByText("What would happen")).toBeVisible();
  await expectAccessible(page);
  expect((await api.payment(payments[0]?.id ?? ""))["amount_captured"]).toBe(0);

  await page.getByRole("button", { name: "Capture 2" }).click();
  const question = page.getByRole("alertdialog");
  await expect(question).toContainText("SEK 318.04");
  await question.getByRole("button", { name: "Capture SEK 318.04" }).click();
  await expect(page.getByText("What happened")).toBeVisible();
  await expect(page.getByRole("row", { name: /Done/ })).toHaveCount(2, { timeout: 30_000 });
  for (const payment of payments) expect((await api.payment(payment.id))["amount_captured"]).toBe(payment.amount);
  await expectAccessible(page);

  // The same choice again: nothing is left of it.
  await page.goto(`/payments?q=${start}&left=capture`);
  await expect(page.getByText("No results")).toBeVisible();
});

test("all that a filter finds is previewed and captured, by the keys alone, and nothing else is", async ({
  signedInAs,
  api,
}) => {
  const start = newReference();
  const open = [
    await api.pay(APPROVED, { ...manual, reference: `${start}-a` }),
    await api.pay(20_002, { ...manual, reference: `${start}-b` }),
  ];
  const sold = await api.pay(30_002, { reference: `${start}-c` });
  const page = await signedInAs("PARTNER_ADMIN");
  await page.goto("/payments");
  await expect(page.getByRole("row", { name: new RegExp(sold.reference) })).toBeVisible();
  const all = page.getByRole("button", { name: "All of the filter" });
  await expect(all).toHaveCount(0);
  await page.goto(`/payments?q=${start}-`);
  await all.press("Enter");
  await expect(page.getByRole("menu")).toBeVisible();
  // A menu that opens under the pointer leaves the choice to it.
  await page.keyboard.press("Home");
  await expect(page.getByRole("menuitem", { name: "Preview captures" })).toBeFocused();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/payments\/bulk\/blk_/);
  await expect(page.getByText("What would happen")).toBeVisible();
  await expect(page.getByText("SEK 318.04").first()).toBeVisible();
  await expect(page.getByRole("row", { name: new RegExp(sold.reference) })).toHaveCount(0);
  await page.getByRole("button", { name: "Capture 2" }).click();
  const question = page.getByRole("alertdialog");
  await expect(question).toContainText("SEK 318.04");
  await question.getByRole("button", { name: "Capture SEK 318.04" }).click();
  await expect(page.getByRole("row", { name: /Done/ })).toHaveCount(2, { timeout: 30_000 });
  for (const payment of open) expect((await api.payment(payment.id))["amount_captured"]).toBe(payment.amount);

  await page.goto(`/payments?q=${start}-`);
  await expect(all).toBeVisible();
  await expectAccessible(page);
  await all.click();
  await page.getByRole("menuitem", { name: "Preview captures" }).click();
  await expect(page.getByText("Nothing that the filter finds can be captured.", { exact: true })).toBeVisible();
  await expect(page).toHaveURL(/\/payments\?q=/);
});

test("a file is previewed row by row, its refusals can be taken away, and the same file does nothing twice", async ({
  signedInAs,
  api,
}) => {
  const payment = await api.pay(APPROVED);
  await api.waitFor(payment.id, "completed");
  const page = await signedInAs("PARTNER_ADMIN");
  const upload = async () => {
    await page.goto("/payments/bulk/refund");
    // A file counts from the moment the page has taken over from the server's markup.
    await expect(async () => {
      await page.locator("input[type=file]").setInputFiles({
        name: "returns.csv",
        mimeType: "text/csv",
        buffer: Buffer.from(`payment;amount;reason\r\n${payment.reference};18,02;Return\r\nnobody;1,00;\r\n`),
      });
      await expect(page.getByRole("button", { name: "Preview" })).toBeEnabled({ timeout: 500 });
    }).toPass();
    await page.getByRole("button", { name: "Preview" }).click();
    await page.waitForURL(/\/payments\/bulk\/blk_/);
  };
  await upload();
  await expect(page.getByRole("cell", { name: "There is no such payment." })).toBeVisible();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Refused rows" }).click(),
  ]);
  const text = await readFile(await download.path(), "utf8");
  expect(text).toContain("nobody");
  expect(text).not.toContain(payment.reference);

  await page.getByRole("button", { name: "Refund 1" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Refund SEK 18.02" }).click();
  await expect(page.getByRole("row", { name: /Done/ })).toHaveCount(1, { timeout: 30_000 });
  expect(await api.refunds(payment.id)).toHaveLength(1);
  await upload();
  await expect(page.getByText("No row can be done")).toBeVisible();
  await expect(page.getByRole("button", { name: "Refund 1" })).toHaveCount(0);
  expect(await api.refunds(payment.id)).toHaveLength(1);
});

test("the analysis leads to the payments behind a figure, and passes axe in both themes, as the runs do", async ({
  signedInAs,
  api,
}) => {
  const payment = await api.pay(11_801);
  await api.waitFor(payment.id, "declined");
  const page = await signedInAs("READ_ONLY");
  await page.goto("/payments/analysis?span=1d");
  await expect(page.getByRole("heading", { level: 1, name: "Payment analysis" })).toBeVisible();
  await expect(page.getByText("Customer was asked")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("link", { name: "Declined by Klarna" }).click();
  await expect(page).toHaveURL(/reason=declined/);
  await expect(page.getByRole("row", { name: new RegExp(payment.reference) })).toBeVisible();
  await page.goto("/payments/analysis?span=1d&by=market");
  const market = page.getByRole("table", { name: "Outcomes by market" });
  await market.getByRole("link", { name: /Sweden/ }).click();
  await expect(page).toHaveURL(/market=SE/);
  await expect(page.getByRole("button", { name: /^Market/ }).first()).toContainText("Sweden");
  await expect(page.getByRole("row", { name: new RegExp(payment.reference) })).toBeVisible();
  await page.goto("/payments/analysis?from=2020-01-01&to=2020-01-02");
  await expect(page.getByText("No payment was begun in this time")).toBeVisible();
  await page.goto("/payments/bulk");
  await expect(page.getByRole("heading", { level: 1, name: "Captures and refunds of many" })).toBeVisible();
  await expectAccessible(page);
});
