import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** What one part of the tree may import of ours. Its own files are always allowed. */
export interface Layer {
  /** Folders or files, from the root. */
  files: string[];
  /** Addresses below `@/`, with `*` for one step and `**` for any number. */
  may: string[];
  /** Packages that have no place here. */
  neverPackages?: string[];
  /** A tree of many levels, where `../../` may well stay inside: only what names another area is refused. */
  isDeep?: boolean;
  /** One folder without parts: even `../` leaves it. */
  isFlat?: boolean;
}

const SCREENS = ["next", "next/**", "react", "react/**", "react-dom", "react-dom/**"];
const CORE = "server/core/**";
const LOG = "server/observability/**";
/** A large `schema` is several files: `schema-<topic>`. */
const DOORS = ["service", "schema", "schema-*", "states"];

const doorsOf = (modules: string[]) => modules.flatMap((name) => DOORS.map((door) => `server/domain/${name}/${door}`));

/** Which modules a module may know: one way only. The other direction is an event. */
export const MODULES: Readonly<Record<string, readonly string[]>> = {
  audit: [],
  mail: ["audit"],
  approvals: ["audit", "mail"],
  people: ["audit", "mail", "partners"],
  partners: ["audit", "approvals", "mail", "webhooks"],
  stores: ["audit", "partners"],
  terminals: ["audit", "partners", "stores"],
  webhooks: ["audit", "mail", "payments"],
  // A Partner's credentials at Klarna's classic interface.
  classic: ["audit"],
  payments: ["audit", "approvals", "classic", "partners", "stores", "terminals", "tokens"],
  // Carries out what was approved: the one place that knows every kind of it.
  decisions: ["audit", "approvals", "payments", "partners"],
  tokens: ["audit", "partners"],
  subscriptions: ["audit", "partners", "payments", "tokens"],
  settlements: ["audit", "partners", "payments"],
  disputes: ["audit", "partners", "payments"],
  compliance: ["audit", "partners"],
  // Rows of files become Partners, stores and terminals.
  imports: ["audit", "partners", "stores", "terminals"],
  // Captures and refunds of many payments.
  bulk: ["audit", "approvals", "payments"],
  // Our keys to Klarna, and the way into its portal.
  credentials: ["audit"],
  portal: ["audit", "credentials", "mail", "partners"],
  // Lists that somebody named.
  views: ["audit"],
  // What Klarna tells us goes from here to the module that it is about.
  inbox: ["audit", "partners", "payments"],
  engine: ["audit"],
  // Keys of what is stored encrypted.
  encryption: [],
  // The till and the kiosk in a browser.
  counter: ["audit", "partners", "payments", "terminals"],
  overview: ["audit", "approvals", "credentials", "inbox", "partners", "stores", "terminals", "payments", "webhooks"],
};

/** Doors for writing many at once. */
const EXTRA_DOORS: Readonly<Record<string, readonly string[]>> = {
  imports: ["server/domain/stores/bulk", "server/domain/terminals/bulk"],
  // The reader of files, whatever they are for.
  bulk: ["server/domain/imports/csv"],
};

const DOMAIN_MAY = [
  ...[CORE, LOG, "server/db/**", "server/events/**", "server/klarna/**", "server/auth/permissions"],
  ...["server/context", "server/domain/invariants"],
];

