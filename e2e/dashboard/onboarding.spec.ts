import type { Page } from "@playwright/test";
import { expect, expectAccessible, newReference, pathOf, test, textOf } from "../fixtures";
import {
  addBrand,
  addEntity,
  addGroup,
  beginDraft,
  chooseAt,
  choosePrices,
  field,
  fillAll,
  hurryKlarna,
  importFile,
  saved,
  toStep,
} from "../onboarding";

const STEPS = [
  "Company",
  "Contact",
  "Legal entities",
  "Brands",
  "Store groups",
  "Stores and terminals",
  "Prices and settlement",
  "Review",
] as const;

/** Presses Tab until the focus is on it. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let step = 0; step < 150; step += 1) {
    const isThere = await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector);
    if (isThere) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab never came to ${selector}`);
}

const at = (path: string): string => `[data-path="${path}"], [data-path="${path}"] *`;

async function typeAt(page: Page, path: string, text: string): Promise<void> {
  await tabTo(page, at(path));
  await page.keyboard.type(text);
}

async function pick(page: Page, option: string): Promise<void> {
  await page.keyboard.press("Enter");
  await expect(page.getByRole("listbox")).toBeVisible();
  // Letters count as one word only while they come quickly: after a pause the word begins anew.
  await expect(async () => {
    await page.keyboard.type(option, { delay: 20 });
    await expect(page.getByRole("option", { name: new RegExp(`^${option}`) }).first()).toBeFocused({ timeout: 2_000 });
  }).toPass();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("listbox")).toBeHidden();
}

/** With Shift and Tab to the field of this path, which has just come in before the focus. */
async function backTo(page: Page, path: string): Promise<void> {
  const target = field(page, path);
  await expect(target).toBeVisible();
  for (let step = 0; step < 40; step += 1) {
    if (await target.evaluate((node) => node === document.activeElement)) return;
    await page.keyboard.press("Shift+Tab");
  }
  throw new Error(`Shift and Tab never came to ${path}`);
}

