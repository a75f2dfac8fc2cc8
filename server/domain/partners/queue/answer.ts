import type { z } from "zod";
import type { ServiceContext } from "@/server/context";
import { addMs, SECOND_MS } from "@/server/core/time";
import type { Row } from "@/server/db/client";
import { appendStateChange, applyFacts, raiseAlarm } from "@/server/domain/partners/facts";
import { applyOnboarded, takeIds } from "@/server/domain/partners/onboard";
import { toDraftProblem } from "@/server/domain/partners/problems";
import type { AccountRow, Queries } from "@/server/domain/partners/rows";
import type { ChangeKind } from "@/server/domain/partners/states";
import type { Wire } from "@/server/domain/partners/wire";
import {
  OnboardAnswerSchema,
  WireBrandSchema,
  WireEntitySchema,
  WirePaymentAccountSchema,
  WireProductSchema,
  WireStoreGroupSchema,
  WireStoreSchema,
} from "@/server/klarna/accounts";
import type { KlarnaCallRecord } from "@/server/klarna/client";
import type { Claimed } from "./claim";
import { TABLES } from "./send";

/* What came of a call is written down: done, refused, or to be sent again. */

const STEPS_S = [2, 5, 10, 30, 60, 120, 300];

export async function keepCalls(tx: Queries, change: Claimed, calls: readonly KlarnaCallRecord[]): Promise<void> {
  for (const call of calls) {
    await tx.query<Row>({
      text: `insert into klarna_change_calls (change_id, partner_id, mode, attempt, outcome, method, path, http_status, request, response,
          klarna_correlation_id, klarna_error_id, duration_ms, created_at) values ($1,$2,$3,$4,$5,$6,$7,$8,$9::jsonb,$10::jsonb,$11,$12,$13,$14)`,
      values: [
        change.id,
        change.partnerId,
        change.mode,
        change.attempts,
        call.outcome,
        call.method,
        call.path,
        call.httpStatus,
        JSON.stringify(call.request ?? null),
        JSON.stringify(call.response ?? null),
        call.klarnaCorrelationId,
        call.klarnaErrorId,
        call.durationMs,
        call.at,
      ],
    });
  }
}

export async function settle(
  tx: Queries,
  change: Claimed,
  state: "DONE" | "FAILED",
  now: Date,
  error?: { code: string; errorId: string | null; problems: { parameter: string; reason: string }[] },
): Promise<void> {
  await tx.query<Row>({
    text: `update klarna_changes set state = $2, next_attempt_at = null, settled_at = $3, klarna_error_code = $4, klarna_error_id = $5, problems = $6::jsonb where id = $1`,
    values: [change.id, state, now, error?.code ?? null, error?.errorId ?? null, JSON.stringify(error?.problems ?? [])],
  });
}

export async function again(
  tx: Queries,
  change: Claimed,
  next: { state: "PENDING" | "UNKNOWN"; code: string; isRefusal?: boolean; waitMs?: number },
  now: Date,
): Promise<void> {
  const seconds = STEPS_S[Math.min(STEPS_S.length - 1, change.attempts - 1)] ?? 300;
  await tx.query<Row>({
    text: "update klarna_changes set state = $2, next_attempt_at = $3, klarna_error_code = $4, refusals = refusals + $5 where id = $1",
    values: [change.id, next.state, addMs(now, next.waitMs ?? seconds * SECOND_MS), next.code, next.isRefusal ? 1 : 0],
  });
}

/** An id from the answer of a create; undefined where the answer cannot be read. */
function madeId(kind: ChangeKind, body: unknown): { id: string } | undefined {
  const of = <T>(schema: z.ZodType<T>, idOf: (value: T) => string) => {
    const parsed = schema.safeParse(body);
    return parsed.success ? { id: idOf(parsed.data) } : undefined;
  };
  switch (kind) {
    case "ENTITY_CREATE":
      return of(WireEntitySchema, (entity) => entity.partner_business_entity_id);
    case "BRAND_CREATE":
      return of(WireBrandSchema, (brand) => brand.brand_id);
    case "GROUP_CREATE":
      return of(WireStoreGroupSchema, (group) => group.store_group_id);
    case "STORE_CREATE":
      return of(WireStoreSchema, (store) => store.store_id);
    default:
      return of(WirePaymentAccountSchema, (account) => account.payment_account_id);
  }
}

