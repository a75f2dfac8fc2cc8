import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { measureEngine } from "@/inngest/engine/bench";
import { migrate } from "@/prisma/migrate";
import { type Guard, startGuard } from "@/server/boot/guard";
import { findFreePort } from "@/server/boot/ports";
import { postgresUrl, startPostgres } from "@/server/boot/postgres";
import { createServices, type Services } from "@/server/context";
import { readEnv } from "@/server/env";
import { createLog } from "@/server/observability/log";
import { makeApiKey, makePartner } from "@/server/testing/builders";
import { storeSigningKey } from "@/server/testing/klarna-webhooks";
import { measureDeliveries } from "./deliveries";
import type { Calls, FloorSettings } from "./messages";
import {
  firstMessage,
  type Load,
  type Part,
  processorMs,
  startLoad,
  startProcess,
  startSignalSink,
  untilAnswers,
} from "./processes";
import { measureRegistry } from "./registry";
import { type Figure, printFigures } from "./report";
import { verifyRows } from "./verify";

/*
 * `npm run bench`: starts a database of its own (durable as in production), the simulator and the front door as real
 * processes, and beside them a bare server that writes the same rows: the floor. Both are measured in turns, several
 * times, on the same rows and the same cores. Prints figures and ratios; judges nothing but the rows.
 */

const CONNECTIONS = 8;
const LOAD_CONNECTIONS = 32;
const WEBHOOK_CONNECTIONS = 128;
const ROUNDS = 3;
const OPEN_PER_SECOND = 200;
const OVERLOAD_MS = 100;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const short = process.argv.includes("--short");
const only = process.argv.find((argument) => argument.startsWith("--only="))?.slice("--only=".length);
const cpuProfile = process.argv.find((argument) => argument.startsWith("--cpu-prof="))?.slice("--cpu-prof=".length);
const wants = (part: string): boolean => only === undefined || only.split(",").includes(part);
const scale = short ? 0.4 : 1;

type Server = { pid: number; port: number };
type Bench = {
  guard: Guard;
  services: Services;
  load: Load;
  gateway: Server;
  floor: Server;
  postgresPid: number;
  simulatorPid: number;
  payments: Extract<Calls, { kind: "payments" }>;
  webhooks: Extract<Calls, { kind: "webhooks" }>;
  accepted: { payments: number; webhooks: number };
};

/**
 * Some rows first, and the planner's figures of them: a database that has been in use for minutes. In an empty one
 * PostgreSQL chooses indexes by chance and keeps the choice in each connection.
 */
async function fill(bench: Bench): Promise<void> {
  say("Some history ...");
  for (const calls of [bench.payments, bench.webhooks]) {
    for (const { port } of [bench.floor, bench.gateway]) {
      const connections = CONNECTIONS;
      const order = { kind: "closed" as const, port, calls, connections, warmMs: 0, runMs: 3_000 * scale };
      bench.accepted[calls.kind] += (await bench.load.order(order)).answeredInAll;
    }
  }
  await bench.services.db.query({ text: "vacuum analyze", values: [] });
}

type Throughput = { floor: number; ours: number; work: { floor: Work; ours: Work } };
type Work = { server: number; database: number; klarna: number };

/**
 * Calls a second of both servers, measured in turns, and of each the best of its rounds: what others do on the machine
 * can only slow a round down.
 */
async function measureThroughput(bench: Bench, calls: Calls, connections: number, runMs: number): Promise<Throughput> {
  const rates = { floor: [] as number[], ours: [] as number[] };
  const none = (): Work & { calls: number } => ({ server: 0, database: 0, klarna: 0, calls: 0 });
  const spent = { floor: none(), ours: none() };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const side of ["floor", "ours"] as const) {
      const server = side === "floor" ? bench.floor : bench.gateway;
      const read = (): Work => ({
        server: processorMs(server.pid),
        database: processorMs(bench.postgresPid, { withChildren: true }),
        klarna: processorMs(bench.simulatorPid),
      });
      const before = read();
      const answer = await bench.load.order({
        kind: "closed",
        port: server.port,
        calls,
        connections,
        warmMs: 1_500 * scale,
        runMs: runMs * scale,
      });
      const after = read();
      // Of the last round: by then the code is compiled as far as it will be.
      spent[side] = {
        server: after.server - before.server,
        database: Math.max(0, after.database - before.database),
        klarna: after.klarna - before.klarna,
        calls: Math.max(1, answer.answeredInAll),
      };
      if (answer.refused > 0) say(`  ${side}: ${answer.refused} calls were refused, such as ${answer.examples[0]}`);
      bench.accepted[calls.kind] += answer.answeredInAll;
      rates[side].push(answer.answered / answer.seconds);
    }
  }
  const each = ({ calls: count, ...sums }: Work & { calls: number }): Work => ({
    server: sums.server / count,
    database: sums.database / count,
    klarna: sums.klarna / count,
  });
  return {
    floor: Math.max(...rates.floor),
    ours: Math.max(...rates.ours),
    work: { floor: each(spent.floor), ours: each(spent.ours) },
  };
}

