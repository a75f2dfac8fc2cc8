import { execFile } from "node:child_process";
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { z } from "zod";
import { biomeOverrides, isLayerOverride, LAYERS, layerOf, mayImport, readBiome } from "./layers";

const ROOT = path.resolve(import.meta.dirname, "../..");

const ReportSchema = z.object({
  diagnostics: z.array(z.object({ category: z.string(), location: z.object({ path: z.string() }) })),
});

type Diagnostic = z.infer<typeof ReportSchema>["diagnostics"][number];
const isImport = (diagnostic: Diagnostic) => diagnostic.category === "lint/style/noRestrictedImports";

/** Lints files with these contents as if they stood in the tree; returns the files with a forbidden import. */
async function lintImports(files: Record<string, string>): Promise<string[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "tillgate-layers-"));
  try {
    for (const file of ["biome.json", "read-once.grit"])
      cpSync(path.join(ROOT, "server/tooling", file), path.join(folder, "config", file));
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), content);
    }
    const biome = path.join(ROOT, "node_modules/@biomejs/biome/bin/biome");
    const args = [
      biome,
      "lint",
      "--config-path=config",
      "--reporter=json",
      "--max-diagnostics=none",
      ...Object.keys(files),
    ];
    const output = await promisify(execFile)(process.execPath, args, { cwd: folder }).catch(
      (error: { stdout?: string }) => ({ stdout: error.stdout ?? "" }),
    );
    const report = ReportSchema.parse(
      JSON.parse(output.stdout.split("\n").find((line) => line.startsWith("{")) ?? "{}"),
    );
    return [...new Set(report.diagnostics.filter(isImport).map((diagnostic) => diagnostic.location.path))].sort();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const statement = (address: string) => `import { thing } from "${address}";\nexport const use = thing;\n`;

const FORBIDDEN: [string, string][] = [
  ["server/core/a.ts", "@/server/db/client"],
  ["server/core/b.ts", "react"],
  ["server/core/c.ts", "../db/client"],
  ["server/env.ts", "@/server/db/client"],
  ["server/observability/a.ts", "@/server/domain/payments/service"],
  ["server/db/a.ts", "@/server/domain/payments/service"],
  ["server/events/a.ts", "@/server/domain/payments/service"],
  ["server/klarna/a.ts", "@/server/domain/payments/service"],
  ["server/klarna/b.ts", "next/headers"],
  ["server/domain/payments/a.ts", "@/server/domain/partners/repository"],
  ["server/domain/payments/b.ts", "../partners/service"],
  ["server/domain/payments/c.ts", "@/server/rest/endpoint"],
  ["server/domain/payments/d.ts", "react"],
  ["server/domain/payments/e.ts", "@/server/simulator/app"],
  ["server/domain/partners/a.ts", "@/server/domain/payments/service"],
  ["server/domain/stores/a.ts", "@/server/domain/payments/service"],
  ["server/domain/terminals/a.ts", "@/server/domain/disputes/service"],
  ["server/domain/imports/a.ts", "@/server/domain/payments/service"],
  ["server/domain/imports/b.ts", "@/server/domain/stores/repository"],
  ["server/domain/bulk/a.ts", "@/server/domain/payments/repository"],
  ["server/domain/classic/a.ts", "@/server/domain/payments/service"],
  ["server/domain/views/a.ts", "@/server/domain/stores/service"],
  ["server/domain/audit/a.ts", "@/server/domain/payments/service"],
  ["server/domain/webhooks/a.ts", "inngest"],
  ["server/domain/overview/a.ts", "@/server/domain/payments/repository"],
  ["server/domain/counter/a.ts", "@/server/domain/payments/repository"],
  ["server/domain/invariants.ts", "@/server/domain/payments/repository"],
  ["server/auth/a.ts", "@/server/rest/endpoint"],
  ["server/auth/b.ts", "@/server/domain/people/repository"],
  ["server/domain/approvals/a.ts", "@/server/domain/payments/service"],
  ["server/domain/people/a.ts", "@/server/auth/sessions"],
  ["server/domain/decisions/a.ts", "@/server/domain/payments/repository"],
  ["server/domain/inbox/a.ts", "@/server/domain/payments/repository"],
  ["server/domain/engine/a.ts", "@/inngest/engine/inspect"],
  ["server/domain/credentials/a.ts", "@/server/domain/payments/service"],
  ["server/domain/portal/a.ts", "@/server/domain/payments/service"],
  ["server/domain/encryption/a.ts", "@/server/domain/payments/service"],
  ["server/domain/mail/a.ts", "@/server/domain/payments/service"],
  ["server/context.ts", "@/server/domain/payments/service"],
  ["server/trpc/routers/a.ts", "@/server/klarna/client"],
  ["server/trpc/routers/b.ts", "@/server/domain/payments/repository"],
  ["server/rest/v1/a.ts", "@/server/klarna/client"],
  ["server/rest/v1/b.ts", "@/server/db/client"],
  ["server/ingress/a.ts", "@/server/domain/payments/service"],
  ["server/gateway/a.ts", "@/server/domain/payments/service"],
  ["server/gateway/b.ts", "next"],
  ["inngest/functions/a.ts", "@/server/db/client"],
  ["inngest/functions/b.ts", "@/server/rest/endpoint"],
  ["inngest/engine/a.ts", "@/server/domain/payments/service"],
  ["server/simulator/a.ts", "@/server/klarna/client"],
  ["server/simulator/pages/a.ts", "@/server/core/money"],
  ["components/a.tsx", "@/server/db/client"],
  ["components/b.tsx", "@/server/domain/payments/service"],
  ["app/(dashboard)/payments/page.tsx", "@/server/domain/payments/repository"],
  ["app/api/v1/route.ts", "@/server/db/client"],
  ["app/page.tsx", "@/server/simulator/app"],
  ["app/(dashboard)/stores/page.tsx", "../../../server/db/client"],
  ["app/layout.tsx", "../components/shell/shell"],
  ["server/auth/web.ts", "@/inngest/client"],
  ["e2e/a.spec.ts", "@/server/db/client"],
];

