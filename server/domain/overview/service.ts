import { actorCan, type Permission } from "@/server/auth/permissions";
import { requirePermission, type ServiceContext } from "@/server/context";
import { addMs, DAY_MS, MINUTE_MS } from "@/server/core/time";
import { APPROVAL_KINDS, APPROVAL_PERMISSIONS } from "@/server/domain/approvals/states";
import { countCredentialNeeds } from "@/server/domain/credentials/service";
import * as repository from "./repository";
import * as requests from "./requests";
import type { Attention, AttentionKind, CurrencyFigure, Overview, OverviewDay, SearchHit, SpanDays } from "./schema";
import * as system from "./system";
import * as lists from "./system-lists";

const ATTENTION_MAX = 7;
/** Charts show a month at least, however short the span of the figures. */
const CHART_DAYS_MIN = 30;
const AUTHORIZATION_NEAR_MS = 3 * DAY_MS;
const KEY_NEAR_MS = 14 * DAY_MS;
/** An outcome is unknown for a moment with every lost answer; a person is told when it stays so. */
const UNKNOWN_AFTER_MS = 2 * MINUTE_MS;

/**
 * What a person sees first: what needs them, the figures of the last `days` days (today included, days of UTC) against
 * as long a time before, and charts of a month at least. Everything is within the caller's Partners and mode.
 *
 * Amounts stay apart by currency. The approval rate counts payments with a decision: approved or declined.
 * Errors: permission_denied.
 */
export async function getOverview(ctx: ServiceContext, options: { days: SpanDays }): Promise<Overview> {
  requirePermission(ctx, "overview:read");
  const now = ctx.clock.now();
  const today = Math.floor(now.getTime() / DAY_MS) * DAY_MS;
  const from = new Date(today - (options.days - 1) * DAY_MS);
  const before = addMs(from, from.getTime() - now.getTime());
  const chartDays = Math.max(options.days, CHART_DAYS_MIN);
  const chartFrom = new Date(today - (chartDays - 1) * DAY_MS);
  const first = new Date(Math.min(before.getTime(), chartFrom.getTime()));
  const span = { first, before, from, to: now };
  const [days, finalizing, funnel, deliveries, credentials, waiting] = await Promise.all([
    repository.findDays(ctx.db, ctx.scope, span),
    repository.findFinalizing(ctx.db, ctx.scope, span),
    repository.findFunnel(ctx.db, ctx.scope, span),
    repository.countDeliveries(ctx.db, ctx.scope, addMs(now, -DAY_MS)),
    countCredentialNeeds(ctx),
    repository.findWaiting(
      ctx.db,
      ctx.scope,
      {
        now,
        authorizationsBefore: addMs(now, AUTHORIZATION_NEAR_MS),
        unknownSince: addMs(now, -UNKNOWN_AFTER_MS),
        keysBefore: addMs(now, KEY_NEAR_MS),
      },
      {
        id: ctx.actor.id,
        kinds: APPROVAL_KINDS.filter((kind) => actorCan(ctx.actor, APPROVAL_PERMISSIONS[kind])),
      },
    ),
  ]);
  const current = days.filter((row) => row.span === "now");
  const earlier = days.filter((row) => row.span === "before");
  return {
    asOf: now,
    from,
    days: options.days,
    attention: toAttention(ctx, [...waiting, ...credentials.map(waitingCredentials)]),
    currencies: toCurrencies(current, earlier),
    payments: { count: total(current, "payments"), before: total(earlier, "payments") },
    approval: {
      approved: total(current, "approved"),
      decided: total(current, "approved") + total(current, "declined"),
      approvedBefore: total(earlier, "approved"),
      decidedBefore: total(earlier, "approved") + total(earlier, "declined"),
    },
    finalizing,
    daily: toDaily(days, chartFrom, chartDays),
    funnel,
    deliveries,
  };
}

type CountField = "payments" | "approved" | "declined";

function total(rows: readonly repository.DayRow[], field: CountField): number {
  return rows.reduce((sum, row) => sum + row[field], 0);
}

function toCurrencies(current: readonly repository.DayRow[], earlier: readonly repository.DayRow[]): CurrencyFigure[] {
  const figures = new Map<string, CurrencyFigure>();
  const of = (currency: string): CurrencyFigure => {
    const known = figures.get(currency) ?? { currency, captured: 0, capturedBefore: 0, refunded: 0, payments: 0 };
    figures.set(currency, known);
    return known;
  };
  for (const row of current) {
    const figure = of(row.currency);
    figure.captured += row.captured;
    figure.refunded += row.refunded;
    figure.payments += row.payments;
  }
  for (const row of earlier) of(row.currency).capturedBefore += row.captured;
  return [...figures.values()].sort((a, b) => b.payments - a.payments || a.currency.localeCompare(b.currency));
}

