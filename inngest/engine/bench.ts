import { performance } from "node:perf_hooks";
import { Logger, run as runWorker } from "graphile-worker";
import { Pool } from "pg";
import { z } from "zod";
import { copyEnvironment } from "./in-process";
import { startTestEngine } from "./testing";

type Figures = {
  /** Milliseconds to the start of the first step, one event at a time; of each round's quantiles the best. */
  firstStepMs: { median: number; p99: number };
  /** Brought to their end in a second. */
  perSecond: number;
};

/**
 * The engine: events sent over HTTP by the SDK, functions of one step. The floor: jobs of the bare queue that do the same
 * writes (event, run and job in one statement; claim, step, end), added and worked in this process.
 */
export type EngineFigures = Readonly<{ ours: Figures; floor: Figures }>;

const ROUNDS = 2;
const SAMPLES = 200;
const WARM_UP = 20;
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

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function measurePlainJobs(databaseUrl: string, round: number): Promise<Figures> {
  const pool = new Pool({ connectionString: databaseUrl, max: 12 });
  pool.on("error", () => undefined);
  pool.on("connect", (client) => void client.on("error", () => undefined));
  let done = 0;
  let onStart: () => void = () => undefined;
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
        const isSample = run.startsWith("one");
        await pool.query({
          name: "plain_claim",
          text: "update engine.runs set status = 'running', started_at = now() where id = $1",
          values: [run],
        });
        if (isSample) onStart();
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
        if (!isSample) done += 1;
        if (done === FUNCTIONS) onAll();
      },
    },
  });
  const add = (id: string): Promise<unknown> => pool.query({ name: "plain_add", text: PLAIN_ADD, values: [id] });
  try {
    const waits: number[] = [];
    for (let n = 0; n < WARM_UP + SAMPLES; n += 1) {
      const seen = new Promise<void>((resolve) => {
        onStart = resolve;
      });
      const fromMs = performance.now();
      await Promise.all([seen, add(`one-${round}-${n}`)]);
      if (n >= WARM_UP) waits.push(performance.now() - fromMs);
      await pause(5);
    }
    const from = performance.now();
    for (let sent = 0; sent < FUNCTIONS; sent += BATCH)
      await Promise.all(Array.from({ length: BATCH }, (_, index) => add(`many-${round}-${sent + index}`)));
    await all;
    const perSecond = FUNCTIONS / ((performance.now() - from) / 1_000);
    return { firstStepMs: { median: quantile(waits, 0.5), p99: quantile(waits, 0.99) }, perSecond };
  } finally {
    await runner.stop();
    await pool.end();
  }
}

async function measureFunctions(databaseUrl: string, round: number): Promise<Figures> {
  const started = new Map<number, number>();
  let onStart: () => void = () => undefined;
  const test = await startTestEngine({
    databaseUrl,
    define: (inngest) => [
      inngest.createFunction(
        { id: `first-${round}`, triggers: [{ event: "bench/first" }] },
        async ({ event, step }) => {
          await step.run("one", () => {
            started.set(Number(event.data.n), performance.now());
            onStart();
          });
        },
      ),
      inngest.createFunction({ id: `many-${round}`, triggers: [{ event: "bench/many" }] }, async ({ step }) => {
        await step.run("one", () => null);
      }),
    ],
  });
  const measure = async (): Promise<Figures> => {
    const waits: number[] = [];
    for (let n = 0; n < WARM_UP + SAMPLES; n += 1) {
      const seen = new Promise<void>((resolve) => {
        onStart = resolve;
      });
      const fromMs = performance.now();
      await test.inngest.send({ name: "bench/first", data: { n } });
      await seen;
      if (n >= WARM_UP) waits.push((started.get(n) ?? Number.NaN) - fromMs);
      await pause(5);
    }
    await test.ended(`first-${round}`, WARM_UP + SAMPLES);

    const from = performance.now();
    for (let sent = 0; sent < FUNCTIONS; sent += BATCH)
      await test.inngest.send(Array.from({ length: BATCH }, () => ({ name: "bench/many", data: {} })));
    for (;;) {
      const { rows } = await test.engine.pool.query<{ n: number }>(
        "select count(*)::integer as n from engine.runs where fn_id = $1 and status = 'completed'",
        [`test-many-${round}`],
      );
      if ((rows[0]?.n ?? 0) >= FUNCTIONS) break;
      await pause(25);
    }
    const perSecond = FUNCTIONS / ((performance.now() - from) / 1_000);
    return { firstStepMs: { median: quantile(waits, 0.5), p99: quantile(waits, 0.99) }, perSecond };
  };
  return measure().finally(() => test.close());
}

/** What others do on the machine can only slow a round down. */
function bestOf(rounds: readonly Figures[]): Figures {
  return {
    firstStepMs: {
      median: Math.min(...rounds.map((round) => round.firstStepMs.median)),
      p99: Math.min(...rounds.map((round) => round.firstStepMs.p99)),
    },
    perSecond: Math.max(...rounds.map((round) => round.perSecond)),
  };
}

/** Measures the engine and the bare queue in turns against a migrated, otherwise idle database. */
export async function measureEngine(databaseUrl: string): Promise<EngineFigures> {
  copyEnvironment();
  const ours: Figures[] = [];
  const floor: Figures[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    ours.push(await measureFunctions(databaseUrl, round));
    floor.push(await measurePlainJobs(databaseUrl, round));
  }
  return { ours: bestOf(ours), floor: bestOf(floor) };
}
