import { type Actor, actorCan, type Permission, type TenantScope } from "@/server/auth/permissions";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import type { Mode } from "@/server/core/schema";
import { type Clock, systemClock } from "@/server/core/time";
import { createDatabase, type Database } from "@/server/db/client";
import type { IdempotencyIntent } from "@/server/db/idempotency";
import { createSecretBox, type SecretBox } from "@/server/db/secrets";
import { type Env, env } from "@/server/env";
import { createNudge, type Nudge } from "@/server/events/nudge";
import type { KlarnaClient } from "@/server/klarna/client";
import { createKlarnaClient } from "@/server/klarna/http-client";
import { createKeyring } from "@/server/klarna/keyring";
import { createLog, type Log } from "@/server/observability/log";

/** What every use case needs and one process shares. */
export type Services = {
  readonly env: Env;
  readonly db: Database;
  readonly klarna: KlarnaClient;
  readonly secrets: SecretBox;
  readonly clock: Clock;
  readonly log: Log;
  /** Tells background work that something waits. Losing a nudge loses time only. */
  readonly nudge: (what: Nudge) => void;
};
export type { Nudge };

/** How a change came about, for the audit. */
export type Way = "API" | "SCREEN" | "JOB" | "WEBHOOK";

/** The first argument of every use case: who asks, in which world, by which way. */
export type ServiceContext = Services & {
  readonly actor: Actor;
  readonly scope: TenantScope;
  readonly way: Way;
  readonly requestId: string;
  /** Set by the REST layer on POSTs: the use case claims the key together with what it makes. */
  readonly idempotency: IdempotencyIntent | null;
};

/** Where signals go: an Inngest server when one is configured, else the embedded engine on this machine. */
export function eventApiUrl(
  settings: Pick<Env, "INNGEST_BASE_URL" | "ENGINE_PORT"> & Partial<Pick<Env, "INNGEST_EVENT_API_BASE_URL">>,
): string {
  if (settings.INNGEST_BASE_URL && settings.INNGEST_EVENT_API_BASE_URL) return settings.INNGEST_EVENT_API_BASE_URL;
  return settings.INNGEST_BASE_URL ?? `http://127.0.0.1:${settings.ENGINE_PORT}`;
}

export function createServices(options: {
  env?: Env;
  name: string;
  clock?: Clock;
  log?: Log;
  nudge?: (what: Nudge) => void;
  connections?: number;
  /** How long a free connection is waited for, ms. */
  connectionWaitMs?: number;
}): Services {
  const settings = options.env ?? env();
  const log = options.log ?? createLog({ level: settings.LOG_LEVEL, name: options.name });
  const clock = options.clock ?? systemClock;
  const db = createDatabase(settings.DATABASE_URL, {
    name: `tillgate-${options.name}`,
    connections: options.connections ?? settings.DATABASE_CONNECTIONS,
    ...(options.connectionWaitMs === undefined ? {} : { waitMs: options.connectionWaitMs }),
  });
  const secrets = createSecretBox(settings.TILLGATE_ENCRYPTION_KEYS, settings.TILLGATE_KEY_PEPPER);
  const keyring = createKeyring({
    db,
    secrets,
    log,
    clock,
    settings: { test: settings.KLARNA_TEST_API_KEY ?? null, live: settings.KLARNA_LIVE_API_KEY ?? null },
  });
  return {
    env: settings,
    db,
    klarna: createKlarnaClient({
      clock,
      log,
      timeoutMs: settings.KLARNA_TIMEOUT_MS,
      keyring,
      environments: {
        test: { baseUrl: settings.KLARNA_TEST_BASE_URL, apiKey: settings.KLARNA_TEST_API_KEY ?? null },
        live: { baseUrl: settings.KLARNA_LIVE_BASE_URL, apiKey: settings.KLARNA_LIVE_API_KEY ?? null },
      },
    }),
    secrets,
    clock,
    log,
    nudge:
      options.nudge ??
      createNudge({ eventApiUrl: eventApiUrl(settings), eventKey: settings.INNGEST_EVENT_KEY }, (error) =>
        log.warn({ error }, "the background could not be told that something waits"),
      ),
  };
}

export function createContext(
  services: Services,
  as: { actor: Actor; scope: TenantScope; way: Way; requestId?: string; idempotency?: IdempotencyIntent | null },
): ServiceContext {
  return {
    ...services,
    actor: as.actor,
    scope: as.scope,
    way: as.way,
    requestId: as.requestId ?? newId("request"),
    idempotency: as.idempotency ?? null,
  };
}

/** A context of our own background work, over all Partners of one mode. */
export function systemContext(services: Services, name: string, mode: Mode, way: Way = "JOB"): ServiceContext {
  return createContext(services, { actor: { kind: "SYSTEM", id: name, name }, scope: { partners: "all", mode }, way });
}

/** Errors: permission_denied. */
export function requirePermission(ctx: ServiceContext, permission: Permission): void {
  if (!actorCan(ctx.actor, permission)) throw new AppError("permission_denied", { params: { permission } });
}
