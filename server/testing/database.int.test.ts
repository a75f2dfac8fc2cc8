import pg from "pg";
import { expect, it } from "vitest";
import { diffSchema, pendingMigrations } from "@/prisma/migrate";
import { testDatabase } from "./database";

it("two test databases are migrated, and share nothing", async () => {
  const [first, second] = await Promise.all([testDatabase(), testDatabase()]);
  try {
    expect(await pendingMigrations(first.url)).toEqual([]);
    const client = new pg.Client({ connectionString: first.url });
    await client.connect();
    await client.query("CREATE TABLE only_here (id int)");
    await client.end();
    const other = new pg.Client({ connectionString: second.url });
    await other.connect();
    const found = await other.query("SELECT to_regclass('only_here') AS name");
    await other.end();
    expect(found.rows[0]?.name).toBeNull();
  } finally {
    await Promise.all([first.drop(), second.drop()]);
  }
});

it("the migrations lead to exactly the schema files", async () => {
  const database = await testDatabase();
  try {
    expect(await diffSchema(database.url)).toBe("");
  } finally {
    await database.drop();
  }
});
