import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Demo, loadSecrets, makeDataDir, readDemo, writeDemo } from "./settings";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "tillgate-settings-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const DEMO: Demo = {
  url: "http://localhost:3000",
  simulator: { url: "http://localhost:4010", api_key: "k", partner_account_id: "krn:x" },
  api_key: "tg_test_x",
  currency: "SEK",
  store: { id: "sto_1", reference: "S1" },
  terminal: { id: "ter_1", reference: "T1" },
  users: [],
};

it("demo.json is written whole, for its owner only, and one that was cut short counts as lost", () => {
  expect(readDemo(folder)).toBeUndefined();
  writeDemo(folder, DEMO);
  expect(readDemo(folder)).toEqual(DEMO);
  expect(readdirSync(folder)).toEqual(["demo.json"]);
  expect(statSync(path.join(folder, "demo.json")).mode & 0o777).toBe(0o600);
  writeFileSync(path.join(folder, "demo.json"), JSON.stringify(DEMO).slice(0, 50));
  expect(readDemo(folder)).toBeUndefined();
});

it("secrets are made once, and a file of them that cannot be read is never replaced", () => {
  const dataDir = path.join(folder, "data");
  const secrets = loadSecrets(dataDir);
  expect(loadSecrets(dataDir)).toEqual(secrets);
  writeFileSync(path.join(dataDir, "secrets.json"), "{");
  expect(() => loadSecrets(dataDir)).toThrow(/secrets\.json cannot be read/);
});

it("a data folder that cannot be made says so in a sentence", () => {
  writeFileSync(path.join(folder, "file"), "");
  expect(() => makeDataDir(path.join(folder, "file", "data"))).toThrow(
    /^The data folder .* cannot be used: .*DATA_DIR/,
  );
});
