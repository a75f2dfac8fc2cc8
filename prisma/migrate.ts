import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { PrismaPg } from "@prisma/adapter-pg";
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlMigrationAwareDriverAdapterFactory,
} from "@prisma/driver-adapter-utils";
import type { MigrationList, SchemaEngine, SchemasContainer } from "@prisma/schema-engine-wasm/schema_engine_bg";
import pg from "pg";

const PRISMA_FOLDER = path.dirname(fileURLToPath(import.meta.url));
const SCHEMA_FOLDER = path.join(PRISMA_FOLDER, "schema");
const MIGRATIONS_FOLDER = path.join(PRISMA_FOLDER, "migrations");
/** Tables that only SQL knows: the counters of the rate limiter. */
const FILTERS = { externalTables: ["public.rate_limits"], externalEnums: [] };
/** One arbitrary number that everyone who migrates this database agrees on. */
const ADVISORY_LOCK = 7_401_652_001;

/** A migration that the database refused: its text says which, and what PostgreSQL said. */
export class MigrationFailure extends Error {
  override name = "MigrationFailure";
}

type EngineModule = typeof import("@prisma/schema-engine-wasm/schema_engine_bg") & {
  __wbg_set_wasm(exports: WebAssembly.Exports): void;
};

function isEngineModule(module: object): module is EngineModule {
  return "SchemaEngine" in module && "__wbg_set_wasm" in module;
}

let engineModule: Promise<EngineModule> | undefined;

/** Prisma's schema engine as WebAssembly; its own entry file expects a bundler, so the two halves are joined here. */
function loadEngineModule(): Promise<EngineModule> {
  engineModule ??= (async () => {
    const name = "@prisma/schema-engine-wasm/schema_engine_bg";
    const glue: object = await import(name);
    if (!isEngineModule(glue)) throw new Error("unexpected shape of @prisma/schema-engine-wasm");
    Reflect.set(globalThis, "PRISMA_WASM_PANIC_REGISTRY", {
      set_message: (message: string) => {
        throw new MigrationFailure(`Prisma's schema engine gave up: ${message}`);
      },
    });
    const file = createRequire(import.meta.url)
      .resolve(name)
      .replace(/\.js$/, ".wasm");
    const imports: Record<string, WebAssembly.ModuleImports> = { "./schema_engine_bg.js": { ...glue } };
    const { instance } = await WebAssembly.instantiate(readFileSync(file), imports);
    glue.__wbg_set_wasm(instance.exports);
    const start = instance.exports.__wbindgen_start;
    if (typeof start === "function") start();
    return glue;
  })();
  return engineModule;
}

function readSchema(): SchemasContainer {
  const files = readdirSync(SCHEMA_FOLDER)
    .filter((name) => name.endsWith(".prisma"))
    .sort()
    .map((name) => path.join(SCHEMA_FOLDER, name));
  return { files: files.map((file) => ({ path: file, content: readFileSync(file, "utf8") })) };
}

