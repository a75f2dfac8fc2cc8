import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { ROOT } from "@/server/boot/settings";
import { ENDPOINTS } from "@/server/rest/endpoints";
import { appRouter } from "@/server/trpc/root";
import type { Kind } from "./access-table";

/* Every entrance that the code has: what the table of access must name. */

/** `takes` says whether it needs a sample. */
export type Entrance = { kind: Kind; name: string; takes: boolean };

export function findEntrances(): Entrance[] {
  return [...findPages(), ...findRoutes(), ...findActions(), ...findProcedures(), ...findEndpoints()];
}

const read = (file: string): string => readFileSync(path.join(ROOT, file), "utf8");

/** The address of a file of the app: groups in parentheses are no part of it. */
function addressOf(file: string): string {
  const steps = file.split("/").slice(1, -1);
  return `/${steps.filter((step) => !/^\(.*\)$/.test(step)).join("/")}`;
}

function findPages(): Entrance[] {
  return globSync("app/**/page.tsx", { cwd: ROOT }).map((file) => {
    const name = addressOf(file);
    return { kind: "page", name, takes: name.includes("[") };
  });
}

/** Handlers of the dashboard; those below `/api/` are declared endpoints or stand in inventory.test.ts with their reason. */
function findRoutes(): Entrance[] {
  return globSync("app/**/route.{ts,tsx}", { cwd: ROOT })
    .filter((file) => !addressOf(file).startsWith("/api/"))
    .flatMap((file) =>
      [...read(file).matchAll(/\bexport (?:async function|function|const|\{[^}]*?)\s*(GET|POST|PUT|PATCH|DELETE)\b/g)]
        .map((match) => match[1] ?? "")
        .flatMap((method) => addressesOf(file).map((address) => ({ address, method })))
        .map(
          ({ address, method }): Entrance => ({
            kind: "route",
            name: `${method} ${address}`,
            takes: address.includes("["),
          }),
        ),
    );
}

/** One address for each list that can be saved as a file: each asks for a permission of its own. */
function addressesOf(file: string): string[] {
  const address = addressOf(file);
  if (address !== "/export/[list]") return [address];
  const lists = [...read("app/(dashboard)/export/lists.ts").matchAll(/^ {2}\[\n? *"([a-z-]+)",/gm)];
  return lists.map((match) => `/export/${match[1] ?? ""}`);
}

function findActions(): Entrance[] {
  return globSync("{app,server,components}/**/*.{ts,tsx}", { cwd: ROOT })
    .filter((file) => !file.includes("node_modules") && /^\s*"use server";/m.test(read(file)))
    .flatMap((file) =>
      [...read(file).matchAll(/^export (?:async function|const) (\w+)\s*(\(\s*\))?/gm)].map(
        (match): Entrance => ({
          kind: "action",
          name: `${file.replace(/\.tsx?$/, "")}#${match[1] ?? ""}`,
          takes: match[2] === undefined,
        }),
      ),
    );
}

/** A procedure as the library keeps it; its type does not tell of this. */
const ProcedureSchema = z.custom<{ _def: { type: "query" | "mutation"; inputs: z.ZodType[] } }>(
  (value) => typeof value === "function",
);

export function procedures(): { name: string; type: "query" | "mutation"; inputs: z.ZodType[] }[] {
  return Object.entries(appRouter._def.procedures).map(([name, found]) => {
    const { type, inputs } = ProcedureSchema.parse(found)._def;
    return { name, type, inputs };
  });
}

function findProcedures(): Entrance[] {
  return procedures().map(({ name, inputs }) => ({ kind: "procedure", name, takes: inputs.length > 0 }));
}

function findEndpoints(): Entrance[] {
  return ENDPOINTS.map((endpoint) => ({ kind: "endpoint", name: endpoint.operation, takes: false }));
}
