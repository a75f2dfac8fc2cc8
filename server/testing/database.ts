import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";

export interface TestDatabase {
  url: string;
  /** Removes the database; ends what is still connected after 5 s. Call it in `afterAll`. */
  drop(): Promise<void>;
}

/** How long connections that are being closed may take. */
const CLOSING_MS = 5_000;

async function administrate(work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const url = new URL(inject("templateDatabaseUrl"));
  url.pathname = "/postgres";
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

async function drop(client: pg.Client, name: string): Promise<void> {
  const isUsed = async (): Promise<boolean> =>
    (await client.query("select 1 from pg_stat_activity where datname = $1", [name])).rows.length > 0;
  // A pool that has ended closes its connections a moment later: cut in that moment, it would be an error of nobody's.
  for (const deadline = Date.now() + CLOSING_MS; Date.now() < deadline && (await isUsed()); )
    await new Promise((resolve) => setTimeout(resolve, 5));
  await client.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
}

/** A database of one's own, migrated and empty: a copy of the run's template, made in some ten milliseconds. */
export async function testDatabase(): Promise<TestDatabase> {
  const template = new URL(inject("templateDatabaseUrl"));
  const name = `test_${randomBytes(8).toString("hex")}`;
  await administrate((client) =>
    client.query(`CREATE DATABASE "${name}" TEMPLATE "${template.pathname.slice(1)}" STRATEGY FILE_COPY`),
  );
  const url = new URL(template);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => administrate((client) => drop(client, name)) };
}
