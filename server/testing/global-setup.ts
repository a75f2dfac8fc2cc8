import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";
import { migrate } from "@/prisma/migrate";
import { messageOf } from "@/server/boot/failure";
import { startGuard } from "@/server/boot/guard";
import { findFreePort } from "@/server/boot/ports";
import { startPostgres } from "@/server/boot/postgres";

declare module "vitest" {
  export interface ProvidedContext {
    /** The address of a migrated, empty database that tests copy and never change. */
    templateDatabaseUrl: string;
  }
}

/** One PostgreSQL per run: migrated once, copied for each test file, gone with the run however it ends. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "tillgate-test-"));
  const guard = startGuard();
  guard.removeFolder(folder);
  const postgres = await startPostgres({
    folder: path.join(folder, "postgres"),
    port: await findFreePort(),
    password: "test",
    database: "template_tillgate",
    isThrowaway: true,
    onSpawn: (child) => guard.watchWhileItRuns(child, "SIGINT"),
  });
  try {
    await migrate(postgres.url);
  } catch (error) {
    await postgres.stop();
    throw new Error(`The migrations do not apply: ${messageOf(error)}`);
  }
  project.provide("templateDatabaseUrl", postgres.url);
  return async () => {
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
    guard.close();
  };
}
