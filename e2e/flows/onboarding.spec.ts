import { attributeOf, expect, newReference, scanQr, test, textOf } from "../fixtures";
import {
  addBrand,
  addEntity,
  addGroup,
  beginDraft,
  choosePrices,
  fillAll,
  heldByKlarna,
  hurryKlarna,
  importFile,
  saved,
  toStep,
} from "../onboarding";

const PASSWORD = "a long enough password";
const STORES = 400;
const TERMINALS = 900;
const BRANDS = ["Rose", "Tulip", "Lily"] as const;
const ENTITIES = [
  { name: "Blumen Berlin GmbH", number: "HRB 12345 B", tax: "DE123456789", owner: ["Ada", "Berg"] },
  { name: "Blumen Online GmbH", number: "HRB 67890 B", tax: "DE987654321", owner: ["Eva", "Muster"] },
] as const;
const numbers = (count: number) => Array.from({ length: count }, (_, at) => at + 1);
const storeReference = (n: number): string => `S-${String(n).padStart(4, "0")}`;

test("an invited Partner admin fills a draft with two entities, three brands, 400 stores and 900 terminals from files; the acquirer approves; Klarna holds exactly this; the first payment in a new store succeeds", async ({
  signedInAs,
  browser,
  baseURL,
  phone,
}) => {
  test.setTimeout(300_000);
  const reference = newReference().toLowerCase();
  const name = `Blumen ${reference}`;
  const email = `${reference}@blumen.example`;

  // The acquirer begins the draft and invites.
  const admin = await signedInAs("ACQUIRER_ADMIN");
  const partnerId = await beginDraft(admin, name, reference);
  await admin.getByRole("button", { name: "Let the Partner fill it" }).click();
  const dialog = admin.getByRole("dialog");
  await dialog.getByLabel("Name").fill("Olga Owner");
  await dialog.getByLabel("E-mail").fill(email);
  await dialog.getByRole("button", { name: "Invite as Partner admin" }).click();
  await expect(dialog).toBeHidden();
  await expect(admin.getByRole("button", { name: "Partner fills it" })).toBeVisible();
  await admin.goto(`/system/mails?q=${encodeURIComponent(email)}`);
  await admin.getByText("You are invited to Tillgate").first().click();
  const href = await attributeOf(admin.getByRole("link", { name: /\/accept-invitation#/ }), "href");

  const context = await browser.newContext({
    ...(baseURL === undefined ? {} : { baseURL }),
    locale: "en-GB",
    viewport: { width: 1440, height: 900 },
  });
  try {
    // The Partner's own person sees this draft alone, and fills it.
    const olga = await context.newPage();
    await olga.goto(href);
    await olga.getByLabel("New password").fill(PASSWORD);
    await olga.getByRole("button", { name: "Accept and sign in" }).click();
    await expect(olga.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
    await olga.goto("/partners/onboarding");
    await expect(olga.getByText("1 onboarding", { exact: true })).toBeVisible();
    await olga.getByRole("link", { name }).first().click();
    await olga.waitForURL(`**/partners/${partnerId}/onboarding`);
    await expect(olga.getByRole("button", { name: "Cancel onboarding" })).toHaveCount(0);

    await toStep(olga, "Contact");
    await fillAll(olga, {
      "contact.given_name": "Olga",
      "contact.family_name": "Owner",
      "contact.email": email,
      "contact.phone": "+49 30 1234567",
    });
    await saved(olga);
    await toStep(olga, "Legal entities");
    for (const [index, entity] of ENTITIES.entries())
      await addEntity(olga, index, { ...entity, owner: [entity.owner[0], entity.owner[1]] });
    await saved(olga);
    await toStep(olga, "Brands");
    for (const [index, brand] of BRANDS.entries()) await addBrand(olga, index, brand);
    await saved(olga);
    await toStep(olga, "Store groups");
    for (const [index, brand] of BRANDS.entries()) await addGroup(olga, index, `All of ${brand}`, brand);
    await saved(olga);

    await toStep(olga, "Stores and terminals");
    await importFile(
      olga,
      {
        name: "stores.csv",
        lines: [
          "reference,name,store_group,street_address,postal_code,city,country",
          ...numbers(STORES).map(
            (n) =>
              `${storeReference(n)},Store ${n},${reference}-group-${1 + ((n - 1) % BRANDS.length)},Street ${n},10119,Berlin,DE`,
          ),
        ],
      },
      STORES,
      "stores",
    );
    await olga.getByRole("tab", { name: "Terminals from a file" }).click();
    await importFile(
      olga,
      {
        name: "terminals.csv",
        lines: [
          "store,reference,label,device,can_show_qr",
          ...numbers(TERMINALS).map(
            (n) => `${storeReference(1 + ((n - 1) % STORES))},T-${n},Till ${n},card_terminal,yes`,
          ),
        ],
      },
      TERMINALS,
      "terminals",
    );

    await toStep(olga, "Prices and settlement");
    await expect(olga.getByText("The acquirer fills this step.")).toBeVisible();
    await toStep(olga, "Review");
    await expect(olga.getByText("400 stores with 900 terminals")).toBeVisible();
    await olga.getByRole("button", { name: "Hand in to the acquirer" }).click();
    await expect(olga.getByText("Handed in. The acquirer looks at it now; you hear by mail.")).toBeVisible();
    await toStep(olga, "Contact");
    await expect(olga.getByLabel("Given name")).not.toBeEditable();

    // The acquirer adds what only it decides, and approves.
    await admin.goto(`/partners/${partnerId}/onboarding`);
    await expect(admin.getByText(/The Partner has handed this draft in/)).toBeVisible();
    await choosePrices(admin, ENTITIES.length);
    await toStep(admin, "Review");
    await expect(admin.getByText("400 stores with 900 terminals")).toBeVisible();
    await admin.getByRole("button", { name: "Approve and send to Klarna" }).click();
    const question = admin.getByRole("alertdialog");
    await expect(question).toContainText("400");
    await question.getByRole("button", { name: "Approve and send" }).click();
    await expect(admin.getByRole("heading", { name: "On the way to Klarna" })).toBeVisible();
    await admin.goto(`/partners/${partnerId}`);
    const accountId = await textOf(admin.getByText(/^krn:partner:/).first());
    await admin.goto(`/partners/${partnerId}/onboarding`);
    await hurryKlarna(accountId);
    await expect(admin.getByText(`${name} is operational.`)).toBeVisible({ timeout: 60_000 });

    // Klarna holds exactly this.
    const texts = (rows: readonly Record<string, unknown>[], key: string) => rows.map((row) => String(row[key])).sort();
    const entities = await heldByKlarna(accountId, "partner-business-entities", "partner_business_entities");
    expect(texts(entities, "legal_registered_entity_name")).toEqual(ENTITIES.map((entity) => entity.name).sort());
    const brands = await heldByKlarna(accountId, "brands", "brands");
    expect(texts(brands, "display_name")).toEqual([...BRANDS].sort());
    const groups = await heldByKlarna(accountId, "store-groups", "store_groups");
    expect(texts(groups, "store_group_reference")).toEqual(numbers(3).map((n) => `${reference}-group-${n}`));
    const stores = await heldByKlarna(accountId, "stores", "stores");
    expect(texts(stores, "store_reference")).toEqual(numbers(STORES).map(storeReference));
    for (const store of stores) {
      const n = Number(String(store["store_reference"]).slice(2));
      expect(JSON.stringify(store)).toContain(`"Street ${n}"`);
    }

    // Terminals are ours; Klarna hears of each with its payments.
    await olga.goto("/terminals");
    await expect(olga.getByText("900 terminals", { exact: true })).toBeVisible();
    await olga.goto("/terminals?q=T-321");
    const row = olga.getByRole("link", { name: /Till 321/ }).first();
    const terminalId = (await attributeOf(row, "href")).split("/").at(-1) ?? "";
    await olga.goto(`/take-payment?terminal=${terminalId}`);
    const amount = olga.getByLabel("Amount");
    await amount.fill("49.90");
    const [display] = await Promise.all([context.waitForEvent("page"), amount.press("Enter")]);
    const code = display.getByRole("img", { name: "QR code to pay with Klarna" });
    await expect(code).toBeVisible();
    let target = "";
    await expect
      .poll(async () => {
        target = (await scanQr(code)) ?? "";
        return target;
      })
      .not.toBe("");
    const customer = await phone(target);
    await customer.approve();
    await expect(olga.getByText("Completed", { exact: true })).toBeVisible();
    await olga.getByRole("link", { name: "Open the record" }).click();
    await expect(olga.getByText("Store 321").first()).toBeVisible();
    await expect(olga.getByText("Payment completed")).toBeVisible();
  } finally {
    await context.close();
  }
});
