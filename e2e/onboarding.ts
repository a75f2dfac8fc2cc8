import { readFileSync } from "node:fs";
import path from "node:path";
import type { Locator, Page } from "@playwright/test";
import { z } from "zod";
import { expect, pathOf } from "./fixtures";

/* What the browser tests of onboarding share: fields, files, and Klarna's own view through its management API. */

/** A field of the draft by its path, as the jumps of the wizard use it. */
export const field = (page: Page, at: string): Locator => page.locator(`[data-path="${at}"]`);

export async function fillAll(page: Page, values: Readonly<Record<string, string>>): Promise<void> {
  for (const [at, text] of Object.entries(values)) await field(page, at).fill(text);
}

/** Chooses in the select at a path. */
export async function chooseAt(page: Page, at: string, option: string | RegExp): Promise<void> {
  await field(page, at).getByRole("combobox").click();
  await page.getByRole("option", { name: option }).first().click();
}

export async function saved(page: Page): Promise<void> {
  await expect(page.getByText("All saved")).toBeVisible();
}

export async function toStep(page: Page, name: string): Promise<void> {
  await page.getByRole("navigation", { name: "Steps of the onboarding" }).getByRole("button", { name }).click();
  await expect(page.getByRole("heading", { level: 2, name })).toBeVisible();
}

/** Begins a draft; answers the Partner's id. */
export async function beginDraft(page: Page, name: string, reference: string): Promise<string> {
  await page.goto("/partners");
  await page.getByRole("link", { name: "Onboard a Partner" }).click();
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Reference").fill(reference);
  await page.getByRole("combobox", { name: "Country" }).click();
  await page.getByRole("option", { name: "Germany" }).click();
  await page.getByRole("combobox", { name: "Currency" }).click();
  await page.getByRole("option", { name: "EUR" }).click();
  await page.getByRole("button", { name: "Begin the draft" }).click();
  return (await pathOf(page, /\/partners\/ptn_[^/]+\/onboarding/)).split("/")[2] ?? "";
}

export type EntityText = { name: string; number: string; tax: string; owner: [given: string, family: string] };

/** Adds a legal entity at the end and fills what is required and more. */
export async function addEntity(page: Page, index: number, entity: EntityText): Promise<void> {
  await page.getByRole("button", { name: "Add a legal entity" }).click();
  const at = `entities.${index}`;
  await fillAll(page, {
    [`${at}.legalName`]: entity.name,
    [`${at}.registrationNumber`]: entity.number,
    [`${at}.taxNumber`]: entity.tax,
    [`${at}.address.street_address`]: "Torstrasse 12",
    [`${at}.address.postal_code`]: "10119",
    [`${at}.address.city`]: "Berlin",
  });
  await chooseAt(page, `${at}.entityType`, "Limited liability company");
  await page.locator("details").nth(index).getByRole("button", { name: "Add a person" }).click();
  await fillAll(page, {
    [`${at}.stakeholders.0.given_name`]: entity.owner[0],
    [`${at}.stakeholders.0.family_name`]: entity.owner[1],
    [`${at}.stakeholders.0.date_of_birth`]: "1980-12-31",
    [`${at}.payout.bank_accounts.0.iban`]: "DE89 3704 0044 0532 0130 00",
    [`${at}.payout.bank_accounts.0.holder`]: entity.name,
  });
}

export async function addBrand(page: Page, index: number, name: string): Promise<void> {
  await page.getByRole("button", { name: "Add a brand" }).click();
  await fillAll(page, {
    [`brands.${index}.name`]: name,
    [`brands.${index}.website`]: `https://${name.toLowerCase()}.example`,
    [`brands.${index}.logoUrl`]: `https://static.example/${name.toLowerCase()}.png`,
  });
}

export async function addGroup(page: Page, index: number, name: string, brand: string): Promise<void> {
  await page.getByRole("button", { name: "Add a store group" }).click();
  await fillAll(page, {
    [`storeGroups.${index}.name`]: name,
    [`storeGroups.${index}.supportEmail`]: `help@${brand.toLowerCase()}.example`,
  });
  await chooseAt(page, `storeGroups.${index}.brand`, brand);
}

/** Prices and settlement, which the acquirer chooses: one payment account for each entity. */
export async function choosePrices(page: Page, entities: number): Promise<void> {
  await toStep(page, "Prices and settlement");
  await chooseAt(page, "payments.paymentProfileId", /./);
  for (let index = 0; index < entities; index += 1) {
    await page.getByRole("button", { name: "Add a payment account" }).click();
    const at = `payments.paymentAccounts.${index}`;
    await chooseAt(page, `${at}.acquiringAccountId`, /./);
    await field(page, `${at}.categoryCode`).fill("5992");
  }
  await saved(page);
}

/** The file through the panel that shows; waits until all of it is imported. */
export async function importFile(
  page: Page,
  file: { name: string; lines: readonly string[] },
  count: number,
  noun: string,
): Promise<void> {
  await page
    .locator("input[type=file]")
    .setInputFiles({ name: file.name, mimeType: "text/csv", buffer: Buffer.from(file.lines.join("\n"), "utf8") });
  await page.getByRole("button", { name: "Upload" }).click();
  await page.getByRole("button", { name: `Check ${count} rows` }).click();
  await page.getByRole("button", { name: `Import ${count} ${noun}` }).click();
  await expect(page.getByText(`${count} ${noun} done. The whole file is imported.`)).toBeVisible({ timeout: 60_000 });
}

// --- Klarna's side ---

const DemoSchema = z.object({ simulator: z.object({ url: z.string(), api_key: z.string() }) });

function simulator(): { url: string; api_key: string } {
  const file = path.join(process.env["E2E_DATA_DIR"] ?? "", "demo.json");
  return DemoSchema.parse(JSON.parse(readFileSync(file, "utf8"))).simulator;
}

const PageSchema = z.looseObject({ pagination: z.looseObject({ last_item: z.string().nullish() }).optional() });
const RowsSchema = z.array(z.record(z.string(), z.unknown()));

/** Everything of one collection of an account, through Klarna's management API, page by page. */
export async function heldByKlarna(
  accountId: string,
  collection: string,
  key: string,
): Promise<Record<string, unknown>[]> {
  const { url, api_key } = simulator();
  const all: Record<string, unknown>[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const target = new URL(`/v2/accounts/${encodeURIComponent(accountId)}/${collection}`, url);
    target.searchParams.set("size", "100");
    if (after !== undefined) target.searchParams.set("starting_after", after);
    const answer = await fetch(target, { headers: { authorization: `Basic ${api_key}` } });
    if (!answer.ok) throw new Error(`${target.pathname}: ${answer.status} ${await answer.text()}`);
    const body = PageSchema.parse(await answer.json());
    const rows = RowsSchema.parse(body[key]);
    all.push(...rows);
    after = rows.length === 0 ? null : (body.pagination?.last_item ?? null);
  }
  return all;
}

/** Klarna's next step with an account at once: what takes it minutes. */
export async function hurryKlarna(accountId: string): Promise<void> {
  const { url } = simulator();
  await fetch(`${url}/_control/steps/now`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ account: accountId, kind: "account_operational" }),
  });
}
