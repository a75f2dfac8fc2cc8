import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { BootFailure, messageOf } from "./failure";
import { holdLock } from "./lock.mjs";
import { generateSecrets, type ProcessEnvironment, processEnvironment, ROOT, readSettings } from "./settings";

const STAMP = path.join(ROOT, ".next", "tillgate-sources");
const LOCK = path.join(ROOT, "node_modules", ".tillgate-build.lock");

/** A fingerprint of everything that ends up in the built app. */
export function hashSources(): string {
  const files = [
    ...["package-lock.json", "package.json", "next.config.mjs", "proxy.ts", "tsconfig.json"],
    ...globSync("{app,components,inngest,server,prisma/schema}/**/*.{ts,tsx,css,svg,mjs,prisma,md,mdx,json}", {
      cwd: ROOT,
    }),
  ].filter(
    (file) =>
      !/\.(test|bench)\.tsx?$/.test(file) &&
      !/^server[\\/](simulator|boot|testing|tooling|gateway|db[\\/]generated)[\\/]/.test(file) &&
      !/^inngest[\\/]engine[\\/]/.test(file) &&
      (statSync(path.join(ROOT, file), { throwIfNoEntry: false })?.isFile() ?? false),
  );
  const hash = createHash("sha256");
  for (const file of files.sort())
    hash
      .update(`${file}\0`)
      .update(readFileSync(path.join(ROOT, file)))
      .update("\0");
  return hash.digest("hex");
}

export function isBuilt(hash: string): boolean {
  return existsSync(STAMP) && readFileSync(STAMP, "utf8") === hash;
}

/** Builds the app when its sources changed since the last build. Returns whether it did. */
export async function buildApp(options: {
  env: ProcessEnvironment;
  say: (line: string) => void;
  log: (line: string) => void;
  onStart: (child: ChildProcess) => void;
}): Promise<boolean> {
  if (isBuilt(hashSources())) return false;
  const held = await holdLock(LOCK, {
    onWait: (pid) => options.say(`another start builds the app (process ${pid}); waiting for it`),
  });
  try {
    const hash = hashSources();
    if (isBuilt(hash)) return false;
    options.say("building the app, because its sources changed");
    rmSync(STAMP, { force: true });
    const lines: string[] = [];
    const code = await new Promise<number | null>((resolve, reject) => {
      const child = spawn(process.execPath, [path.join(ROOT, "node_modules/next/dist/bin/next"), "build"], {
        cwd: ROOT,
        env: { ...options.env, NODE_ENV: "production" },
        stdio: ["ignore", "pipe", "pipe"],
        detached: process.platform !== "win32",
      });
      options.onStart(child);
      const follow = (chunk: Buffer) => {
        for (const line of chunk.toString("utf8").split("\n")) {
          if (line.trim() === "") continue;
          lines.push(line);
          options.log(line);
        }
      };
      child.stdout.on("data", follow);
      child.stderr.on("data", follow);
      child.on("error", reject);
      child.on("close", resolve);
    });
    if (code !== 0) throw new BootFailure(`The app could not be built:\n\n${lines.slice(-40).join("\n")}`);
    mkdirSync(path.dirname(STAMP), { recursive: true });
    writeFileSync(STAMP, hash);
    return true;
  } finally {
    held.release();
  }
}

// `npm run build`: with settings that nothing keeps, because modules check theirs when they are loaded.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  const env = processEnvironment(readSettings({ PORT: process.env.PORT }), generateSecrets(), {
    PATH: process.env.PATH,
  });
  buildApp({ env, say: print, log: print, onStart: () => undefined }).then(
    (isNew) => isNew || print("the build is up to date"),
    (error: unknown) => {
      process.stderr.write(`${messageOf(error)}\n`);
      process.exit(1);
    },
  );
}
