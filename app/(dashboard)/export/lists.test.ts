import { globSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const read = (file: string): string => readFileSync(file, "utf8");

/** Lists whose rows are not kept by us: the engine's runs. */
const WITHOUT = ["app/(dashboard)/system/runs/runs-list.tsx"];

it("every list can be exported, and every address of an export is served", () => {
  const lists = globSync("app/(dashboard)/**/*.tsx").filter((file) => read(file).includes("<DataTable"));
  expect(lists.length).toBeGreaterThan(14);
  const known = new Set(
    [...read("app/(dashboard)/export/lists.ts").matchAll(/^ {4}"([a-z-]+)",$/gm)].map((match) => match[1]),
  );
  const routes = new Set(
    globSync("app/(dashboard)/**/export/route.ts").map(
      (file) => `/${file.replace("app/(dashboard)/", "").replace("/route.ts", "")}`,
    ),
  );
  for (const file of lists) {
    const address = /exportPath(?:=|: )"([^"]+)"/.exec(read(file))?.[1];
    if (WITHOUT.includes(file)) continue;
    expect(address, file).toBeDefined();
    const list = /^\/export\/(.+)$/.exec(address ?? "")?.[1];
    expect(list === undefined ? routes.has(address ?? "") : known.has(list), `${file}: ${address}`).toBe(true);
  }
});
