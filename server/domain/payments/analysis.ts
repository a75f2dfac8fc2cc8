import type { TenantScope } from "@/server/auth/permissions";
import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { DAY_MS } from "@/server/core/time";
import type { Row, Transaction } from "@/server/db/client";
import { TENANT, tenantValues } from "./repository";
import { OPEN_STATES, type PaymentState } from "./states";

/* Where customers turn back, and what is declined or fails where. Reads only. */

/** What outcomes are told apart by. */
export const ANALYSIS_GROUPS = ["store", "terminal", "market", "launch", "channel", "partner"] as const;
export type AnalysisGroup = (typeof ANALYSIS_GROUPS)[number];

/** Each step contains the next. */
export const FUNNEL_STEPS = ["created", "stepped_up", "entered", "finished", "approved"] as const;
export type FunnelStepName = (typeof FUNNEL_STEPS)[number];

export type FunnelStepView = {
  step: FunnelStepName;
  count: number;
  /** Milliseconds from the step before, the median of those that have both moments; null without any. */
  medianMs: number | null;
  /** Those that came no further, by what became of them. */
  lost: { declined: number; failed: number; canceled: number; expired: number; open: number };
};

export type Outcomes = {
  /** Payments that were begun. */
  count: number;
  approved: number;
  declined: number;
  failed: number;
  canceled: number;
  expired: number;
  open: number;
};
export type OutcomeRow = Outcomes & { key: string | null; label: string; hint: string | null };
export type ReasonRow = { reason: string; count: number };
export type AnalysisDay = { day: string; declined: number; failed: number; approved: number };

export type PaymentAnalysis = {
  from: Date;
  to: Date;
  /** The whole of the span. */
  all: Outcomes;
  /** Approved without asking the customer. */
  direct: number;
  funnel: FunnelStepView[];
  /** `declined`, or the code of a failure; most first. */
  reasons: ReasonRow[];
  days: AnalysisDay[];
  groups: OutcomeRow[];
  /** Whether there were more groups than are told. */
  hasMoreGroups: boolean;
};

const SPAN_MAX_MS = 366 * DAY_MS;
const GROUPS_MAX = 50;
const DAYS_MAX = 92;
const APPROVED = "('AUTHORIZED','AUTHORIZATION_EXPIRED','COMPLETED','VOIDED')";
const OPEN = `(${OPEN_STATES.map((state) => `'${state}'`).join(",")})`;

const IN_SPAN = `${TENANT} and p.created_at >= $3 and p.created_at < $4`;
const OUTCOMES = `count(*)::int as count, count(*) filter (where p.state in ${APPROVED})::int as approved,
  count(*) filter (where p.state = 'DECLINED')::int as declined, count(*) filter (where p.state = 'FAILED')::int as failed,
  count(*) filter (where p.state = 'CANCELED')::int as canceled, count(*) filter (where p.state = 'EXPIRED')::int as expired,
  count(*) filter (where p.state in ${OPEN})::int as open`;

type Span = { from: Date; to: Date };
type Queries = Pick<Transaction, "query">;

const GROUP_SQL: Readonly<Record<AnalysisGroup, { key: string; label: string; hint: string; joins: string }>> = {
  store: {
    key: "p.store_id",
    label: "s.name",
    hint: "s.reference",
    joins: "left join stores s on s.id = p.store_id",
  },
  terminal: {
    key: "p.terminal_id",
    label: "t.label",
    hint: "s.reference || ' · ' || t.reference",
    joins: "left join terminals t on t.id = p.terminal_id left join stores s on s.id = t.store_id",
  },
  market: {
    key: "coalesce(s.country, r.country)",
    label: "coalesce(s.country, r.country)",
    hint: "null::text",
    joins: "left join stores s on s.id = p.store_id join partners r on r.id = p.partner_id",
  },
  launch: { key: "lower(p.launch)", label: "p.launch", hint: "null::text", joins: "" },
  channel: { key: "lower(p.channel)", label: "p.channel", hint: "null::text", joins: "" },
  partner: {
    key: "p.partner_id",
    label: "r.name",
    hint: "r.reference",
    joins: "join partners r on r.id = p.partner_id",
  },
};

function findGroups(tx: Queries, scope: TenantScope, span: Span, group: AnalysisGroup): Promise<OutcomeRow[]> {
  const { key, label, hint, joins } = GROUP_SQL[group];
  return tx.query<Row & OutcomeRow>({
    name: `analysis_groups_${group}`,
    text: `select ${key} as key, coalesce(min(${label}), '') as label, min(${hint}) as hint, ${OUTCOMES}
      from payments p ${joins} where ${IN_SPAN} group by 1 order by count(*) desc, 1 limit ${GROUPS_MAX + 1}`,
    values: [...tenantValues(scope), span.from, span.to],
  });
}

/**
 * How far each payment came and what became of it. The moments are those at which the steps were announced; a customer who
 * finished has entered, whether or not we heard of it.
 */
const JOURNEYS = `with journey as (
  select p.id, p.state, p.created_at, p.journey_completed_at as finished_at, p.state in ${APPROVED} as approved,
    min(e.created_at) filter (where e.type = 'payment.pending') as stepped_at,
    min(e.created_at) filter (where e.type = 'payment.in_progress') as entered_at,
    min(e.created_at) filter (where e.type in ('payment.authorized','payment.completed')) as approved_at
  from payments p left join outbox_events e on e.subject_id = p.id and e.partner_id = p.partner_id and e.mode = p.mode
    and e.type in ('payment.pending','payment.in_progress','payment.authorized','payment.completed') and e.created_at >= $3
  where ${IN_SPAN} group by p.id),
stage as materialized (
  select j.*, case when j.stepped_at is null then 0 when j.approved then 4 when j.finished_at is not null then 3
    when j.entered_at is not null then 2 else 1 end as stage from journey j)`;