/** Every day of the span, also those on which nothing happened. */
function toDaily(rows: readonly repository.DayRow[], from: Date, days: number): OverviewDay[] {
  const byDay = Map.groupBy(rows, (row) => row.day);
  return Array.from({ length: days }, (_, index) => {
    const day = addMs(from, index * DAY_MS)
      .toISOString()
      .slice(0, 10);
    const found = byDay.get(day) ?? [];
    const approved = total(found, "approved");
    return {
      day,
      payments: total(found, "payments"),
      approved,
      decided: approved + total(found, "declined"),
      money: sumByCurrency(found),
    };
  });
}

function sumByCurrency(rows: readonly repository.DayRow[]): OverviewDay["money"] {
  const sums: Record<string, { captured: number; refunded: number }> = {};
  for (const row of rows) {
    const sum = sums[row.currency] ?? { captured: 0, refunded: 0 };
    sums[row.currency] = { captured: sum.captured + row.captured, refunded: sum.refunded + row.refunded };
  }
  return sums;
}

type Judgement = {
  tone: Attention["tone"];
  meaning: Attention["atMeaning"];
  permission: Permission;
  words: (count: number) => string;
};

const plural = (count: number, one: string, many: string): string => (count === 1 ? one : `${count} ${many}`);

/** In the order of how much they press. Alarms stand first and bring their own sentence. */
const JUDGEMENTS: Readonly<Record<Exclude<AttentionKind, "alarm">, Judgement>> = {
  late_approval: {
    tone: "bad",
    meaning: "since",
    permission: "payments:read",
    words: (count) => plural(count, "A late approval waits to be undone", "late approvals wait to be undone"),
  },
  pending_approval: {
    tone: "warn",
    meaning: "deadline",
    permission: "approvals:decide",
    words: (count) => plural(count, "A request waits for your approval", "requests wait for your approval"),
  },
  unknown_operation: {
    tone: "bad",
    meaning: "since",
    permission: "payments:read",
    words: (count) =>
      plural(count, "A call to Klarna has an unknown outcome", "calls to Klarna have an unknown outcome"),
  },
  authorization_ends: {
    tone: "warn",
    meaning: "deadline",
    permission: "payments:read",
    words: (count) => plural(count, "An authorization ends soon", "authorizations end soon"),
  },
  disabled_account: {
    tone: "bad",
    meaning: "since",
    permission: "partners:read",
    words: (count) => plural(count, "A Partner cannot take payments", "Partners cannot take payments"),
  },
  disabled_endpoint: {
    tone: "bad",
    meaning: "since",
    permission: "webhooks:read",
    words: (count) => plural(count, "A webhook endpoint was switched off", "webhook endpoints were switched off"),
  },
  failing_endpoint: {
    tone: "warn",
    meaning: "since",
    permission: "webhooks:read",
    words: (count) => plural(count, "A webhook endpoint fails", "webhook endpoints fail"),
  },
  store_without_qr: {
    tone: "warn",
    meaning: "since",
    permission: "stores:read",
    words: (count) =>
      plural(count, "A store has nothing that shows a QR code", "stores have nothing that shows a QR code"),
  },
  expiring_key: {
    tone: "warn",
    meaning: "deadline",
    permission: "api_keys:read",
    words: (count) => plural(count, "An API key expires soon", "API keys expire soon"),
  },
  ending_credential: {
    tone: "warn",
    meaning: "deadline",
    permission: "credentials:read",
    words: (count) =>
      plural(count, "A credential for Klarna has ended or ends soon", "credentials for Klarna have ended or end soon"),
  },
  idle_credential: {
    tone: "warn",
    meaning: "since",
    permission: "credentials:read",
    words: (count) =>
      plural(
        count,
        "A key for Klarna is not used: Klarna disables it after two months",
        "keys for Klarna are not used: Klarna disables them after two months",
      ),
  },
  old_credential: {
    tone: "warn",
    meaning: "since",
    permission: "credentials:read",
    words: (count) =>
      plural(count, "A key for Klarna is old and should be rotated", "keys for Klarna are old and should be rotated"),
  },
};

