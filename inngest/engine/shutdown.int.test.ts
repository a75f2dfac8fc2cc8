import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { findFreePort } from "@/server/boot/ports";
import { childSettings } from "@/server/testing/child-settings";
import { type TestServices, testServices } from "@/server/testing/context";
import { pause, until } from "@/server/testing/shop";

async function startEngineProcess(test: TestServices, port: number) {
  const { env } = test.services;
  const child = spawn(
    process.execPath,
    ["--import", "./server/boot/egress.mjs", "--import", "tsx", "inngest/engine/main.ts"],
    {
      env: {
        ...process.env,
        TILLGATE_EGRESS: "refuse",
        ENGINE_PORT: String(port),
        KLARNA_TEST_BASE_URL: env.KLARNA_TEST_BASE_URL,
        KLARNA_TEST_API_KEY: env.KLARNA_TEST_API_KEY,
        ...childSettings(env),
      },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  const complaints: string[] = [];
  child.stderr?.on("data", (chunk: Buffer) => complaints.push(chunk.toString("utf8")));
  await until("the engine", 60_000, () =>
    fetch(`http://127.0.0.1:${port}/health`).then(
      ({ status }) => status === 200,
      () => false,
    ),
  );
  return { child, complaints };
}

it("R43: an engine that is told to leave under load takes nothing new, ends within 10 s and leaves no lease behind", async () => {
  const test = await testServices({ simulator: false });
  const port = await findFreePort();
  const { child, complaints } = await startEngineProcess(test, port);
  try {
    const statuses: number[] = [];
    let isOver = false;
    // Signals as the front door sends them, from five callers as fast as they are taken.
    const callers = Array.from({ length: 5 }, async () => {
      while (!isOver) {
        const answer = await fetch(`http://127.0.0.1:${port}/e/local-events`, {
          method: "POST",
          body: JSON.stringify({ name: "tillgate/inbox.waiting", data: {} }),
        }).catch(() => null);
        if (answer) {
          statuses.push(answer.status);
          await answer.arrayBuffer().catch(() => undefined);
        } else await pause(20);
      }
    });
    await until("signals that were taken", 60_000, () => statuses.length > 100);
    const exited = once(child, "exit");
    const startedMs = performance.now();
    child.kill("SIGTERM");
    const [code] = (await exited) as [number | null];
    expect(performance.now() - startedMs).toBeLessThan(10_500);
    isOver = true;
    await Promise.all(callers);
    expect([code, complaints.join("")]).toEqual([0, ""]);
    // Who knocks while it leaves is told to come again, and senders do; what was taken is kept.
    expect(new Set(statuses.filter((status) => status !== 200))).toEqual(new Set(statuses.includes(503) ? [503] : []));

    const count = async (what: string): Promise<number> =>
      (
        await test.services.db.query<{ count: number }>({
          text: `select count(*)::int as count from ${what}`,
          values: [],
        })
      )[0]?.count ?? -1;
    const taken = statuses.filter((status) => status === 200).length;
    expect(await count("engine.events where name = 'tillgate/inbox.waiting'")).toBeGreaterThanOrEqual(taken);
    expect(await count("engine.workers")).toBe(0);
    expect(await count("graphile_worker.jobs where locked_at is not null")).toBe(0);
    expect(
      await count(
        "pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())",
      ),
    ).toBe(0);
  } finally {
    child.kill("SIGKILL");
    await test.close();
  }
});
