import { randomBytes } from "node:crypto";
import {
  API_SCOPE_NAMES,
  type ApiScope,
  ROLE_AUDIENCES,
  ROLE_LABELS,
  ROLE_PERMISSIONS,
  type Role,
} from "@/server/auth/permissions";
import type { WebSession } from "@/server/auth/sessions";
import { createContext, createServices, type Nudge, type ServiceContext, type Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import type { Mode } from "@/server/core/schema";
import { addMs, type Clock, HOUR_MS, movableClock, systemClock } from "@/server/core/time";
import type { IdempotencyIntent } from "@/server/db/idempotency";
import { readEnv } from "@/server/env";
import { createLog } from "@/server/observability/log";
import { addCurrencies } from "@/server/simulator/markets";
import type { RunningSimulator } from "@/server/simulator/testing";
import { testDatabase } from "./database";
import { holdSandbox } from "./sandbox";

export type TestServices = {
  services: Services;
  /** The file's simulator; Klarna's test and live hosts both point at it. Throws when it was left out. */
  simulator: RunningSimulator;
  /** Moves only when told to; the real time when `clock: "movable"` was not asked for. */
  clock: Clock & { advance(ms: number): void; set(at: Date): void };
  /** Everything that was logged, one JSON text a line. */
  log: string[];
  /** What the code asked background work to look at. */
  nudges: Nudge[];
  close(): Promise<void>;
};

const secret = (): string => randomBytes(32).toString("base64url");

/** Real time that refuses to be moved: a test that moves it must ask for a movable clock. */
const fixedToReality: TestServices["clock"] = {
  now: () => systemClock.now(),
  advance: () => {
    throw new Error('ask for testServices({ clock: "movable" })');
  },
  set: () => {
    throw new Error('ask for testServices({ clock: "movable" })');
  },
};

/**
 * Everything that a use case needs, over a fresh database and the simulator.
 *
 * `clock: "movable"` stands still until moved. `environment` overrides settings. `simulator: false` leaves it out, for
 * tests that never reach Klarna. `nudge` hears what background work is asked to do.
 */
export async function testServices(
  options: {
    clock?: "movable" | Date;
    simulator?: boolean;
    environment?: Readonly<Record<string, string>>;
    connections?: number;
    nudge?: (what: Nudge, services: Services) => void;
  } = {},
): Promise<TestServices> {
  const [database, sandbox] = await Promise.all([testDatabase(), options.simulator === false ? null : holdSandbox()]);
  const log: string[] = [];
  const nudges: Nudge[] = [];
  const clock =
    options.clock === undefined
      ? fixedToReality
      : movableClock(options.clock instanceof Date ? options.clock : new Date());
  const nowhere = "http://127.0.0.1:9";
  const environment: Record<string, string> = {
    TILLGATE_ENV: "demo",
    DATABASE_URL: database.url,
    PUBLIC_URL: "http://localhost:3000",
    KLARNA_TEST_BASE_URL: sandbox?.simulator.url ?? nowhere,
    KLARNA_LIVE_BASE_URL: sandbox?.simulator.url ?? nowhere,
    KLARNA_CLASSIC_TEST_BASE_URL: sandbox?.simulator.url ?? nowhere,
    KLARNA_TEST_API_KEY: sandbox?.simulator.apiKey ?? "klarna_test_api_none",
    KLARNA_LIVE_API_KEY: sandbox?.simulator.apiKey ?? "klarna_live_api_none",
    ...(sandbox ? { SIMULATOR_CONTROL_URL: sandbox.simulator.url } : {}),
    TILLGATE_SESSION_SECRET: secret(),
    TILLGATE_KEY_PEPPER: secret(),
    TILLGATE_ENCRYPTION_KEYS: `test:${randomBytes(32).toString("base64")}`,
    LOG_LEVEL: "debug",
    ...options.environment,
  };
  addCurrencies((environment["TEST_CURRENCIES"] ?? "").split(",").filter((code) => code !== ""));
  const services: Services = createServices({
    env: readEnv(environment),
    name: "test",
    clock,
    log: createLog({ level: "debug", name: "test", destination: { write: (line) => log.push(line) } }),
    connections: options.connections ?? 4,
    // Hundreds of calls at once share few connections: on a slow machine the last of them waits for long.
    connectionWaitMs: 120_000,
    nudge: (what) => {
      nudges.push(what);
      options.nudge?.(what, services);
    },
  });
  return {
    services,
    get simulator() {
      if (!sandbox) throw new Error("this test was started without the simulator");
      return sandbox.simulator;
    },
    clock,
    log,
    nudges,
    close: async () => {
      await Promise.all([services.db.close(), services.klarna.close()]);
      await Promise.all([database.drop(), sandbox?.release()]);
    },
  };
}

/** A context as the REST layer makes it for a Partner's key. */
export function asApiKey(
  services: Services,
  key: {
    partnerId: string;
    mode?: Mode;
    scopes?: readonly ApiScope[];
    keyId?: string;
    idempotency?: IdempotencyIntent | null;
  },
): ServiceContext {
  const mode = key.mode ?? "test";
  return createContext(services, {
    actor: {
      kind: "API_KEY",
      id: key.keyId ?? newId("apiKey"),
      name: "Test key",
      partnerId: key.partnerId,
      scopes: key.scopes ?? API_SCOPE_NAMES,
    },
    scope: { partners: [key.partnerId], mode },
    way: "API",
    idempotency: key.idempotency ?? null,
  });
}

/** A context as the dashboard makes it for a person; `partners` is ["ptn_…"] for a Partner's roles. */
export function asUser(
  services: Services,
  role: Role,
  partners: "all" | readonly string[] = "all",
  mode: Mode = "test",
): ServiceContext {
  return createContext(services, {
    actor: {
      kind: "USER",
      id: newId("user"),
      name: "Test person",
      role,
      permissions: ROLE_PERMISSIONS[role],
      partners,
    },
    scope: { partners, mode },
    way: "SCREEN",
  });
}

/** Who is signed in, as the dashboard's procedures get it. */
export function sessionAs(
  services: Services,
  role: Role,
  partners: "all" | readonly string[] = "all",
  userId: string = newId("user"),
): WebSession {
  const now = services.clock.now();
  return {
    id: newId("session"),
    user: {
      id: userId,
      email: "person@tillgate.example",
      name: "Person",
      role,
      roleName: ROLE_LABELS[role],
      audience: ROLE_AUDIENCES[role],
      permissions: ROLE_PERMISSIONS[role],
    },
    partners,
    createdAt: now,
    expiresAt: addMs(now, HOUR_MS),
    method: "PASSWORD",
    confirmedAt: now,
    impersonation: null,
  };
}