type MedianRow = { stepped: number | null; entered: number | null; finished: number | null; approved: number | null };
type StageRow = { stage: number; state: PaymentState; count: number };

/** Both in one statement, so that the payments are gone through once. */
async function findFunnel(
  tx: Queries,
  scope: TenantScope,
  span: Span,
): Promise<{ stages: StageRow[]; medians: MedianRow }> {
  const median = (from: string, to: string, name: string): string =>
    `percentile_cont(0.5) within group (order by extract(epoch from ${to} - ${from})::float8 * 1000)
      filter (where ${to} >= ${from} and stepped_at is not null) as ${name}`;
  const none = "null::float8";
  const rows = await tx.query<Row & MedianRow & { stage: number; state: PaymentState | null; count: number }>({
    name: "analysis_funnel",
    text: `${JOURNEYS} select stage, state, count(*)::int as count, ${none} as stepped, ${none} as entered, ${none} as finished, ${none} as approved
        from stage group by stage, state
      union all select -1, null, 0, ${median("created_at", "stepped_at", "stepped")}, ${median("stepped_at", "entered_at", "entered")},
        ${median("coalesce(entered_at, stepped_at)", "finished_at", "finished")}, ${median("finished_at", "approved_at", "approved")} from stage`,
    values: [...tenantValues(scope), span.from, span.to],
  });
  const medians = rows.find((row) => row.state === null);
  return {
    stages: rows.flatMap(({ stage, state, count }) => (state === null ? [] : [{ stage, state, count }])),
    medians: medians ?? { stepped: null, entered: null, finished: null, approved: null },
  };
}

const NOTHING_LOST = { declined: 0, failed: 0, canceled: 0, expired: 0, open: 0 };

function lossOf(state: PaymentState): keyof typeof NOTHING_LOST | null {
  switch (state) {
    case "DECLINED":
      return "declined";
    case "FAILED":
      return "failed";
    case "CANCELED":
      return "canceled";
    case "EXPIRED":
      return "expired";
    default:
      return OPEN_STATES.includes(state) ? "open" : null;
  }
}

const isApproved = (state: PaymentState): boolean => lossOf(state) === null;

function toFunnel(stages: readonly StageRow[], medians: MedianRow): FunnelStepView[] {
  const times = [null, medians.stepped, medians.entered, medians.finished, medians.approved];
  return FUNNEL_STEPS.map((step, index): FunnelStepView => {
    const lost = { ...NOTHING_LOST };
    for (const row of stages) {
      const kind = lossOf(row.state);
      if (row.stage === index && kind !== null) lost[kind] += row.count;
    }
    const count = stages.filter((row) => row.stage >= index).reduce((sum, row) => sum + row.count, 0);
    return { step, count, medianMs: times[index] ?? null, lost };
  });
}

/**
 * The step-up funnel and the outcomes of payments that were begun within a span (`to` is outside), told apart by `groupBy`.
 *
 * The approval rate counts payments with a decision of Klarna's: approved or declined.
 * Errors: permission_denied, validation_failed (backwards, or longer than a year). Case: S41.
 */
export async function getPaymentAnalysis(
  ctx: ServiceContext,
  input: { from: Date; to: Date; groupBy: AnalysisGroup },
): Promise<PaymentAnalysis> {
  requirePermission(ctx, "payments:read");
  const length = input.to.getTime() - input.from.getTime();
  if (!(length > 0 && length <= SPAN_MAX_MS))
    throw new AppError("validation_failed", {
      errors: [{ pointer: "/from", detail: "is at most a year before the end" }],
    });
  const span = { from: input.from, to: input.to };
  const values = [...tenantValues(ctx.scope), span.from, span.to];
  const [[all], funnel, reasons, days, groups] = await Promise.all([
    ctx.db.query<Row & Outcomes>({
      name: "analysis_all",
      text: `select ${OUTCOMES} from payments p where ${IN_SPAN}`,
      values,
    }),
    findFunnel(ctx.db, ctx.scope, span),
    ctx.db.query<Row & ReasonRow>({
      name: "analysis_reasons",
      text: `select case when p.state = 'DECLINED' then 'declined' else coalesce(p.failure_code, 'unknown') end as reason, count(*)::int as count
        from payments p where ${IN_SPAN} and p.state in ('DECLINED','FAILED') group by 1 order by 2 desc, 1`,
      values,
    }),
    ctx.db.query<Row & AnalysisDay>({
      name: "analysis_days",
      text: `select (p.created_at at time zone 'UTC')::date::text as day, count(*) filter (where p.state = 'DECLINED')::int as declined,
          count(*) filter (where p.state = 'FAILED')::int as failed, count(*) filter (where p.state in ${APPROVED})::int as approved
        from payments p where ${IN_SPAN} group by 1 order by 1 desc limit ${DAYS_MAX}`,
      values,
    }),
    findGroups(ctx.db, ctx.scope, span, input.groupBy),
  ]);
  return {
    ...span,
    all: all ?? { count: 0, approved: 0, declined: 0, failed: 0, canceled: 0, expired: 0, open: 0 },
    direct: funnel.stages
      .filter((row) => row.stage === 0 && isApproved(row.state))
      .reduce((sum, row) => sum + row.count, 0),
    funnel: toFunnel(funnel.stages, funnel.medians),
    reasons,
    days: days.reverse(),
    groups: groups.slice(0, GROUPS_MAX),
    hasMoreGroups: groups.length > GROUPS_MAX,
  };
}