export async function applyAnswer(
  tx: Queries,
  ctx: ServiceContext,
  change: Claimed,
  account: AccountRow,
  body: unknown,
): Promise<boolean> {
  const now = ctx.clock.now();
  if (change.kind === "ONBOARD") {
    const parsed = OnboardAnswerSchema.safeParse(body);
    if (!parsed.success) return false;
    await applyOnboarded(tx, ctx, account, parsed.data);
    return true;
  }
  if (change.lane === "PRODUCT") {
    const parsed = WireProductSchema.safeParse(body);
    if (!parsed.success) return false;
    await applyFacts(tx, ctx, account, { product: parsed.data });
    return true;
  }
  if (!change.kind.endsWith("_CREATE")) return true;
  const made = madeId(change.kind, body);
  if (!made) return false;
  await takeId(tx, change, made.id, now);
  if (change.kind === "GROUP_CREATE") {
    const group = WireStoreGroupSchema.parse(body);
    await takeIds(tx, account, { store_groups: [group] }, now);
  }
  return true;
}

export async function takeId(tx: Queries, change: Claimed, id: string, now: Date): Promise<void> {
  const [table, column] =
    change.kind === "PAYMENT_ACCOUNT_CREATE"
      ? ["payment_accounts", "klarna_payment_account_id"]
      : (TABLES[change.subjectKind] ?? ["", ""]);
  if (table === "") return;
  await tx.query<Row>({
    text: `update ${table} set ${column} = $4, updated_at = $5 ${table === "payment_accounts" ? ", state = 'ENABLED'" : ""} where partner_id = $1 and mode = $2 and id = $3`,
    values: [change.partnerId, change.mode, change.subjectId, id, now],
  });
}

/** A definite no: the change ends, the onboarding shows what to correct, a person is told. */
export async function refuse(
  tx: Queries,
  ctx: ServiceContext,
  change: Claimed,
  account: AccountRow,
  payload: Wire,
  error: {
    code: string;
    errorId: string | null;
    problems: { parameter: string; reason: string }[];
    message: string | null;
  },
): Promise<void> {
  const now = ctx.clock.now();
  await settle(tx, change, "FAILED", now, error);
  if (change.kind === "ONBOARD" && account.klarnaId === null) {
    const problems = error.problems.map((problem) => toDraftProblem(payload, problem));
    if (problems.length === 0)
      problems.push({
        section: "company",
        item: null,
        field: "",
        detail: error.message ?? "Klarna refuses the account.",
      });
    const [row] = await tx.query<{ id: string }>({
      text: `update onboardings set state = 'REFUSED', field_errors = $3::jsonb, version = version + 1, updated_at = $4
        where partner_id = $1 and mode = $2 and state = 'ONBOARDING' returning id`,
      values: [account.partnerId, account.mode, JSON.stringify(problems.slice(0, 200)), now],
    });
    if (row) {
      await appendStateChange(tx, ctx, account, {
        what: "ONBOARDING",
        subjectId: row.id,
        from: "ONBOARDING",
        to: "REFUSED",
        madeBy: "KLARNA",
        reason: error.code,
      });
    }
    await tx.query<Row>({
      text: `update klarna_changes set state = 'CANCELED', next_attempt_at = null, settled_at = $3 where partner_id = $1 and mode = $2 and state = 'PENDING'`,
      values: [account.partnerId, account.mode, now],
    });
  }
  await raiseAlarm(tx, ctx, {
    kind: "klarna_change_failed",
    partnerId: change.partnerId,
    mode: change.mode,
    subjectKind: change.subjectKind,
    subjectId: change.subjectId,
    message: `Klarna refused a change of ${account.partnerName} (${error.code}).`,
  });
}