const ALLOWED: [string, string][] = [
  ["server/rest/idempotency.ts", "@/server/db/client"],
  ["server/rest/v1/ok.ts", "../endpoint"],
  ["server/domain/payments/ok.ts", "@/server/domain/partners/service"],
  ["server/domain/payments/ok2.ts", "./repository"],
  ["server/domain/payments/ok.int.test.ts", "@/server/simulator/app"],
  ["server/simulator/pages/ok.ts", "../simulator"],
  ["server/boot/ok.ts", "@/prisma/migrate"],
  ["inngest/engine/ok.ts", "@/server/db/client"],
  ["components/ok.tsx", "@/server/domain/payments/schema"],
  ["components/ok.tsx", "@/server/domain/partners/schema-account"],
  ["app/ok.tsx", "@/components/ui/button"],
  ["app/(dashboard)/stores/[id]/page.tsx", "../../payments/columns"],
];

it("S65: the linter reports a forbidden import in every layer, and no allowed one", async () => {
  const files = Object.fromEntries([...FORBIDDEN, ...ALLOWED].map(([file, address]) => [file, statement(address)]));
  expect(await lintImports(files)).toEqual(FORBIDDEN.map(([file]) => file).sort());
  const tried = FORBIDDEN.map(([file]) => layerOf(file));
  const untried = LAYERS.filter((layer) => !layer.may.includes("**") && !tried.includes(layer));
  const expected = ["tokens", "subscriptions", "settlements", "disputes", "compliance"].map(
    (name) => `server/domain/${name}`,
  );
  expect(untried.flatMap((layer) => layer.files).sort()).toEqual([...expected, "server/rest/idempotency.ts"].sort());
});

it("the linter's settings are the table of layers", () => {
  expect(readBiome().overrides.filter(isLayerOverride)).toEqual(JSON.parse(JSON.stringify(biomeOverrides())));
});

it("no file of the tree imports past the table, by whatever address", () => {
  const files = globSync("{app,components,inngest,e2e,prisma,server}/**/*.{ts,tsx}", { cwd: ROOT }).filter(
    (file) => !file.startsWith("server/db/generated/"),
  );
  const violations: string[] = [];
  for (const file of files) {
    const source = readFileSync(path.join(ROOT, file), "utf8");
    for (const [, address = ""] of source.matchAll(/\b(?:from|import)\s*\(?\s*"((?:@\/|\.)[^"]+)"/g)) {
      const target = address.startsWith("@/") ? address.slice(2) : path.join(path.dirname(file), address);
      if (!mayImport(file, target)) violations.push(`${file} imports ${target}`);
    }
  }
  expect(violations).toEqual([]);
});