/** The table of layers, in the order from the ground up. */
export const LAYERS: readonly Layer[] = [
  { files: ["server/core"], may: [], neverPackages: [...SCREENS, "pg", "node:*"], isFlat: true },
  { files: ["server/env.ts"], may: [CORE], neverPackages: SCREENS },
  { files: ["server/observability"], may: [CORE, "server/env"], neverPackages: SCREENS, isFlat: true },
  { files: ["server/db"], may: [CORE, "server/env", LOG], neverPackages: SCREENS, isFlat: true },
  { files: ["server/events"], may: [CORE, "server/db/**", LOG], neverPackages: SCREENS, isFlat: true },
  { files: ["server/klarna"], may: [CORE, "server/env", LOG, "server/db/**"], neverPackages: SCREENS, isFlat: true },
  {
    files: ["server/context.ts"],
    may: [
      CORE,
      "server/env",
      "server/db/**",
      LOG,
      "server/klarna/**",
      "server/auth/permissions",
      "server/events/nudge",
    ],
    neverPackages: SCREENS,
  },
  {
    files: ["server/auth"],
    may: [
      CORE,
      "server/db/**",
      "server/env",
      LOG,
      "server/context",
      ...doorsOf(["audit", "mail", "approvals", "people"]),
    ],
    neverPackages: ["@trpc/**"],
    isFlat: true,
  },
  {
    // Where the web process puts its services together, so it also names how background work is told.
    files: ["server/auth/web.ts"],
    may: [CORE, "server/env", LOG, "server/context", "server/auth/**"],
    neverPackages: ["@trpc/**"],
    isFlat: true,
  },
  {
    files: ["server/domain/invariants.ts"],
    may: [CORE, "server/db/**", LOG, "server/context"],
    neverPackages: SCREENS,
  },
  ...Object.entries(MODULES).map(([name, others]) => ({
    files: [`server/domain/${name}`],
    // An invitation is a link that lets someone in: those are made in one place.
    may: [
      ...DOMAIN_MAY,
      ...doorsOf([...others]),
      ...(name === "people" ? ["server/auth/one-time-links"] : []),
      ...(EXTRA_DOORS[name] ?? []),
    ],
    neverPackages: [...SCREENS, "@trpc/**", "inngest", "inngest/**"],
    isFlat: true,
  })),
  {
    files: ["server/ingress"],
    may: [
      CORE,
      LOG,
      "server/events/**",
      "server/klarna/webhook-signature",
      "server/klarna/wire",
      "server/db/**",
      "server/context",
      "server/env",
    ],
    neverPackages: SCREENS,
    isFlat: true,
  },
  {
    files: ["server/rest"],
    may: [CORE, LOG, ...doorsOf(["*"]), "server/auth/**", "server/context", "server/env", "server/events/catalog"],
    neverPackages: SCREENS,
  },
  {
    files: ["server/rest/idempotency.ts"],
    may: [CORE, LOG, "server/db/**", "server/context", "server/env"],
    neverPackages: SCREENS,
  },
  {
    files: ["server/trpc"],
    may: [CORE, LOG, ...doorsOf(["*"]), "server/domain/invariants", "server/auth/**", "server/context", "server/env"],
  },
  {
    files: ["server/gateway"],
    may: [CORE, LOG, "server/rest/**", "server/ingress/**", "server/events/watch", "server/context", "server/env"],
    neverPackages: SCREENS,
    isFlat: true,
  },
  { files: ["server/simulator"], may: [], neverPackages: SCREENS },
  { files: ["server/boot", "server/testing", "server/tooling", "prisma"], may: ["**"] },
  {
    files: ["inngest"],
    may: [CORE, LOG, ...doorsOf(["*"]), "server/domain/invariants", "server/events/**", "server/context", "server/env"],
    neverPackages: SCREENS,
  },
  {
    files: ["inngest/engine"],
    may: [CORE, LOG, "server/env", "server/db/**", "inngest/index", "inngest/client"],
    neverPackages: SCREENS,
    isFlat: true,
  },
  {
    files: ["components"],
    may: [
      ...[CORE, "server/domain/*/schema", "server/domain/*/schema-*", "server/domain/*/states"],
      ...["server/auth/permissions", "server/trpc/root"],
    ],
  },
  {
    files: ["app"],
    isDeep: true,
    may: [
      ...[CORE, LOG, "components/**", "server/trpc/**", "server/rest/**", "server/ingress/**", "server/auth/**"],
      ...[...doorsOf(["*"]), "server/context", "server/env", "inngest/client", "inngest/index"],
    ],
  },
  { files: ["e2e"], may: ["server/testing/**"] },
];

/** Every part of the tree that a relative address could reach around the table. */
const AREAS = [
  ...["core", "db", "observability", "auth", "events", "domain", "klarna", "ingress", "gateway", "simulator"],
  ...[
    "trpc",
    "rest",
    "boot",
    "testing",
    "tooling",
    "env",
    "context",
    "server",
    "app",
    "components",
    "inngest",
    "prisma",
  ],
];

