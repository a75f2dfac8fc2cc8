import { NonRetriableError } from "inngest";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestEngine, type TestEngine } from "@/inngest/engine/testing";
import type { ServiceContext } from "@/server/context";
import { asUser, type TestServices, testServices } from "@/server/testing/context";
import { type TestDatabase, testDatabase } from "@/server/testing/database";
import { cancelRun, getEngineStatus, getRun, listRuns, replayRun } from "./service";

let test: TestServices;
let database: TestDatabase;
let engine: TestEngine;
const nowhere = { ENGINE_PORT: 9 };

beforeAll(async () => {
  test = await testServices({ simulator: false });
  database = await testDatabase();
  engine = await startTestEngine({
    databaseUrl: database.url,
    define: (inngest) => [
      inngest.createFunction({ id: "work", triggers: [{ event: "t/work" }] }, async ({ step }) => {
        await step.run("first", () => ({ count: 3, secret: "whsec_abcdefgh" }));
        return { status: "done" };
      }),
      inngest.createFunction({ id: "fail", triggers: [{ event: "t/fail" }], retries: 0 }, async () => {
        throw new NonRetriableError("It cannot be done");
      }),
      inngest.createFunction({ id: "wait", triggers: [{ event: "t/wait" }] }, async ({ step }) => {
        await step.sleep("long", "1h");
      }),
      inngest.createFunction({ id: "tick", triggers: [{ cron: "0 3 * * *" }] }, async () => undefined),
    ],
  });
});
afterAll(async () => {
  await engine.close();
  await Promise.all([database.drop(), test.close()]);
});

function as(role: Parameters<typeof asUser>[1], env: Record<string, unknown> = {}): ServiceContext {
  const ctx = asUser(test.services, role);
  return { ...ctx, env: { ...ctx.env, ENGINE_PORT: Number(new URL(engine.url).port), ...env } };
}

describe("the engine as people see it", () => {
  it("shows its functions with their next turn, and how busy it is", async () => {
    const status = await getEngineStatus(as("READ_ONLY"));
    if (status.kind !== "engine" || !status.isReachable) throw new Error("the engine was not reached");
    expect(status.functions.map((fn) => fn.id)).toEqual(["test-fail", "test-tick", "test-wait", "test-work"]);
    expect(status.functions.find((fn) => fn.id === "test-tick")).toMatchObject({ crons: ["0 3 * * *"] });
    expect(status.functions.find((fn) => fn.id === "test-tick")?.nextAt?.getTime()).toBeGreaterThan(Date.now());
  });

  it("lists runs by state and function, and shows one step by step, masked", async () => {
    await engine.inngest.send([{ name: "t/work", data: { token: "secret-token" } }, { name: "t/fail" }]);
    await Promise.all([engine.ended("work"), engine.ended("fail")]);
    const reader = as("READ_ONLY");
    const failed = await listRuns(reader, { status: "failed" }, { limit: 10 });
    expect(failed.items).toMatchObject([{ functionId: "test-fail", eventName: "t/fail", status: "failed" }]);
    const { items } = await listRuns(reader, { functionId: "test-work" }, { limit: 10 });
    const run = await getRun(reader, items[0]?.id ?? "");
    expect(run).toMatchObject({ status: "completed", output: { status: "done" }, events: [{ name: "t/work" }] });
    expect(run.steps).toMatchObject([{ name: "first" }]);
    expect(JSON.stringify(run)).not.toMatch(/whsec_a|secret-token/);
    expect(JSON.stringify(await getRun(reader, failed.items[0]?.id ?? ""))).toContain("failed");
    await expect(getRun(reader, "01NOSUCHRUN")).rejects.toMatchObject({ code: "not_found" });
  });

  it("pages through runs without gaps or repeats", async () => {
    await engine.inngest.send(Array.from({ length: 5 }, () => ({ name: "t/work", data: {} })));
    await engine.ended("work", 6);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof listRuns>> = await listRuns(
        as("READ_ONLY"),
        { functionId: "test-work" },
        { limit: 2, cursor },
      );
      seen.push(...page.items.map((run) => run.id));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.length).toBeGreaterThanOrEqual(6);
  });

  it("cancels and replays a run for those who may, with an entry in the audit", async () => {
    await engine.inngest.send({ name: "t/wait" });
    const find = async () => (await listRuns(as("READ_ONLY"), { functionId: "test-wait" }, { limit: 5 })).items;
    await expect.poll(async () => (await find()).length).toBe(1);
    const id = (await find())[0]?.id ?? "";
    await expect(cancelRun(as("READ_ONLY"), id)).rejects.toMatchObject({ code: "permission_denied" });
    await expect(replayRun(as("READ_ONLY"), id)).rejects.toMatchObject({ code: "permission_denied" });
    await cancelRun(as("ACQUIRER_OPERATIONS"), id);
    expect((await getRun(as("READ_ONLY"), id)).status).toBe("cancelled");
    await expect(cancelRun(as("ACQUIRER_OPERATIONS"), id)).rejects.toMatchObject({ code: "state_conflict" });
    const again = await replayRun(as("ACQUIRER_OPERATIONS"), id);
    expect(await getRun(as("READ_ONLY"), again)).toMatchObject({ replayOf: id });
    await cancelRun(as("ACQUIRER_OPERATIONS"), again);
    const audited = await test.services.db.query<{ action: string }>({
      text: "select action from audit_entries where subject_id = $1 order by position",
      values: [id],
    });
    expect(audited.map((entry) => entry.action)).toEqual(["run.canceled", "run.replayed"]);
  });

  it("says so when the engine does not answer, and when an Inngest server does its work", async () => {
    expect(await getEngineStatus(as("READ_ONLY", nowhere))).toMatchObject({ kind: "engine", isReachable: false });
    await expect(listRuns(as("READ_ONLY", nowhere), {}, { limit: 5 })).rejects.toMatchObject({ code: "unavailable" });
    const server = { INNGEST_BASE_URL: "http://127.0.0.1:8288" };
    expect(await getEngineStatus(as("READ_ONLY", server))).toEqual({ kind: "inngest", url: "http://127.0.0.1:8288" });
    await expect(listRuns(as("READ_ONLY", server), {}, { limit: 5 })).rejects.toMatchObject({ code: "state_conflict" });
  });

  it("S1: is not for people of Partners", async () => {
    const partner = asUser(test.services, "PARTNER_ADMIN", ["ptn_x"]);
    await expect(getEngineStatus(partner)).rejects.toMatchObject({ code: "permission_denied" });
    await expect(listRuns(partner, {}, { limit: 5 })).rejects.toMatchObject({ code: "permission_denied" });
  });
});
