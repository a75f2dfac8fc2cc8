import type { Page } from "@playwright/test";
import { z } from "zod";
import { type Api, type Demo, expect, expectAccessible, newReference, test, textOf } from "../fixtures";

/* At a terminal of classic sessions the customer scans the code that Klarna printed for the shop and reads digits out. */

const TerminalsSchema = z.object({ data: z.array(z.looseObject({ id: z.string(), reference: z.string() })) });

async function classicTerminal(api: Api): Promise<string> {
  const [terminal] = TerminalsSchema.parse(await api.get("/terminals?reference=till-classic")).data;
  if (!terminal) throw new Error("the demo has no classic terminal");
  return terminal.id;
}

/** The customer scans the shop's own code: what their phone shows. */
async function newCode(demo: Demo): Promise<string> {
  const answer = await fetch(`${demo.simulator.url}/_control/classic/short-codes`, { method: "POST" });
  return z.looseObject({ short_code: z.string() }).parse(await answer.json()).short_code;
}

const WORDS = [
  {
    language: "sv",
    name: "phone",
    viewport: { width: 390, height: 844 },
    button: "Kortkod",
    wrong: "En kortkod är 2 till 20 siffror.",
    onPhone: "Kunden går vidare i appen",
    refused: "Klarna känner inte till koden",
    another: "En annan kod",
    display: "Fortsätt i mobilen",
    paid: "Betalt",
    next: "Nytt köp",
  },
  {
    language: "de",
    name: "tablet",
    viewport: { width: 820, height: 1180 },
    button: "Kurzcode",
    wrong: "Ein Kurzcode hat 2 bis 20 Ziffern.",
    onPhone: "Der Kunde macht in der App weiter",
    refused: "Klarna kennt diesen Code nicht",
    another: "Anderer Code",
    display: "Weiter auf dem Handy",
    paid: "Bezahlt",
    next: "Neuer Verkauf",
  },
  {
    language: "en",
    name: "tablet",
    viewport: { width: 820, height: 1180 },
    button: "Short code",
    wrong: "A short code is 2 to 20 digits.",
    onPhone: "The customer goes on in the app",
    refused: "Klarna does not know this code",
    another: "Another code",
    display: "Continue on your phone",
    paid: "Paid",
    next: "New sale",
  },
] as const;

const paymentAt = async (page: Page): Promise<string> => {
  const id = page.getByText(/^pay_[0-9A-Z]{26}$/);
  return textOf(id);
};

for (const words of WORDS)
  test(`a short code at the till: asked for apart from the amount, refused kindly, paid in the app: ${words.name}, ${words.language}`, async ({
    signedInAs,
    demo,
    api,
  }) => {
    const terminal = await classicTerminal(api);
    const page = await signedInAs("PARTNER_STAFF", { viewport: words.viewport });
    await page.goto(`/till/${terminal}`);
    await page.getByRole("combobox").selectOption(words.language);
    const customer = await page.context().newPage();
    await customer.goto(`/till/${terminal}/customer`);
    const button = page.getByRole("button", { name: words.button, exact: true });
    await expect(button).toBeDisabled();
    for (const key of ["1", "1", "8", "00"]) await page.getByRole("button", { name: key, exact: true }).click();
    await button.click();
    const dialog = page.getByRole("dialog");
    const field = dialog.getByRole("textbox", { name: words.button });
    await expect(field).toBeFocused();
    await expectAccessible(page);

    // A scanner types and ends with Enter; what it read is no code, and the amount does not change.
    await page.keyboard.type("7");
    await page.keyboard.press("Enter");
    await expect(dialog.getByRole("alert")).toHaveText(words.wrong);
    await expect(field).toBeFocused();
    await page.keyboard.type("99999999");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: words.refused })).toBeVisible();
    const refused = await api.payment(await paymentAt(page));
    expect(refused).toMatchObject({ status: "failed", amount: 11_800, failure: { code: "short_code_refused" } });

    // The next code, touched on the screen; the sale is the same one.
    const another = page.getByRole("button", { name: words.another });
    await expect(another).toBeFocused();
    await page.keyboard.press("Enter");
    await expect(field).toBeFocused();
    for (const digit of await newCode(demo)) await dialog.getByRole("button", { name: digit, exact: true }).click();
    await expect(field).toBeFocused();
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: words.onPhone })).toBeVisible();
    await expect(page.getByRole("img", { name: /QR/ })).toHaveCount(0);
    await expect(customer.locator("[data-phase=phone]")).toContainText(words.display);
    const payment = await api.payment(await paymentAt(page));
    expect(payment).toMatchObject({ amount: 11_800, reference: refused.reference, launch: "short_code" });
    expect(payment.id).not.toBe(refused.id);

    await api.play(payment.id, "complete");
    await expect(page.getByRole("heading", { name: words.paid, exact: true })).toBeVisible();
    await expect(customer.locator("[data-phase=done]")).toBeVisible();
    await page.getByRole("button", { name: words.next }).click();
    await expect(button).toBeDisabled();
  });