const own = (file: string) => (file.endsWith(".ts") ? [file.replace(/\.ts$/, "")] : [`${file}/**`]);

/** The layer of a file: the one that names it most closely. Tests stand above the layers: they may set up with anything. */
export function layerOf(file: string): Layer | undefined {
  if (/\.test\.tsx?$/.test(file)) return undefined;
  const matches = LAYERS.flatMap((layer) => layer.files.map((part) => ({ layer, part }))).filter(
    ({ part }) => file === part || file.startsWith(`${part}/`),
  );
  return matches.sort((a, b) => b.part.length - a.part.length)[0]?.layer;
}

function matchesGlob(pattern: string, address: string): boolean {
  const source = pattern
    .split("/")
    .map((step) => (step === "**" ? ".*" : step.replaceAll(".", "\\.").replaceAll("*", "[^/]*")))
    .join("/")
    .replaceAll("/.*", "(/.*)?");
  return new RegExp(`^${source}$`).test(address);
}

/** Whether the file may import this file of ours (both from the root). */
export function mayImport(file: string, target: string): boolean {
  const layer = layerOf(file);
  if (!layer) return true;
  const address = target.replace(/\.(tsx?|mjs)$/, "");
  return [...layer.may, ...layer.files.flatMap(own)].some((pattern) => matchesGlob(pattern, address));
}

interface ImportPattern {
  group: string[];
  message: string;
}

const TOPS = ["server", "components", "inngest", "prisma", "e2e"];

function relativeEscapes(layer: Layer): string[] {
  if (layer.isFlat) return ["../**"];
  if (layer.isDeep) return TOPS.flatMap((top) => [`../${top}/**`, `../**/${top}/**`]);
  const areas = AREAS.filter((area) => !layer.files.includes(`server/${area}`));
  return ["../../**", ...areas.flatMap((area) => [`../${area}`, `../${area}/**`])];
}

function patternsOf(layer: Layer): ImportPattern[] {
  const allowed = [...layer.may, ...layer.files.flatMap(own)];
  const patterns: ImportPattern[] = [];
  if (!allowed.includes("**")) {
    patterns.push({
      group: ["@/**", ...allowed.map((address) => `!@/${address}`)],
      message: `The layers do not allow this import in ${layer.files.join(", ")} (server/tooling/layers.ts).`,
    });
  }
  if (layer.neverPackages) {
    patterns.push({ group: layer.neverPackages, message: `This package has no place in ${layer.files.join(", ")}.` });
  }
  patterns.push({
    group: relativeEscapes(layer),
    message: "Imports of another area go by @/, so that the layers can be checked.",
  });
  return patterns;
}

/** The part of biome.json that enforces the table; a later entry wins over an earlier one for the same file. */
export function biomeOverrides(): object[] {
  const tests = {
    includes: ["**/*.test.ts", "**/*.test.tsx"],
    linter: { rules: { style: { noRestrictedImports: "off" } } },
  };
  const layers = LAYERS.map((layer) => ({
    includes: layer.files.map((file) => (file.endsWith(".ts") ? file : `${file}/**`)),
    linter: {
      rules: { style: { noRestrictedImports: { level: "error", options: { patterns: patternsOf(layer) } } } },
    },
  }));
  return [...layers, tests];
}

const BIOME_FILE = path.join(path.dirname(fileURLToPath(import.meta.url)), "biome.json");

/** The overrides as they stand in biome.json: those about imports. */
export function readBiome(): { overrides: { linter?: { rules?: { style?: object } } }[] } {
  return JSON.parse(readFileSync(BIOME_FILE, "utf8"));
}

export function isLayerOverride(override: { linter?: { rules?: { style?: object } } }): boolean {
  return "noRestrictedImports" in (override.linter?.rules?.style ?? {});
}

// `node --import tsx server/tooling/layers.ts` writes the table into biome.json.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const biome = readBiome();
  const rest = biome.overrides.filter((override) => !isLayerOverride(override));
  writeFileSync(BIOME_FILE, `${JSON.stringify({ ...biome, overrides: [...rest, ...biomeOverrides()] }, null, 2)}\n`);
}
