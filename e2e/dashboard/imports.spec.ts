import { readFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import { expect, expectAccessible, pathOf, test } from "../fixtures";

let count = 0;
const unique = (): string => `${Date.now().toString(36)}${process.pid}${++count}`;

const csv = (lines: readonly string[], name = "rows.csv") => ({
  name,
  mimeType: "text/csv",
  buffer: Buffer.from(lines.join("\n"), "utf8"),
});

/** Through the form, choices opened and taken by their names; who has one Partner only is not asked for whom it is. */
async function upload(page: Page, kind: string, file: ReturnType<typeof csv>, whose: RegExp | null): Promise<void> {
  await page.goto("/imports/new");
  await page.getByRole("combobox", { name: "What is in the file" }).click();
  await page.getByRole("option", { name: kind, exact: true }).click();
  if (whose !== null) {
    await page.getByRole("combobox", { name: "Partner" }).click();
    await page.getByRole("option", { name: whose }).click();
  }
  await page.locator("input[type=file]").setInputFiles(file);
  await page.getByRole("button", { name: "Upload" }).click();
}

/** The demo's terminals stand in this store. */
const terminalLines = (store: string, prefix: string, numbers: readonly number[]) => [
  "store,reference,label,device,qr",
  ...numbers.map((n) => `${store},${prefix}-${n},Till ${prefix} ${n},tablet,yes`),
];

test("a file of terminals: columns are guessed, rows are checked, only good ones are made, the rest comes back", async ({
  signedInAs,
  demo,
}) => {
  const page = await signedInAs("ACQUIRER_ADMIN");
  const prefix = unique();
  const good = Array.from({ length: 30 }, (_, at) => at + 1);
  const lines = [
    ...terminalLines(demo.store.reference, prefix, good),
    "nowhere,X-1,=1+1,tablet,yes",
    `${demo.store.reference},X-2,Till,spaceship,perhaps`,
  ];
  await upload(page, "Terminals", csv(lines), /Lindqvist/);
  await expect(page.getByRole("heading", { level: 1, name: "rows.csv" })).toBeVisible();
  await expect(page.getByRole("combobox", { name: "Can show a QR code" })).toContainText("qr");
  await expectAccessible(page);

  await page.getByRole("button", { name: "Check 32 rows" }).click();
  await expect(page.getByText("Nothing is made yet.")).toBeVisible();
  await expect(page.getByText("2 of 32 rows have errors and are left out")).toBeVisible();
  const rows = page.getByRole("table", { name: "Rows of the file" });
  await expect(rows.getByText("Store is not a store of this Partner")).toBeVisible();
  await expect(rows.getByText(/Device must be one of/)).toBeVisible();
  await expectAccessible(page);

  await page.getByRole("button", { name: "Import 30 terminals" }).click();
  await expect(page.getByText("30 terminals done, 2 rows left out")).toBeVisible();

  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Rows with errors" }).click();
  const text = readFileSync(await (await download).path(), "utf8");
  expect(text).toContain("Store is not a store of this Partner");
  // S22: a cell that a spreadsheet would run comes back as text.
  expect(text).toContain(`"'=1+1"`);
  expect(text.trim().split("\r\n")).toHaveLength(3);

  await page.goto(`/terminals?q=${prefix}`);
  await expect(page.getByText("30 terminals")).toBeVisible();
});

test("stores in a file with semicolons and umlauts of Windows are registered and found by their city", async ({
  signedInAs,
}) => {
  const page = await signedInAs("ACQUIRER_OPERATIONS");
  const prefix = unique();
  const text = [
    "Filiale;Name;Strasse;PLZ;Ort;Land;store_group",
    ...[1, 2, 3].map((n) => `${prefix}-${n};Möbel ${n};Gata ${n};1111${n};Åre-${prefix};SE;`),
  ].join("\r\n");
  await upload(page, "Stores", { ...csv([]), buffer: Buffer.from(text, "latin1") }, /Lindqvist/);
  await expect(page.getByText("Columns", { exact: true })).toBeVisible();
  await page.getByRole("combobox", { name: /Store group of rows that name none/ }).click();
  await page.getByRole("option").nth(1).click();
  await page.getByRole("button", { name: "Check 3 rows" }).click();
  await page.getByRole("button", { name: "Import 3 stores" }).click();
  await expect(page.getByText("3 stores done. The whole file is imported.")).toBeVisible();
  await page.goto(`/stores?q=${encodeURIComponent(`åre-${prefix}`)}`);
  await expect(page.getByText("3 stores")).toBeVisible();
  await expect(page.getByRole("cell", { name: "Möbel 2" })).toBeVisible();
});

test("S43: what is no table is refused with a sentence, and nothing is kept", async ({ signedInAs }) => {
  const page = await signedInAs("ACQUIRER_ADMIN");
  const name = `${unique()}.csv`;
  const file = { name, mimeType: "text/csv", buffer: Buffer.from("PK\u0003\u0004 a workbook") };
  await upload(page, "Terminals", file, /Lindqvist/);
  await expect(page.getByText("This is a spreadsheet or an archive. Save the sheet as CSV first.")).toBeVisible();
  await page.goto(`/imports?q=${name}`);
  await expect(page.getByText("No results")).toBeVisible();
  const large = await page.request.post(
    "/imports/upload?kind=TERMINALS&partner=ptn_01K0000000000000000000000A&name=a.csv",
    {
      headers: { "content-type": "text/csv", origin: new URL(page.url()).origin },
      data: Buffer.alloc(9_000_000, 97),
    },
  );
  expect(large.status()).toBe(413);
  const elsewhere = await page.request.post("/imports/upload?kind=PARTNERS&name=a.csv", {
    headers: { "content-type": "text/csv", origin: "https://elsewhere.example" },
    data: Buffer.from("reference,name\nA,B"),
  });
  expect(elsewhere.status()).toBe(403);
});

test("a Partner admin imports for the own Partner only; others have no imports at all", async ({
  signedInAs,
  demo,
}) => {
  const page = await signedInAs("PARTNER_ADMIN");
  const prefix = unique();
  await upload(page, "Terminals", csv(terminalLines(demo.store.reference, prefix, [1, 2])), null);
  await page.getByRole("button", { name: "Check 2 rows" }).click();
  await page.getByRole("button", { name: "Import 2 terminals" }).click();
  await expect(page.getByText("2 terminals done. The whole file is imported.")).toBeVisible();
  const pathname = await pathOf(page, /\/imports\/[^/]+_/);
  const staff = await signedInAs("PARTNER_STAFF");
  for (const path of ["/imports", "/imports/new", pathname]) {
    await staff.goto(path);
    await expect(staff.getByText("Nothing here")).toBeVisible();
  }
  expect((await staff.request.get(`${pathname}/rows`)).status()).toBe(403);
});