/** Processor time of one call: it hardly changes when others use the machine too. */
function workFigures({ work }: Throughput, call: string): Figure[] {
  if (work.ours.server === 0) return [];
  const line = (part: keyof Work, name: string): Figure => ({
    ...{ id: "", name: `  processor time of ${call}: ${name}`, unit: "ms" },
    ...{ ours: work.ours[part], floor: work.floor[part], isTime: true },
  });
  return [
    line("server", "server"),
    line("database", "database"),
    ...(work.ours.klarna > 0.01 ? [line("klarna", "simulator")] : []),
  ];
}

/** The same rounds in the open model, calls due by the clock: the best of each side's medians and of its p99. */
async function measureShare(bench: Bench): Promise<Figure[]> {
  const found = { floor: { median: Infinity, p99: Infinity }, ours: { median: Infinity, p99: Infinity } };
  // New processes: their code is compiled first, else the calls that wait for it would be all that is measured.
  for (const { port } of [bench.floor, bench.gateway]) {
    const warmUp = { kind: "closed" as const, port, calls: bench.payments, connections: CONNECTIONS, warmMs: 0 };
    bench.accepted.payments += (await bench.load.order({ ...warmUp, runMs: 3_000 * scale })).answeredInAll;
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const side of ["floor", "ours"] as const) {
      const answer = await bench.load.order({
        kind: "open",
        port: side === "floor" ? bench.floor.port : bench.gateway.port,
        calls: bench.payments,
        perSecond: OPEN_PER_SECOND,
        warmMs: 1_000 * scale,
        runMs: 4_000 * scale,
      });
      if (answer.refused > 0) say(`  ${side}: ${answer.refused} calls were refused, such as ${answer.examples[0]}`);
      bench.accepted.payments += answer.answeredInAll;
      const best = found[side];
      found[side] = {
        median: Math.min(best.median, answer.shareMs.median),
        p99: Math.min(best.p99, answer.shareMs.p99),
      };
    }
  }
  if (found.ours.median > OVERLOAD_MS) {
    say("  The machine is too busy to carry this rate now: most of our share is waiting for a processor.");
  }
  const at = `own share of a payment call at ${OPEN_PER_SECOND} /s, open model`;
  return [
    { id: "P2", name: `${at}: median`, unit: "ms", ours: found.ours.median, floor: found.floor.median, isTime: true },
    { id: "P2", name: `${at}: p99`, unit: "ms", ours: found.ours.p99, floor: found.floor.p99, isTime: true },
  ];
}

