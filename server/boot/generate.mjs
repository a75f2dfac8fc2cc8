// `npm run db:generate`: writes the Prisma client. The command wants the path of a schema engine although it does not use
// one here, and would download it: any existing file will do.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { nodeProgram, root } from "./install.mjs";
import { holdLock } from "./lock.mjs";

const generated = path.join(root, "server/db/generated");
const stamp = path.join(generated, ".schema");

function hashSchema() {
  const folder = path.join(root, "prisma/schema");
  const hash = createHash("sha256").update(readFileSync(path.join(root, "node_modules/@prisma/client/package.json")));
  for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(path.join(folder, name)));
  return hash.digest("hex");
}

/** @param {{ quiet?: boolean }} [options] */
export function generateClient(options = {}) {
  const args = ["node_modules/prisma/build/index.js", "generate", "--config", "prisma/prisma.config.ts", "--no-hints"];
  const result = spawnSync(nodeProgram(), args, {
    cwd: root,
    encoding: "utf8",
    stdio: options.quiet ? "pipe" : "inherit",
    env: {
      ...process.env,
      PRISMA_SCHEMA_ENGINE_BINARY: fileURLToPath(import.meta.url),
      PRISMA_HIDE_UPDATE_MESSAGE: "1",
      CHECKPOINT_DISABLE: "1",
    },
  });
  if (result.status !== 0)
    throw new Error(`The Prisma client could not be written.\n${result.stdout ?? ""}${result.stderr ?? ""}`);
  writeFileSync(stamp, hashSchema());
}

const isGenerated = () => existsSync(stamp) && readFileSync(stamp, "utf8") === hashSchema();

/** Writes the client when the schema changed; of several at once one does. @param {{ quiet?: boolean }} [options] */
export async function ensureClient(options = {}) {
  if (isGenerated()) return;
  const held = await holdLock(path.join(root, "node_modules", ".tillgate-generate.lock"));
  try {
    if (!isGenerated()) generateClient(options);
  } finally {
    held.release();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--if-needed")) await ensureClient({ quiet: true });
  else generateClient();
}