test("by the keyboard: a key of the number pad opens the code, Escape leads back to the amount", async ({
  signedInAs,
  demo,
  api,
}) => {
  const page = await signedInAs("PARTNER_STAFF");
  await page.goto(`/till/${await classicTerminal(api)}`);
  await expect(page.getByLabel("Reference", { exact: true })).not.toHaveValue("");
  const open = page.getByRole("button", { name: "Short code", exact: true });
  await page.keyboard.type("250");
  await expect(open).toBeEnabled();
  await page.keyboard.press("*");
  const field = page.getByRole("dialog").getByRole("textbox", { name: "Short code" });
  await expect(field).toBeFocused();
  await page.keyboard.type("12");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.keyboard.type("0");
  await expect(page.getByRole("button", { name: /^Klarna · 25,00\sSEK/ })).toBeVisible();
  await page.keyboard.press("*");
  await expect(field).toHaveValue("");
  const code = await newCode(demo);
  await page.keyboard.type(`${code.slice(0, 3)} ${code.slice(3)}`);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "The customer goes on in the app" })).toBeVisible();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByRole("heading", { name: "Canceled" })).toBeVisible();
});

test("a till on the Network asks for no short code", async ({ signedInAs, demo }) => {
  const page = await signedInAs("PARTNER_STAFF");
  await page.goto(`/till/${demo.terminal.id}`);
  await page.keyboard.type("250");
  await expect(page.getByRole("button", { name: /^Klarna · 2,50\sSEK/ })).toBeEnabled();
  await page.keyboard.press("*");
  await expect(page.getByRole("button", { name: "Short code", exact: true })).toHaveCount(0);
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

test("Take a payment: by short code at that terminal alone, and once more with another code", async ({
  signedInAs,
  demo,
  api,
}) => {
  const terminal = await classicTerminal(api);
  const page = await signedInAs("PARTNER_STAFF");
  await page.goto(`/take-payment?terminal=${demo.terminal.id}`);
  await expect(page.getByLabel("Amount")).toBeFocused();
  await expect(page.getByLabel("The customer")).toHaveCount(0);

  await page.goto(`/take-payment?terminal=${terminal}`);
  const amount = page.getByLabel("Amount");
  await expect(amount).toBeFocused();
  await amount.fill("349.50");
  const reference = newReference();
  await page.getByLabel("Reference", { exact: true }).fill(reference);
  await page.getByLabel("The customer").click();
  await page.getByRole("option", { name: "Reads out a short code" }).click();
  const field = page.getByLabel("Short code", { exact: true });
  await field.fill("1");
  await field.press("Enter");
  await expect(page.getByText("Enter the 2 to 20 digits that the customer reads out.")).toBeVisible();
  await expectAccessible(page);
  await field.fill("99999999");
  const [display] = await Promise.all([page.context().waitForEvent("page"), field.press("Enter")]);
  await page.waitForURL(/\/take-payment\/pay_/);
  await expect(page.getByText(/^Klarna does not know the short code/)).toBeVisible();
  await display.close();

  await page.getByRole("link", { name: "Take it again" }).click();
  await expect(field).toBeFocused();
  await expect(amount).toHaveValue("349.50");
  await expect(page.getByLabel("Reference", { exact: true })).toHaveValue(reference);
  await field.fill(await newCode(demo));
  const [second] = await Promise.all([page.context().waitForEvent("page"), field.press("Enter")]);
  await page.waitForURL(/\/take-payment\/pay_/);
  await second.waitForURL(/\/display\/pay_/);
  await expect(page.getByText("The customer goes on in Klarna’s app. There is nothing to scan here.")).toBeVisible();
  await expect(second.getByRole("heading", { name: "Continue on your phone" })).toBeVisible();
  const id = new URL(second.url()).pathname.split("/").at(-1) ?? "";
  expect(await api.payment(id)).toMatchObject({ amount: 34_950, reference, launch: "short_code" });
  await api.play(id, "complete");
  await expect(page.getByText("Paid. Hand over the goods.")).toBeVisible();
});
