import { readFileSync } from "node:fs";
import { expect, expectAccessible, test } from "../fixtures";

const name = (): string => `View ${Date.now().toString(36)}${process.pid}`;

test("a view keeps filter and columns under a name, is shared with colleagues, and goes away again", async ({
  signedInAs,
}) => {
  const page = await signedInAs("ACQUIRER_ADMIN");
  const view = name();
  await page.goto("/stores?type=WEBSITE");
  await page.getByRole("button", { name: "Columns" }).click();
  await page.getByRole("menuitemcheckbox", { name: "Brand" }).click();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("columnheader", { name: "Brand" })).toBeVisible();
  await page.getByRole("button", { name: "Views" }).click();
  await page.getByRole("menuitem", { name: "Save this view…" }).click();
  await page.getByLabel("Name").fill(view);
  await page.getByRole("switch", { name: "Share with colleagues" }).click();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Save view" }).click();
  await expect(page.getByText("The view is saved.", { exact: true })).toBeVisible();

  const colleague = await signedInAs("READ_ONLY");
  await colleague.goto("/stores");
  await expect(colleague.getByRole("table", { name: "Stores" }).getByRole("row").nth(1)).toBeVisible();
  await expect(colleague.getByRole("columnheader", { name: "Brand" })).toHaveCount(0);
  await colleague.getByRole("button", { name: "Views" }).click();
  await colleague.getByRole("menuitem", { name: new RegExp(view) }).click();
  await expect(colleague).toHaveURL(/type=WEBSITE/);
  await expect(colleague.getByRole("columnheader", { name: "Brand" })).toBeVisible();

  const partner = await signedInAs("PARTNER_ADMIN");
  await partner.goto("/stores");
  await partner.getByRole("button", { name: "Views" }).click();
  await expect(partner.getByText("Saved views")).toBeVisible();
  await expect(partner.getByRole("menu").getByText("Loading")).toHaveCount(0);
  await expect(partner.getByRole("menuitem", { name: new RegExp(view) })).toHaveCount(0);

  await page.getByRole("button", { name: "Views" }).click();
  await page.getByRole("menuitem", { name: "Manage views…" }).click();
  await page.getByRole("button", { name: `Delete ${view}` }).click();
  await expect(page.getByRole("button", { name: `Delete ${view}` })).toHaveCount(0);
});

test("S22: a list is saved as a file with the filter of its address, all of its rows and no formulas", async ({
  signedInAs,
}) => {
  const page = await signedInAs("ACQUIRER_ADMIN");
  await page.goto("/terminals?device=CARD_TERMINAL&size=25");
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Export" }).click();
  const text = readFileSync(await (await download).path(), "utf8");
  const [head, ...lines] = text
    .replace(/^\uFEFF/, "")
    .trim()
    .split("\r\n");
  expect(head?.split(",").slice(0, 4)).toEqual(["terminal_id", "store", "store_name", "reference"]);
  expect(lines.length).toBeGreaterThan(1);
  expect(lines.every((line) => line.includes("card_terminal"))).toBe(true);
  expect(lines.filter((line) => /(^|,)"?[=+@\t]/.test(line))).toEqual([]);
});

test("who may not see a list cannot save it as a file either", async ({ signedInAs }) => {
  const staff = await signedInAs("PARTNER_STAFF");
  for (const list of ["partners", "users", "mails", "imports", "alarms", "klarna-events", "webhook-endpoints"]) {
    expect((await staff.request.get(`/export/${list}`)).status(), list).toBe(403);
  }
  expect((await staff.request.get("/export/nothing")).status()).toBe(404);
  const own = await (await staff.request.get("/export/stores")).text();
  expect(own).toContain("Lindqvist");
  expect(new Set(own.match(/ptn_[0-9A-Z]{26}/g)).size).toBe(1);
});
