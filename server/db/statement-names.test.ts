import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "../..");

it("a name stands for one prepared statement: a connection refuses the second text under the same name", () => {
  const places = new Map<string, string[]>();
  for (const file of globSync("{server,inngest}/**/*.ts", { cwd: ROOT, exclude: ["**/*.test.ts"] })) {
    const source = readFileSync(path.join(ROOT, file), "utf8");
    for (const [, name = ""] of source.matchAll(/\bname: "([a-z0-9_]+)",\s+text:/g))
      places.set(name, [...(places.get(name) ?? []), file]);
  }
  expect(places.size).toBeGreaterThan(100);
  expect([...places].filter(([, files]) => files.length > 1)).toEqual([]);
});