function readMigrations(): MigrationList {
  const names = readdirSync(MIGRATIONS_FOLDER, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
  return {
    baseDir: MIGRATIONS_FOLDER,
    lockfile: { path: "migration_lock.toml", content: 'provider = "postgresql"\n' },
    shadowDbInitScript: "",
    migrationDirectories: names.map((name) => ({
      path: name,
      migrationFile: {
        path: "migration.sql",
        content: { tag: "ok", value: readFileSync(path.join(MIGRATIONS_FOLDER, name, "migration.sql"), "utf8") },
      },
    })),
  };
}

const CHAR_OID = 18;
const TEXT_OID = 25;

type Adapter = Awaited<ReturnType<PrismaPg["connect"]>>;

/**
 * PostgreSQL's catalogue uses the one-byte type "char", which this adapter refuses although the engine wants it: its
 * columns are read as text and handed on as characters.
 */
function passCharactersOn(adapter: Adapter): void {
  let characterColumns = new Set<string>();
  adapter.underlyingDriver().on("connect", (client) => {
    const connection: unknown = Reflect.get(client, "connection");
    if (!(connection instanceof EventEmitter)) throw new Error("unexpected shape of a pg client");
    connection.prependListener("rowDescription", (message: { fields: { name: string; dataTypeID: number }[] }) => {
      const fields = message.fields.filter((field) => field.dataTypeID === CHAR_OID);
      for (const field of fields) field.dataTypeID = TEXT_OID;
      characterColumns = new Set(fields.map((field) => field.name));
    });
  });
  const queryRaw = adapter.queryRaw.bind(adapter);
  adapter.queryRaw = async (query) => {
    characterColumns.clear();
    const result = await queryRaw(query);
    const columnTypes = result.columnNames.map((name, index) =>
      characterColumns.has(name) ? ColumnTypeEnum.Character : (result.columnTypes[index] ?? ColumnTypeEnum.Text),
    );
    return { ...result, columnTypes };
  };
}

interface Connections {
  factory: SqlMigrationAwareDriverAdapterFactory;
  /** The engine leaves its connections open; an open one would keep the engine's own lock. */
  close(): Promise<void>;
  /** What PostgreSQL said to the last script that failed, and where. */
  refusal(): string | undefined;
}

function describeRefusal(error: unknown, script: string): string {
  if (!(error instanceof pg.DatabaseError)) return error instanceof Error ? error.message : String(error);
  const line = error.position === undefined ? undefined : script.slice(0, Number(error.position)).split("\n").length;
  return [error.message, line && `at line ${line} of the script`, error.detail, error.where, error.hint]
    .filter(Boolean)
    .join("; ");
}

function connections(url: string): Connections {
  const { user, password, host, port, database } = new pg.Client({ connectionString: url });
  const tls = /[?&]sslmode=(require|verify-ca|verify-full|no-verify)/.exec(url)?.[1];
  const ssl = tls === undefined ? undefined : { rejectUnauthorized: tls !== "no-verify" };
  const config = { user, password: password ?? undefined, host, port, database, ssl, max: 1 };
  const opened: { dispose(): Promise<void> }[] = [];
  let refusal: string | undefined;
  const connect = async (name: string | undefined) => {
    const adapter = await new PrismaPg({ ...config, database: name }).connect();
    passCharactersOn(adapter);
    // The adapter cuts a script at each semicolon, also inside a function's body. Sent whole, it is also all or nothing.
    adapter.executeScript = async (script) => {
      try {
        await adapter.underlyingDriver().query(script);
      } catch (error) {
        refusal = describeRefusal(error, script);
        throw error;
      }
    };
    opened.push(adapter);
    return adapter;
  };
  // The adapter's own way drops the shadow database while it still holds a connection to it.
  const connectToShadowDb = async () => {
    const name = `prisma_migrate_shadow_db_${randomUUID()}`;
    await runOnce(url, `CREATE DATABASE "${name}"`);
    const adapter = await connect(name);
    const end = adapter.dispose.bind(adapter);
    let ended: Promise<void> | undefined;
    adapter.dispose = () => {
      ended ??= end().then(() => runOnce(url, `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`));
      return ended;
    };
    return adapter;
  };
  return {
    factory: {
      provider: "postgres",
      adapterName: "@prisma/adapter-pg",
      connect: () => connect(database),
      connectToShadowDb,
    },
    refusal: () => refusal,
    close: async () => {
      for (const adapter of opened) await adapter.dispose();
    },
  };
}

async function runOnce(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function withEngine<T>(url: string, use: (engine: SchemaEngine) => Promise<T>): Promise<T> {
  const module = await loadEngineModule();
  const { factory, close, refusal } = connections(url);
  const datamodels = readSchema().files.map(({ path: file, content }): [string, string] => [file, content]);
  const engine = await module.SchemaEngine.new(
    { datamodels },
    () => undefined,
    bindMigrationAwareSqlAdapterFactory(factory),
  );
  try {
    return await use(engine);
  } catch (error) {
    if (error instanceof Error) {
      const reason = refusal();
      throw new MigrationFailure(reason ? `${reason}\n${error.message}` : error.message, { cause: error });
    }
    throw error;
  } finally {
    engine.free();
    await close();
  }
}

/**
 * Applies every migration that this database does not have yet, in order, once each, under a lock that makes two
 * starters wait for each other. Keeps Prisma's own `_prisma_migrations`, so `prisma migrate deploy` agrees.
 */
export async function migrate(url: string): Promise<string[]> {
  const lock = new pg.Client({ connectionString: url });
  await lock.connect();
  try {
    await lock.query("SELECT pg_advisory_lock($1)", [ADVISORY_LOCK]);
    return await withEngine(url, async (engine) => {
      const input = { migrationsList: readMigrations(), filters: FILTERS };
      const state = await engine.diagnoseMigrationHistory({ ...input, optInToShadowDatabase: false });
      if (state.editedMigrationNames.length > 0) {
        throw new MigrationFailure(
          `These migrations were changed after this database had applied them: ${state.editedMigrationNames.join(", ")}. ` +
            "Put them back and write a new one (npm run db:diff -- name), or start with an empty data folder (npm run db:reset).",
        );
      }
      const { appliedMigrationNames } = await engine.applyMigrations(input);
      return appliedMigrationNames;
    });
  } finally {
    await lock.end();
  }
}

/** Whether this database lacks a migration; reads only. */
export async function pendingMigrations(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const table = await client.query("SELECT to_regclass('_prisma_migrations') IS NOT NULL AS exists");
    const rows = table.rows[0]?.exists
      ? (await client.query("SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL")).rows
      : [];
    const applied = new Set(rows.map((row) => String(row.migration_name)));
    return readMigrations()
      .migrationDirectories.map((directory) => directory.path)
      .filter((name) => !applied.has(name));
  } finally {
    await client.end();
  }
}

/**
 * The SQL that leads from the migrations to the schema files; empty when they agree. Uses a database of its own.
 * Indexes that only a migration knows (partial, by expression) stay: to drop an index, write it by hand.
 */
export async function diffSchema(url: string): Promise<string> {
  return withEngine(url, async (engine) => {
    const result = await engine.diff({
      from: { tag: "migrations", ...readMigrations() },
      to: { tag: "schemaDatamodel", ...readSchema() },
      script: true,
      exitCode: null,
      filters: FILTERS,
    });
    const sql = (result.stdout ?? "").replaceAll(/-- DropIndex\nDROP INDEX [^;]+;\s*/g, "");
    return /^\s*(--[^\n]*\s*)*$/.test(sql) ? "" : sql;
  });
}

/** Writes the difference between migrations and schema as a new migration; null when there is none. */
export async function writeMigration(url: string, name: string, now: Date): Promise<string | null> {
  const sql = await diffSchema(url);
  if (sql === "") return null;
  const stamp = now.toISOString().replaceAll(/\D/g, "").slice(0, 14);
  const slug = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "_");
  const folder = path.join(MIGRATIONS_FOLDER, `${stamp}_${slug}`);
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, "migration.sql");
  writeFileSync(file, `${sql.trim()}\n`);
  return file;
}
