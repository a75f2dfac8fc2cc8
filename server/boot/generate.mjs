// `npm run db:generate`: writes the Prisma client. The command wants the path of a schema engine although it does not use
// one here, and would download it: any existing file will do.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

/** @param {{ quiet?: boolean }} [options] */
export function generateClient(options = {}) {
  const result = spawnSync(
    process.execPath,
    [path.join(root, "node_modules/prisma/build/index.js"), "generate", "--config", "prisma/prisma.config.ts", "--no-hints"],
    {
      cwd: root,
      encoding: "utf8",
      stdio: options.quiet ? "pipe" : "inherit",
      env: {
        ...process.env,
        PRISMA_SCHEMA_ENGINE_BINARY: fileURLToPath(import.meta.url),
        PRISMA_HIDE_UPDATE_MESSAGE: "1",
        CHECKPOINT_DISABLE: "1",
      },
    },
  );
  if (result.status !== 0) throw new Error(`The Prisma client could not be written.\n${result.stdout ?? ""}${result.stderr ?? ""}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) generateClient();