/** With Tab to the button of this word, and Enter. */
async function press(page: Page, name: string, role: "button" | "link" = "button"): Promise<void> {
  const target = page.getByRole(role, { name, exact: true }).first();
  for (let step = 0; step < 150; step += 1) {
    if (await target.evaluate((node) => node === document.activeElement).catch(() => false)) {
      await page.keyboard.press("Enter");
      return;
    }
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab never came to the ${role} ${name}`);
}

test("an onboarding is begun, filled and handed on with the keyboard alone, and no step has findings of axe", async ({
  signedInAs,
}) => {
  test.setTimeout(240_000);
  const page = await signedInAs("ACQUIRER_ADMIN");
  const reference = newReference().toLowerCase();
  await page.goto("/partners");
  await press(page, "Onboard a Partner", "link");
  await expect(page.getByRole("heading", { level: 1, name: "Onboard a Partner" })).toBeVisible();
  await expectAccessible(page);
  await tabTo(page, "input[name=name]");
  await page.keyboard.type("Keyboard Flowers");
  await tabTo(page, "input[name=reference]");
  await page.keyboard.type(reference);
  await page.keyboard.press("Tab");
  await pick(page, "Germany");
  await page.keyboard.press("Tab");
  await pick(page, "EUR");
  await press(page, "Begin the draft");
  const partnerId = (await pathOf(page, /\/partners\/ptn_[^/]+\/onboarding/)).split("/")[2] ?? "";

  const goOn = async (name: (typeof STEPS)[number]) => {
    await press(page, "Continue");
    // The focus goes with the step.
    await expect(page.getByRole("heading", { level: 2, name })).toBeFocused();
  };
  await expect(page.getByRole("heading", { level: 2, name: "Company" })).toBeVisible();
  await expectAccessible(page);
  await goOn("Contact");
  await typeAt(page, "contact.given_name", "Olga");
  await typeAt(page, "contact.family_name", "Owner");
  await typeAt(page, "contact.email", "no address");
  await press(page, "Continue");
  // What is not right keeps the step and takes the focus to its field.
  await expect(field(page, "contact.email")).toBeFocused();
  await expect(page.getByRole("alert").first()).toBeVisible();
  await expectAccessible(page);
  await page.keyboard.press("Control+A");
  await page.keyboard.type("olga@keyboard.example");
  await goOn("Legal entities");
  await press(page, "Add a legal entity");
  await typeAt(page, "entities.0.legalName", "Keyboard Flowers GmbH");
  await tabTo(page, at("entities.0.entityType"));
  await pick(page, "Limited");
  await typeAt(page, "entities.0.registrationNumber", "HRB 4711");
  await typeAt(page, "entities.0.address.street_address", "Torstrasse 12");
  await typeAt(page, "entities.0.address.postal_code", "10119");
  await typeAt(page, "entities.0.address.city", "Berlin");
  await press(page, "Add a person");
  // The new person stands before the button: back to its first field.
  await backTo(page, "entities.0.stakeholders.0.given_name");
  await page.keyboard.type("Ada");
  await typeAt(page, "entities.0.stakeholders.0.family_name", "Berg");
  await tabTo(page, at("entities.0.stakeholders.0.date_of_birth"));
  // The same day in every order of day and month.
  await page.keyboard.type("05051980");
  await saved(page);
  await expectAccessible(page);
  await goOn("Brands");
  await press(page, "Add a brand");
  await backTo(page, "brands.0.name");
  await page.keyboard.type("Keyboard");
  await typeAt(page, "brands.0.logoUrl", "https://static.example/keyboard.png");
  await saved(page);
  await expectAccessible(page);
  await goOn("Store groups");
  await press(page, "Add a store group");
  await backTo(page, "storeGroups.0.name");
  await page.keyboard.type("All of Keyboard");
  await typeAt(page, "storeGroups.0.supportEmail", "help@keyboard.example");
  await saved(page);
  await expectAccessible(page);
  await goOn("Stores and terminals");
  await expectAccessible(page);
  await press(page, "Add one store", "link");
  await expect(page.getByRole("heading", { level: 1, name: "Add a store" })).toBeVisible();
  await page.goto(`/partners/${partnerId}/onboarding?step=stores`);
  await goOn("Prices and settlement");
  await expect(field(page, "payments.paymentProfileId").getByRole("combobox")).toBeVisible();
  await expect(page.getByText("Asking Klarna…")).toBeHidden();
  await tabTo(page, at("payments.paymentProfileId"));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("option").first()).toBeFocused();
  await page.keyboard.press("Enter");
  await saved(page);
  await expectAccessible(page);
  await goOn("Review");
  await expect(page.getByText(/required things? (is|are) missing/)).toBeVisible();
  await expectAccessible(page);
  // From what is missing to its field.
  await press(page, "A payment account");
  await expect(page.getByRole("button", { name: "Add a payment account" })).toBeFocused();
});

test("two people at one draft do not overwrite each other without noticing", async ({ signedInAs }) => {
  const one = await signedInAs("ACQUIRER_ADMIN");
  const two = await signedInAs("ACQUIRER_OPERATIONS");
  const partnerId = await beginDraft(one, "Two People", newReference().toLowerCase());
  await one.goto(`/partners/${partnerId}/onboarding?step=contact`);
  await two.goto(`/partners/${partnerId}/onboarding?step=contact`);
  const contact = {
    "contact.given_name": "Olga",
    "contact.family_name": "Owner",
    "contact.email": "olga@two.example",
  };
  await fillAll(one, contact);
  await saved(one);
  await fillAll(two, { ...contact, "contact.given_name": "Tove" });
  await expect(two.getByText("Somebody else has changed this draft meanwhile.")).toBeVisible();
  await expectAccessible(two);
  await two.getByRole("button", { name: "Show theirs" }).click();
  await expect(field(two, "contact.given_name")).toHaveValue("Olga");
  await field(two, "contact.given_name").fill("Tove");
  await saved(two);
  await one.reload();
  await expect(field(one, "contact.given_name")).toHaveValue("Tove");
});

test("what Klarna refuses stands at its field; corrected, it goes out again; the record follows the account's whole life", async ({
  signedInAs,
}) => {
  test.setTimeout(240_000);
  const page = await signedInAs("ACQUIRER_ADMIN");
  const reference = newReference().toLowerCase();
  const name = `Refused ${reference}`;
  const partnerId = await beginDraft(page, name, reference);
  await toStep(page, "Contact");
  await fillAll(page, {
    "contact.given_name": "Olga",
    "contact.family_name": "Owner",
    "contact.email": "olga@refused.example",
  });
  await toStep(page, "Legal entities");
  // A VAT number where Klarna wants that of the register.
  await addEntity(page, 0, { name: "Refused GmbH", number: "ATU12345678", tax: "DE123456789", owner: ["Ada", "Berg"] });
  await chooseAt(page, "entities.0.country", "Austria");
  await saved(page);
  await toStep(page, "Brands");
  await addBrand(page, 0, "Refused");
  await saved(page);
  await toStep(page, "Store groups");
  await addGroup(page, 0, "All of Refused", "Refused");
  await saved(page);
  await toStep(page, "Stores and terminals");
  await importFile(
    page,
    {
      name: "stores.csv",
      lines: [
        "reference,name,store_group,street_address,postal_code,city,country",
        `S-1,Store 1,${reference}-group-1,Street 1,10119,Berlin,DE`,
        `S-2,Store 2,${reference}-group-1,Street 2,10119,Berlin,DE`,
      ],
    },
    2,
    "stores",
  );
  await choosePrices(page, 1);
  const send = async (word: string) => {
    await toStep(page, "Review");
    await page.getByRole("button", { name: word }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Approve and send" }).click();
  };
  await send("Approve and send to Klarna");
  await expect(page.getByText(/Klarna refused the account/)).toBeVisible();
  await toStep(page, "Legal entities");
  await expect(page.getByText("Klarna did not accept this")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: /registrationNumber/ }).click();
  const number = field(page, "entities.0.registrationNumber");
  await expect(number).toBeFocused();
  await expect(number).toHaveAttribute("aria-invalid", "true");
  await number.fill("FN 123456a");
  await saved(page);
  await expect(page.getByText("Klarna did not accept this")).toHaveCount(0);
  await send("Send again to Klarna");
  await expect(page.getByRole("heading", { name: "On the way to Klarna" })).toBeVisible();
  await expectAccessible(page);
  await page.goto(`/partners/${partnerId}`);
  const accountId = await textOf(page.getByText(/^krn:partner:/).first());
  await page.goto(`/partners/${partnerId}/onboarding`);
  await hurryKlarna(accountId);
  await expect(page.getByText(`${name} is operational.`)).toBeVisible({ timeout: 60_000 });

  // A change of a record is told to Klarna; every part of the record is without findings of axe.
  await page.goto(`/partners/${partnerId}/brands`);
  await page.getByRole("button", { name: "Edit Refused", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel(/^Website/).fill("no address");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog.getByRole("alert")).toBeVisible();
  await expectAccessible(page);
  await dialog.getByLabel(/^Website/).fill("https://refused.example");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toBeHidden();
  await page.goto(`/partners/${partnerId}/klarna`);
  await expect(page.getByText("Klarna has it").first()).toBeVisible({ timeout: 60_000 });
  await page.getByRole("button", { name: "Compare now" }).click();
  await expect(page.getByText("Klarna and we hold the same", { exact: true })).toBeVisible();
  for (const part of ["", "/company", "/brands", "/people", "/klarna", "/lifecycle", "/settings", "/audit"]) {
    await page.goto(`/partners/${partnerId}${part}`);
    await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
    await expectAccessible(page);
  }

  // Suspended, resumed, closed.
  await page.goto(`/partners/${partnerId}/lifecycle`);
  await page.getByRole("button", { name: "Suspend" }).click();
  await page.getByRole("alertdialog").getByLabel("Why").fill("Invoices are open");
  await page.getByRole("alertdialog").getByRole("button", { name: "Suspend" }).click();
  await expect(page.getByText("Suspended: no new payments.")).toBeVisible();
  await expect(page.getByText("Partner: suspended")).toBeVisible();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Resume" }).click();
  await expect(page.getByText("Suspended: no new payments.")).toBeHidden();
});

test("who may not decide about Partners finds no way to; a Partner's people see no draft of others", async ({
  signedInAs,
}) => {
  const admin = await signedInAs("ACQUIRER_ADMIN");
  const partnerId = await beginDraft(admin, "Hidden", newReference().toLowerCase());
  for (const role of ["PARTNER_ADMIN", "READ_ONLY", "ACQUIRER_FINANCE"] as const) {
    const page = await signedInAs(role);
    await page.goto(`/partners/${partnerId}/onboarding`);
    await expect(page.getByText("Nothing here")).toBeVisible();
    await page.goto("/partners/new");
    await expect(page.getByText("Nothing here")).toBeVisible();
    await page.goto("/partners");
    await expect(page.getByRole("table", { name: "Partners" }).getByRole("row").nth(1)).toBeVisible();
    await expect(page.getByRole("link", { name: "Onboard a Partner" })).toHaveCount(0);
  }
});
