import { readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { postgresUrl } from "@/server/boot/postgres";
import { createDatabase, type Database, type Row } from "@/server/db/client";
import { checkInvariants } from "@/server/domain/invariants";
import type { Instance } from "./instance";

/* The database of a running instance, past its doors. */

export function databaseUrlOf(instance: Instance): string {
  const secrets = z
    .looseObject({ postgresPassword: z.string() })
    .parse(JSON.parse(readFileSync(path.join(instance.dataDir, "secrets.json"), "utf8")));
  const port = Number(new URL(instance.url).port) + 3;
  return postgresUrl({ port, password: secrets.postgresPassword, database: "tillgate" });
}

/** The invariants that do not hold in an instance's database, each with examples. */
export async function brokenInvariants(instance: Instance): Promise<string[]> {
  const db = createDatabase(databaseUrlOf(instance), { connections: 1, name: "crash" });
  try {
    const results = await checkInvariants(db);
    return results.filter(({ broken }) => broken > 0).map(({ id, examples }) => `${id}: ${examples.join(", ")}`);
  } finally {
    await db.close();
  }
}

/** Every row of every table as text, as a dump would hold it: ours, the engine's and its queue's. */
export async function dumpTexts(db: Pick<Database, "query">): Promise<{ table: string; text: string }[]> {
  const tables = await db.query<Row & { name: string }>({
    text: `select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema') order by 1`,
    values: [],
  });
  const dump: { table: string; text: string }[] = [];
  for (const { name } of tables) {
    const [row] = await db.query<Row & { text: string | null }>({
      text: `select string_agg(t::text, E'\n') as text from ${name} t`,
      values: [],
    });
    dump.push({ table: name, text: row?.text ?? "" });
  }
  return dump;
}
