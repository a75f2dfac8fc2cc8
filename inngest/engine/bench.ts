import { performance } from "node:perf_hooks";
import { Logger, run as runWorker } from "graphile-worker";
import { Pool } from "pg";
import { z } from "zod";
import { startTestEngine } from "./testing";

export type EngineFigures = Readonly<{
  /** Milliseconds from sending an event over HTTP to the start of its first step, one at a time. */
  eventToFirstStepMs: { median: number; p99: number };
  /** Functions of one step brought to their end in a second. */
  oneStepFunctionsPerSecond: number;
  /** The same number of plain jobs of the queue, each doing the writes of one such function. */
  plainJobsPerSecond: number;
}>;

const SAMPLES = 200;
const FUNCTIONS = 2_000;
const BATCH = 100;
const PlainPayloadSchema = z.object({ run: z.string() });

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

const PLAIN_ADD = `
with e as (
  insert into engine.events (internal_id, id, name, data, ts) values ($1, $1, 'bench/plain', '{}', now()) returning internal_id
), r as (
  insert into engine.runs (id, fn_id, event_ids) select $1, 'bench-plain', array[internal_id] from e returning id
)
select job.id from r, lateral graphile_worker.add_job('bench.plain', json_build_object('run', r.id), job_key := r.id) as job`;

/** The floor: the queue alone, each job doing the writes that one function of one step needs. */
async function measurePlainJobs(databaseUrl: string): Promise<number> {
  const pool = new Pool({ connectionString: databaseUrl, max: 12 });
  pool.on("error", () => undefined);
  pool.on("connect", (client) => void client.on("error", () => undefined));
  let done = 0;
  let onAll: () => void = () => undefined;
  const all = new Promise<void>((resolve) => {
    onAll = resolve;
  });
  const runner = await runWorker({
    pgPool: pool,
    noHandleSignals: true,
    parsedCronItems: [],
    logger: new Logger(() => () => undefined),
    preset: { worker: { concurrentJobs: 16, localQueue: { size: 16 }, completeJobBatchDelay: 0 } },
    taskList: {
      "bench.plain": async (payload) => {
        const { run } = PlainPayloadSchema.parse(payload);
        await pool.query({
          name: "plain_claim",
          text: "update engine.runs set status = 'running', started_at = now() where id = $1",
          values: [run],
        });
        await pool.query({
          name: "plain_step",
          text: "insert into engine.steps (run_id, id, name, op, status, data) values ($1, 'one', 'one', 'StepRun', 'done', 'null')",
          values: [run],
        });
        await pool.query({
          name: "plain_finish",
          text: "update engine.runs set status = 'completed', ended_at = now() where id = $1",
          values: [run],
        });
        done += 1;
        if (done === FUNCTIONS) onAll();
      },
    },
  });
  try {
    const from = performance.now();
    for (let sent = 0; sent < FUNCTIONS; sent += BATCH)
      await Promise.all(
        Array.from({ length: BATCH }, (_, index) =>
          pool.query({ name: "plain_add", text: PLAIN_ADD, values: [`plain-${sent + index}`] }),
        ),
      );
    await all;
    return FUNCTIONS / ((performance.now() - from) / 1_000);
  } finally {
    await runner.stop();
    await pool.end();
  }
}

/** Measures the engine against a migrated, otherwise idle database. */
export async function measureEngine(databaseUrl: string): Promise<EngineFigures> {
  const started = new Map<number, number>();
  let onDone: () => void = () => undefined;
  const test = await startTestEngine({
    databaseUrl,
    define: (inngest) => [
      inngest.createFunction({ id: "first", triggers: [{ event: "bench/first" }] }, async ({ event, step }) => {
        await step.run("one", () => {
          started.set(Number(event.data.n), performance.now());
          onDone();
        });
      }),
      inngest.createFunction({ id: "many", triggers: [{ event: "bench/many" }] }, async ({ step }) => {
        await step.run("one", () => null);
      }),
    ],
  });
  const measure = async (): Promise<Omit<EngineFigures, "plainJobsPerSecond">> => {
    const latencies: number[] = [];
    for (let n = 0; n < SAMPLES + 20; n += 1) {
      const seen = new Promise<void>((resolve) => {
        onDone = resolve;
      });
      const from = performance.now();
      await test.inngest.send({ name: "bench/first", data: { n } });
      await seen;
      if (n >= 20) latencies.push((started.get(n) ?? Number.NaN) - from);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await test.ended("first", SAMPLES + 20);

    const from = performance.now();
    for (let sent = 0; sent < FUNCTIONS; sent += BATCH)
      await test.inngest.send(Array.from({ length: BATCH }, () => ({ name: "bench/many", data: {} })));
    for (;;) {
      const { rows } = await test.engine.pool.query<{ n: number }>(
        "select count(*)::integer as n from engine.runs where fn_id = 'test-many' and status = 'completed'",
      );
      if ((rows[0]?.n ?? 0) >= FUNCTIONS) break;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    const seconds = (performance.now() - from) / 1_000;
    return {
      eventToFirstStepMs: { median: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) },
      oneStepFunctionsPerSecond: FUNCTIONS / seconds,
    };
  };
  const figures = await measure().finally(() => test.close());
  return { ...figures, plainJobsPerSecond: await measurePlainJobs(databaseUrl) };
}
