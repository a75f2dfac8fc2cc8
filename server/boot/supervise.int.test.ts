import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { until } from "@/server/testing/shop";
import { startGuard } from "./guard";
import { createSupervisor } from "./supervise";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "tillgate-supervise-"));
  mkdirSync(path.join(folder, "logs"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("R43: parts end in order, each before the next is asked, and what takes its time is waited for", async () => {
  const said = path.join(folder, "said");
  writeFileSync(said, "");
  const script = path.join(folder, "part.mjs");
  // A part that needs a while to finish what runs.
  writeFileSync(
    script,
    `import { appendFileSync } from "node:fs";
     const [name, ms] = process.argv.slice(2);
     const say = (what) => appendFileSync(${JSON.stringify(said)}, what + " " + name + "\\n");
     process.on("SIGTERM", () => { say("asked"); setTimeout(() => { say("ended"); process.exit(0); }, Number(ms)); });
     setInterval(() => {}, 1000);
     say("up");`,
  );
  const guard = startGuard();
  const supervisor = createSupervisor({ dataDir: folder, guard, say: () => undefined });
  const env = { NODE_ENV: "production" as const, PATH: process.env.PATH ?? "" };
  const parts = { gateway: 700, web: 300, engine: 400, postgres: 10 };
  for (const [name, ms] of Object.entries(parts)) supervisor.start({ name, args: [script, name, String(ms)], env });
  const lines = (): string[] => readFileSync(said, "utf8").trim().split("\n");
  try {
    await until("all parts", 20_000, () => lines().filter((line) => line.startsWith("up")).length === 4);
    await supervisor.stopAll([["gateway"], ["web", "engine", "simulator"], ["postgres"]]);
  } finally {
    supervisor.killAll();
    guard.close();
  }
  const order = lines().filter((line) => !line.startsWith("up"));
  expect(order.slice(0, 2)).toEqual(["asked gateway", "ended gateway"]);
  expect(new Set(order.slice(2, 6))).toEqual(new Set(["asked web", "asked engine", "ended web", "ended engine"]));
  expect(order.slice(6)).toEqual(["asked postgres", "ended postgres"]);
});
