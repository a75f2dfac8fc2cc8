import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "../..");

const REFUSED = [
  'const text = await page.getByRole("status").textContent();',
  'const href = (await page.locator("a").getAttribute("href")) ?? "";',
  "expect(await rows.count()).toBe(2);",
  "if (await dialog.isVisible()) press();",
  "for (const row of await rows.all()) press(row);",
  "await page.waitForTimeout(500);",
  'await page.waitForLoadState("networkidle");',
];
const ALLOWED = [
  "await expect(rows).toHaveCount(2);",
  "await expect.poll(async () => (await box.boundingBox())?.y).toBe(3);",
  'await expect.poll(async () => {\n  await page.goto("/");\n  return rows.count();\n}).toBe(3);',
  "await expect(async () => {\n  expect(await rows.count()).toBe(1);\n}).toPass();",
  'const title = page.evaluate(() => document.body.getAttribute("title"));',
  "await Promise.all([one, two]);",
];

it("what a browser test reads of a page only once is refused, what is asked again is not", async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "tillgate-read-once-"));
  try {
    for (const file of ["biome.json", "read-once.grit"])
      cpSync(path.join(ROOT, "server/tooling", file), path.join(folder, "config", file));
    mkdirSync(path.join(folder, "e2e"));
    const files = [...REFUSED, ...ALLOWED].map((line, at) => {
      const name = `e2e/${String(at).padStart(2, "0")}.spec.ts`;
      writeFileSync(path.join(folder, name), `${line}\n`);
      return name;
    });
    const biome = path.join(ROOT, "node_modules/@biomejs/biome/bin/biome");
    const args = [biome, "lint", "--config-path=config", "--max-diagnostics=none", ...files];
    const said = await promisify(execFile)(process.execPath, args, { cwd: folder }).then(
      ({ stdout, stderr }) => `${stdout}${stderr}`,
      (error: { stdout?: string; stderr?: string }) => `${error.stdout ?? ""}${error.stderr ?? ""}`,
    );
    const refused = [...said.matchAll(/^(e2e\/\d\d\.spec\.ts):\d+:\d+ plugin /gm)].map((match) => match[1]);
    expect([...new Set(refused)].sort()).toEqual(files.slice(0, REFUSED.length));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
