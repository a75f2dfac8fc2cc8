import { globSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { readTable } from "@/server/testing/access-table";
import { cookieOf } from "@/server/testing/access-walk";
import { makeApiKey, makePartner } from "@/server/testing/builders";
import { dumpTexts } from "@/server/testing/instance-database";
import { plantFormulas, plantOnboarding } from "@/server/testing/planted";
import { expect, type Shop, test } from "./shop";

/* What must not come out again: secrets and people's data that were planted, and text that a spreadsheet would run. */

const ROOT = path.resolve(import.meta.dirname, "../..");
const TABLE = readTable();
/** Every list that is saved as a file; those of one record and the empty form of an import are not lists. */
const EXPORTS = TABLE.filter((entry) => entry.kind === "route" && /^GET \/(export\/|.*\/export$)/.test(entry.name)).map(
  (entry) => entry.name.replace("GET ", ""),
);
const PAGES = TABLE.filter((entry) => entry.kind === "page" && entry.roles !== null && entry.sample === null).map(
  (entry) => entry.name,
);

async function textOf(
  shop: Shop,
  address: string,
  cookie: string,
): Promise<{ status: number; type: string; text: string }> {
  const answer = await fetch(`${shop.demo.url}${address}`, { headers: { cookie }, redirect: "manual" });
  return { status: answer.status, type: answer.headers.get("content-type") ?? "", text: await answer.text() };
}

/** The cells of a file of comma separated values. */
function cellsOf(csv: string): string[] {
  return [...csv.replace(/^\ufeff/, "").matchAll(/"((?:[^"]|"")*)"|([^",\r\n]+)/g)].map((match) =>
    (match[1] ?? match[2] ?? "").replaceAll('""', '"'),
  );
}

test("S22: no list that is saved as a file holds a cell that a spreadsheet would run", async ({ shop, setUp }) => {
  const planted = await plantFormulas(setUp);
  const cookie = await cookieOf(setUp, "ACQUIRER_ADMIN");
  expect(EXPORTS.length).toBeGreaterThan(12);
  const found = new Set<string>();
  const wrong: string[] = [];
  for (const address of EXPORTS) {
    const { status, type, text } = await textOf(shop, address, cookie);
    expect([address, status, type]).toEqual([address, 200, expect.stringContaining("text/csv")]);
    for (const cell of cellsOf(text)) {
      if (/^[=+\-@\t\r\n|%]/.test(cell) && !/^-?\d+(\.\d+)?$/.test(cell)) wrong.push(`${address}: ${cell}`);
      if (planted.some((formula) => cell.includes(formula.trim()))) found.add(address);
    }
  }
  expect(wrong).toEqual([]);
  // The planted text did come through, as text: in these lists at the least.
  for (const address of [
    "/export/partners",
    "/export/stores",
    "/export/terminals",
    "/export/users",
    "/export/mails",
    "/export/alarms",
  ])
    expect([...found]).toContain(address);
});

test("S60, S61: people's data, bank accounts, keys and links are in no log, table, file, page or bundle", async ({
  shop,
  setUp,
}) => {
  test.setTimeout(360_000);
  const { partner } = await makePartner(setUp);
  const { key } = await makeApiKey(setUp, partner.id);
  const { canaries, partnerId } = await plantOnboarding(setUp);
  canaries.set("an API key", key);
  const admin = await cookieOf(setUp, "ACQUIRER_ADMIN");
  // Requests that are wrong and hold them all the same: the answer names the field, not what stood in it.
  const origin = new URL(shop.demo.url).origin;
  for (const body of [
    {
      json: {
        partner: partnerId,
        version: 1,
        section: { section: "entities", data: [{ reference: "x", payout: Object.fromEntries(canaries) }] },
      },
    },
    { json: { ...Object.fromEntries(canaries) } },
    {
      json: {
        partner: partnerId,
        version: 1,
        section: { section: "contact", data: { [canaries.get("a bank account") ?? ""]: "x" } },
      },
    },
  ]) {
    const answer = await fetch(`${shop.demo.url}/api/trpc/partners.draft.save`, {
      method: "POST",
      headers: { cookie: admin, origin, "sec-fetch-site": "same-origin", "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(400);
    const said = await answer.text();
    for (const [name, value] of canaries)
      if (name !== "a bank account") expect([name, said.includes(value)]).toEqual([name, false]);
  }
  for (const [, value] of canaries) {
    await fetch(`${shop.demo.url}/accept-invitation?token=${encodeURIComponent(value)}`);
    await fetch(`${shop.demo.url}/partners?q=${encodeURIComponent(value)}`, { headers: { cookie: admin } });
    await fetch(`${shop.demo.url}/api/v1/payments?reference=${encodeURIComponent(value)}`, {
      headers: { authorization: `Bearer ${value}` },
    });
  }

  const leaks = new Set<string>();
  const scan = (where: string, text: string): void => {
    for (const [name, value] of canaries) if (text.includes(value)) leaks.add(`${name} is in ${where}`);
  };
  const reader = await cookieOf(setUp, "READ_ONLY");
  // Those who may not fill drafts are shown nothing of it, on no page and in no file, but how many people stand behind an
  // entity; nobody is by a list.
  expect((await textOf(shop, `/partners/${partnerId}/company`, reader)).text).toContain("Owners and directors");
  for (const address of [
    ...PAGES,
    ...["", "/company", "/brands", "/klarna", "/lifecycle", "/people", "/settings", "/audit"].map(
      (part) => `/partners/${partnerId}${part}`,
    ),
  ])
    scan(`the page ${address} of a reader`, (await textOf(shop, address, reader)).text);
  for (const address of [...PAGES, ...EXPORTS])
    scan(`${address} of an admin`, (await textOf(shop, address, admin)).text);
  for (const file of readdirSync(path.join(shop.dataDir, "logs")))
    scan(`the log ${file}`, readFileSync(path.join(shop.dataDir, "logs", file), "utf8"));
  const dump = await dumpTexts(setUp.db);
  expect(dump.length).toBeGreaterThan(20);
  for (const { table, text } of dump) {
    scan(`the table ${table}`, text);
    for (const [name, value] of canaries)
      if (text.includes(Buffer.from(value, "utf8").toString("hex"))) leaks.add(`${name} is in ${table}, in hex`);
  }
  for (const file of globSync(".next/static/**/*.{js,json,css}", { cwd: ROOT }))
    scan(file, readFileSync(path.join(ROOT, file), "utf8"));
  expect([...leaks]).toEqual([]);
  expect(canaries.size).toBeGreaterThan(8);
});
