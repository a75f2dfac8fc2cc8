import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { at, stepUpBody } from "./fixtures";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
const KEY = "klarna_test_api_of_a_process_under_test";

const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
  running.clear();
});

async function start(
  env: Record<string, string>,
): Promise<{ child: ChildProcess; url: string; exit: Promise<number | null> }> {
  const child = spawn(process.execPath, ["--import", "tsx", MAIN], {
    env: { ...process.env, SIMULATOR_PORT: "0", SIMULATOR_API_KEY: KEY, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  const exit = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  const url = await new Promise<string>((resolve, reject) => {
    let text = "";
    const read = (chunk: Buffer): void => {
      text += chunk.toString("utf8");
      const found = /listening on (http:\S+)/.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.once("exit", () => reject(new Error(text)));
  });
  return { child, url, exit };
}

async function send(
  url: string,
  method: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<unknown> {
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Basic ${KEY}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return await response.json();
}

describe("the process", () => {
  it("has every answered payment after kill -9, gives the same answer to the same key, and ends cleanly on SIGTERM", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "simulator-"));
    const first = await start({ DATA_DIR: dataDir });
    const account = await send(`${first.url}/_control/accounts`, "POST", { stores: [{ store_reference: "STORE-17" }] });
    const path = `/v2/accounts/${String(at(account, "account_id"))}/payment/authorize`;
    const body = stepUpBody(5002);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        send(`${first.url}${path}`, "POST", body, { "klarna-idempotency-key": `key-${index}` }),
      ),
    );
    first.child.kill("SIGKILL");
    await first.exit;

    const second = await start({ DATA_DIR: dataDir });
    const held = await send(`${second.url}/_control/transactions`, "GET");
    expect(at(held, "count")).toBe(50);
    const again = await send(`${second.url}${path}`, "POST", body, { "klarna-idempotency-key": "key-7" });
    expect(again).toEqual(answers[7]);
    second.child.kill("SIGTERM");
    expect(await second.exit).toBe(0);
    rmSync(dataDir, { recursive: true });
  });

  it("S54: refuses to start with TILLGATE_ENV=production", async () => {
    await expect(start({ TILLGATE_ENV: "production", DATA_DIR: join(tmpdir(), "never-made") })).rejects.toThrow(
      "does not start with TILLGATE_ENV=production",
    );
  });
});
