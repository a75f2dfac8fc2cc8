import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { MigrationFailure, migrate, writeMigration } from "@/prisma/migrate";
import { BootFailure } from "./failure";
import { startGuard } from "./guard";
import { findFreePort } from "./ports";
import { runningPostgresPort, startPostgres } from "./postgres";
import { isAlive } from "./processes";
import { loadSecrets, type ProcessEnvironment, processEnvironment, ROOT, readSettings } from "./settings";
import { readProcesses } from "./supervise";

/** Runs with a database that is there for this moment only. */
async function withThrowaway<T>(use: (url: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "tillgate-diff-"));
  const guard = startGuard();
  guard.removeFolder(folder);
  const port = await findFreePort();
  const postgres = await startPostgres({
    folder: path.join(folder, "postgres"),
    port,
    password: "x",
    database: "diff",
    isThrowaway: true,
    onSpawn: (child) => guard.watchWhileItRuns(child, "SIGINT"),
  });
  try {
    return await use(postgres.url);
  } finally {
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
    guard.close();
  }
}

/** Runs with the database of the settings; starts the built-in one when it does not run already. */
async function withDatabase<T>(use: (environment: ProcessEnvironment, url: string) => Promise<T>): Promise<T> {
  const settings = readSettings(process.env);
  const secrets = loadSecrets(settings.dataDir);
  const folder = path.join(settings.dataDir, "postgres");
  // The instance that runs on this folder may have been started with another PORT than ours.
  const port = settings.databaseUrl ? undefined : runningPostgresPort(folder);
  const ports = { ...settings.ports, postgres: port ?? settings.ports.postgres };
  const environment = processEnvironment({ ...settings, ports }, secrets, process.env);
  const url = environment.DATABASE_URL;
  if (!url) throw new BootFailure("There is no database: set DATABASE_URL.");
  if (settings.databaseUrl || port !== undefined) return use(environment, url);
  const guard = startGuard();
  const postgres = await startPostgres({
    folder,
    port: settings.ports.postgres,
    password: secrets.postgresPassword,
    database: "tillgate",
    onSpawn: (child) => guard.watchWhileItRuns(child, "SIGINT"),
  });
  try {
    return await use(environment, url);
  } finally {
    await postgres.stop();
    guard.close();
  }
}

/** Runs a file of ours with the settings and the database; its code of exit is ours. */
async function runScript(file: string): Promise<void> {
  await withDatabase(async (environment) => {
    const result = spawnSync(process.execPath, ["--import", "tsx", file, ...process.argv.slice(3)], {
      cwd: ROOT,
      env: environment,
      stdio: "inherit",
    });
    process.exitCode = result.status ?? 1;
  });
}

const print = (text: string) => void process.stdout.write(`${text}\n`);

const COMMANDS: Record<string, () => Promise<void>> = {
  migrate: async () => {
    const applied = await withDatabase((_, url) => migrate(url));
    print(applied.length > 0 ? `applied ${applied.join(", ")}` : "nothing to apply");
  },
  diff: async () => {
    const name = process.argv[3];
    if (!name) throw new BootFailure("Name the migration: npm run db:diff -- name_of_the_change");
    const file = await withThrowaway((url) => writeMigration(url, name, new Date()));
    print(file ?? "the migrations lead to the schema already");
  },
  seed: async () => {
    if (readSettings(process.env).isProduction) throw new BootFailure("Production takes no demo data.");
    await withDatabase(async (environment, url) => {
      await migrate(url);
      const result = spawnSync(process.execPath, ["--import", "tsx", "prisma/seed.ts"], {
        cwd: ROOT,
        env: environment,
        stdio: "inherit",
      });
      if (result.status !== 0) throw new BootFailure("The demo data could not be written; the reason stands above.");
    });
  },
  "verify-audit": () => runScript("server/boot/verify-audit.ts"),
  reseal: () => runScript("server/boot/reseal.ts"),
  "first-admin": () => runScript("server/boot/first-admin.ts"),
  reset: async () => {
    const settings = readSettings(process.env);
    if (settings.isProduction) throw new BootFailure("Data of production is not reset.");
    if (settings.databaseUrl)
      throw new BootFailure("Only the built-in database is reset. Drop and create the one of DATABASE_URL yourself.");
    if (readProcesses(settings.dataDir).some(({ name, pid }) => name === "supervisor" && isAlive(pid))) {
      throw new BootFailure("Tillgate runs on this data folder. Stop it first.");
    }
    for (const name of ["postgres", "demo.json", "simulator.db", "simulator.sqlite", "audit-anchors.jsonl"]) {
      const file = path.join(settings.dataDir, name);
      if (existsSync(file)) rmSync(file, { recursive: true });
    }
    print("the data is gone; npm start makes it anew");
  },
};

const command = COMMANDS[process.argv[2] ?? ""];
if (!command) {
  process.stderr.write(`One of: ${Object.keys(COMMANDS).join(", ")}\n`);
  process.exit(1);
}
command().catch((error: unknown) => {
  const isPlain = error instanceof BootFailure || error instanceof MigrationFailure;
  process.stderr.write(`${isPlain ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
});