async function main(): Promise<void> {
  const startedMs = performance.now();
  const folder = mkdtempSync(path.join(os.tmpdir(), "tillgate-bench-"));
  const guard = startGuard();
  guard.removeFolder(folder);
  const ends: (() => Promise<void> | void)[] = [
    () => guard.close(),
    () => rmSync(folder, { recursive: true, force: true }),
  ];
  const start = (part: Part): void => void ends.push(() => part.stop());
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));
  try {
    const [postgresPort, simulatorPort, gatewayPort, slowGatewayPort] = await Promise.all(
      Array.from({ length: 4 }, findFreePort),
    );
    if (!postgresPort || !simulatorPort || !gatewayPort || !slowGatewayPort) throw new Error("no free ports");
    const password = randomBytes(16).toString("hex");
    const cluster = { folder: path.join(folder, "postgres"), port: postgresPort, password };
    const postgres = await startPostgres({
      ...{ ...cluster, database: "bench" },
      onSpawn: (child) => guard.watchWhileItRuns(child, "SIGINT"),
    });
    ends.push(() => postgres.stop());
    await migrate(postgres.url);

    const simulatorUrl = `http://127.0.0.1:${simulatorPort}`;
    const klarnaApiKey = `klarna_test_api_${randomBytes(24).toString("hex")}`;
    const simulator = startProcess(guard, "server/simulator/main.ts", {
      environment: {
        SIMULATOR_PORT: String(simulatorPort),
        SIMULATOR_API_KEY: klarnaApiKey,
        DATA_DIR: path.join(folder, "simulator"),
      },
    });
    start(simulator);
    const sink = await startSignalSink();
    ends.push(() => sink.close());
    const secret = (): string => randomBytes(32).toString("base64url");
    const environment: Record<string, string> = {
      TILLGATE_ENV: "demo",
      DATABASE_URL: postgres.url,
      DATABASE_CONNECTIONS: String(CONNECTIONS),
      PORT: String(gatewayPort),
      PUBLIC_URL: `http://localhost:${gatewayPort}`,
      ENGINE_PORT: String(sink.port),
      KLARNA_TEST_BASE_URL: simulatorUrl,
      KLARNA_TEST_API_KEY: klarnaApiKey,
      SIMULATOR_CONTROL_URL: simulatorUrl,
      TILLGATE_SESSION_SECRET: secret(),
      TILLGATE_KEY_PEPPER: secret(),
      TILLGATE_ENCRYPTION_KEYS: `bench:${randomBytes(32).toString("base64")}`,
    };
    const services = createServices({
      env: readEnv(environment),
      name: "bench",
      log: createLog({ level: "warn", name: "bench" }),
      nudge: () => undefined,
    });
    ends.push(() => services.db.close());
    await untilAnswers(simulator, simulatorPort, "/");
    const built = await makePartner(services);
    const key = await makeApiKey(services, built.partner.id);
    const signingKey = { id: "bench-signing-key", secret: secret() };
    await storeSigningKey(services, { ...signingKey, mode: "test" });

    const load = await startLoad(guard);
    start(load);
    const startGateway = async (port: number, klarnaUrl: string): Promise<Part> => {
      const gateway = startProcess(guard, "server/gateway/main.ts", {
        environment: { ...environment, PORT: String(port), KLARNA_TEST_BASE_URL: klarnaUrl },
        nodeOptions: cpuProfile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${path.resolve(cpuProfile)}`],
      });
      start(gateway);
      await untilAnswers(gateway, port, "/api/health/live");
      return gateway;
    };
    const startFloor = async (klarnaUrl: string): Promise<{ part: Part; port: number }> => {
      const settings: FloorSettings = {
        databaseUrl: postgres.url,
        connections: CONNECTIONS,
        klarnaUrl,
        klarnaApiKey,
        accountId: built.account.id,
        partnerId: built.partner.id,
        store: built.store,
        terminal: built.terminal,
        signingKey,
      };
      const part = startProcess(guard, "server/tooling/bench/floor.ts", { arguments: [JSON.stringify(settings)] });
      start(part);
      const port = Number(await firstMessage(part));
      return { part, port };
    };

    const [gateway, floor] = await Promise.all([startGateway(gatewayPort, simulatorUrl), startFloor(simulatorUrl)]);
    const bench: Bench = {
      guard,
      services,
      load,
      gateway: { pid: gateway.pid, port: gatewayPort },
      floor: { pid: floor.part.pid, port: floor.port },
      postgresPid: postgres.pid,
      simulatorPid: simulator.pid,
      payments: {
        kind: "payments",
        apiKey: key.key,
        storeReference: built.store.reference,
        terminalReference: built.terminal.reference,
      },
      webhooks: { kind: "webhooks", accountId: built.account.id, signingKey },
      accepted: { payments: 0, webhooks: 0 },
    };
    const figures: Figure[] = [];
    const registry: Figure[] = [];
    await fill(bench);
    if (wants("payments")) {
      say("Payments accepted ...");
      const rates = await measureThroughput(bench, bench.payments, LOAD_CONNECTIONS, 4_000);
      figures.push(
        { id: "P1", name: "payments accepted, with the call to Klarna", unit: "/s", ...rates },
        ...workFigures(rates, "one payment"),
      );
    }
    if (wants("webhooks")) {
      say("Klarna's webhooks stored ...");
      const rates = await measureThroughput(bench, bench.webhooks, WEBHOOK_CONNECTIONS, 2_500);
      figures.push(
        { id: "P3", name: "Klarna's webhooks verified and stored", unit: "/s", ...rates },
        ...workFigures(rates, "one webhook"),
      );
    }
    await Promise.all([gateway.stop(), floor.part.stop()]);
    if (wants("share")) {
      say(`Our own share of a payment call, ${OPEN_PER_SECOND} calls a second ...`);
      const relay = await load.order({ kind: "relay", target: simulatorUrl });
      const klarnaUrl = `http://127.0.0.1:${relay.port}`;
      const [slow, bare] = await Promise.all([startGateway(slowGatewayPort, klarnaUrl), startFloor(klarnaUrl)]);
      figures.splice(
        Math.max(
          0,
          figures.findIndex(({ id }) => id === "P3"),
        ),
        0,
        ...(await measureShare({
          ...bench,
          gateway: { pid: slow.pid, port: slowGatewayPort },
          floor: { pid: bare.part.pid, port: bare.port },
        })),
      );
      await Promise.all([slow.stop(), bare.part.stop()]);
    }
    if (wants("registry")) {
      say("Lists of 10,000 stores and 50,000 terminals ...");
      registry.push(...(await measureRegistry(services, scale)));
    }
    await simulator.stop();
    say("Rows ...");
    const rows = await verifyRows(services.db, bench.accepted);

    if (wants("engine")) {
      say("Background ...");
      const url = postgresUrl({ ...cluster, database: "bench_engine" });
      await services.db.query({ text: "create database bench_engine", values: [] });
      await migrate(url);
      const engine = await measureEngine(url);
      const { ours, floor } = engine;
      const wait = "event to the start of its first step; floor: a bare queue's job";
      figures.push(
        ...(["median", "p99"] as const).map((part): Figure => {
          const times = { ours: ours.firstStepMs[part], floor: floor.firstStepMs[part], isTime: true };
          return { id: "P4", name: `${wait}: ${part}`, unit: "ms", ...times };
        }),
        {
          ...{ id: "", name: "functions of one step; floor: a bare queue's jobs with the same writes", unit: "/s" },
          ...{ ours: ours.perSecond, floor: floor.perSecond },
        },
      );
    }
    if (wants("deliveries")) {
      say("Webhooks to Partners ...");
      const receiver = await load.order({ kind: "receiver" });
      const { perSecond, othersMs } = await measureDeliveries(services, built.partner.id, receiver.port);
      figures.push(
        { id: "P5", name: "webhooks sent to Partners, with attempt rows", unit: "/s", ...perSecond },
        ...(["median", "p99"] as const).map((part): Figure => {
          const times = { ours: othersMs.whileHanging[part], floor: othersMs.usually[part], isTime: true };
          return {
            id: "",
            name: `webhook's way while 2 of 20 endpoints hang; floor: none: ${part}`,
            unit: "ms",
            ...times,
          };
        }),
      );
    }
    figures.push(...registry);
    await load.stop();
    const [version] = await services.db.query<{ version: string }>({
      text: "select current_setting('server_version') as version",
      values: [],
    });
    printFigures(say, figures, {
      cores: os.availableParallelism(),
      node: process.version,
      postgres: version?.version ?? "",
      load: os.loadavg()[0] ?? 0,
      seconds: (performance.now() - startedMs) / 1_000,
    });
    say(
      rows.wrong.length === 0
        ? `No wrong row: ${bench.accepted.payments} payments, ${bench.accepted.webhooks} webhooks, ${rows.checks} checks.`
        : `WRONG ROWS:\n  ${rows.wrong.join("\n  ")}`,
    );
    if (rows.wrong.length > 0) process.exitCode = 1;
    if (cpuProfile !== undefined) say(`Profiles: ${readdirSync(cpuProfile).join(", ")}`);
  } finally {
    for (const end of ends.reverse()) await Promise.resolve(end()).catch(() => undefined);
  }
}

main().then(
  () => process.exit(),
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