const waitingCredentials = ({ need, count, at }: Awaited<ReturnType<typeof countCredentialNeeds>>[number]) => ({
  ...{ kind: `${need}_credential`, count, at },
  ...{ id: null, subjectKind: null, message: null },
});

function isJudged(kind: string): kind is Exclude<AttentionKind, "alarm"> {
  return Object.hasOwn(JUDGEMENTS, kind);
}

/** Alarms that say what another line already says. */
const SAID_ELSEWHERE: Readonly<Record<string, AttentionKind>> = {
  webhook_endpoint_disabled: "disabled_endpoint",
  late_approval: "late_approval",
  outcome_unknown: "unknown_operation",
};

function toAttention(ctx: ServiceContext, rows: readonly repository.WaitingRow[]): Attention[] {
  const waiting = rows.filter((row) => row.count > 0);
  const plain = new Set(waiting.map((row) => row.kind));
  const items = waiting.flatMap((row): Attention[] => {
    const subject = row.id === null || row.subjectKind === null ? null : { kind: row.subjectKind, id: row.id };
    if (row.kind.startsWith("alarm:")) {
      const said = SAID_ELSEWHERE[row.kind.slice("alarm:".length)];
      if (said !== undefined && plain.has(said)) return [];
      const sentence = (row.message ?? "Something needs a look.").split(". ")[0]?.replace(/\.$/, "") ?? "";
      const title = row.count === 1 ? sentence : `${sentence} (${row.count} times)`;
      return [{ kind: "alarm", tone: "bad", title, count: row.count, at: row.at, atMeaning: "since", subject }];
    }
    if (!isJudged(row.kind)) return [];
    const judgement = JUDGEMENTS[row.kind];
    if (!actorCan(ctx.actor, judgement.permission)) return [];
    return [
      {
        kind: row.kind,
        tone: judgement.tone,
        title: judgement.words(row.count),
        count: row.count,
        at: row.at,
        atMeaning: judgement.meaning,
        subject,
      },
    ];
  });
  const order: readonly AttentionKind[] = [
    "alarm",
    "late_approval",
    "unknown_operation",
    "pending_approval",
    "authorization_ends",
    "disabled_account",
    "disabled_endpoint",
    "failing_endpoint",
    "ending_credential",
    "idle_credential",
    "store_without_qr",
    "expiring_key",
    "old_credential",
  ];
  const rank = (item: Attention): number => (item.tone === "bad" ? 0 : order.length) + order.indexOf(item.kind);
  return items.sort((a, b) => rank(a) - rank(b)).slice(0, ATTENTION_MAX);
}

/** Open alarms and failing endpoints within the caller's sight, for the menu. A role that may not see them gets none. */
export async function countCalls(ctx: ServiceContext): Promise<{ alarms: number; failingEndpoints: number }> {
  const counts = await repository.countWaiting(ctx.db, ctx.scope);
  return {
    alarms: actorCan(ctx.actor, "system:read") ? counts.alarms : 0,
    failingEndpoints: actorCan(ctx.actor, "webhooks:read") ? counts.failingEndpoints : 0,
  };
}

const SEARCHABLE: ReadonlyArray<readonly [SearchHit["kind"], Permission]> = [
  ["payment", "payments:read"],
  ["partner", "partners:read"],
  ["store", "stores:read"],
  ["terminal", "terminals:read"],
];
const SEARCH_MIN = 2;
const SEARCH_MAX = 255;

/**
 * Finds payments by id or reference (whole), Partners, stores and terminals also by a part of their name.
 * Only kinds that the caller may read; five of each at most.
 */
export async function searchRecords(ctx: ServiceContext, text: string): Promise<SearchHit[]> {
  const wanted = text.trim();
  if (wanted.length < SEARCH_MIN || wanted.length > SEARCH_MAX || wanted.includes("\0")) return [];
  const kinds = SEARCHABLE.filter(([, permission]) => actorCan(ctx.actor, permission)).map(([kind]) => kind);
  return repository.findHits(ctx.db, ctx.scope, wanted, kinds);
}

export const getSystemStatus = system.getSystemStatus;
export const clearAlarm = system.clearAlarm;
export const runInvariants = system.runInvariants;
export const recordInvariants = system.recordInvariants;
export const findInvariantCheck = system.findInvariantCheck;
export const listAlarms = lists.listAlarms;
export const listOperations = lists.listOperations;
export const listRequests = requests.listRequests;
