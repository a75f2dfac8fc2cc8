import { z } from "zod";
import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { decodeCursor, LIST_TOTAL_MAX, type ListPage, toListPage } from "@/server/core/pagination";
import type { Row } from "@/server/db/client";
import { nameFor } from "@/server/db/names";
import { appendAudit } from "@/server/domain/audit/service";
import { listQueue } from "./queue/queue";
import { type AccountRow, findAccountRow } from "./rows";
import { ChangeStateSchema, type DecisionItem, type KlarnaChangeItem, type StateChangeItem } from "./schema-sync";

/* What became of an account: its states, Klarna's decisions about it, and our changes on their way to Klarna. */

async function requireAccount(ctx: ServiceContext, partnerId: string): Promise<AccountRow> {
  const account = await findAccountRow(ctx.db, ctx.scope, partnerId);
  if (!account) throw new AppError("not_found");
  return account;
}

/** History of the Partner, its account and product in the context's mode, newest first. Errors: permission_denied, not_found. */
export async function listStateChanges(
  ctx: ServiceContext,
  partnerId: string,
  limit = 100,
): Promise<StateChangeItem[]> {
  requirePermission(ctx, "partners:read");
  await requireAccount(ctx, partnerId);
  return ctx.db.query<Row & StateChangeItem>({
    text: `select c.id, c.what, c.from_state as "from", c.to_state as "to", c.made_by as "madeBy", c.actor_id as "actorId", ${nameFor("u", "$4")} as "actorName",
        c.reason, c.occurred_at as "occurredAt"
      from account_state_changes c left join users u on u.id = c.actor_id where c.partner_id = $1 and c.mode = $2
      order by c.created_at desc, c.id desc limit $3`,
    values: [partnerId, ctx.scope.mode, limit, ctx.scope.partners === "all" ? null : ctx.scope.partners],
  });
}

/** Decisions of Klarna's within the caller's Partners and mode, newest first. Errors: permission_denied, validation_failed (cursor). */
export async function listComplianceDecisions(
  ctx: ServiceContext,
  filter: { partner?: string; state?: readonly ("OPEN" | "HANDLED")[] },
  page: { limit: number; cursor?: string | null },
): Promise<ListPage<DecisionItem & { createdAt: Date }>> {
  requirePermission(ctx, "partners:read");
  const cursor = page.cursor ? decodeCursor(page.cursor) : null;
  const values: unknown[] = [
    ctx.scope.mode,
    ctx.scope.partners === "all" ? null : ctx.scope.partners,
    filter.partner ?? null,
    filter.state?.length ? filter.state : null,
  ];
  const where = `d.mode = $1 and ($2::text[] is null or d.partner_id = any($2)) and ($3::text is null or d.partner_id = $3) and ($4::text[] is null or d.state = any($4))`;
  const [rows, [count]] = await Promise.all([
    ctx.db.query<Row & DecisionItem & { createdAt: Date }>({
      text: `select d.id, d.partner_id as "partnerId", p.name as "partnerName", d.klarna_decision_id as "klarnaDecisionId", d.reason, d.outcome,
          d.decided_at as "decidedAt", d.state, d.action, d.handled_at as "handledAt", d.received_at as "createdAt"
        from compliance_decisions d join partners p on p.id = d.partner_id where ${where}
          and ($5::timestamptz is null or (d.received_at, d.id) < ($5, $6)) order by d.received_at desc, d.id desc limit $7`,
      values: [...values, cursor?.createdAt ?? null, cursor?.id ?? null, page.limit + 1],
    }),
    ctx.db.query<{ total: number }>({
      text: `select count(*)::int as total from (select 1 from compliance_decisions d where ${where} limit ${LIST_TOTAL_MAX}) found`,
      values,
    }),
  ]);
  return toListPage(rows, page.limit, count?.total ?? 0);
}

/** Writes down what was done about a decision. Errors: permission_denied, not_found, state_conflict. */
export async function handleDecision(ctx: ServiceContext, id: string, action: string): Promise<void> {
  requirePermission(ctx, "partners:write");
  await ctx.db.transaction(async (tx) => {
    const [row] = await tx.query<Row & { partnerId: string; state: string }>({
      text: `select partner_id as "partnerId", state from compliance_decisions where id = $1 and mode = $2 and ($3::text[] is null or partner_id = any($3)) for update`,
      values: [id, ctx.scope.mode, ctx.scope.partners === "all" ? null : ctx.scope.partners],
    });
    if (!row) throw new AppError("not_found");
    if (row.state === "HANDLED") throw new AppError("state_conflict", { detail: "It has been handled." });
    await tx.query<Row>({
      text: "update compliance_decisions set state = 'HANDLED', action = $2, handled_by = $3, handled_at = $4 where id = $1",
      values: [id, action, ctx.actor.id, ctx.clock.now()],
    });
    await appendAudit(tx, ctx, {
      action: "compliance_decision.handled",
      subjectKind: "compliance_decision",
      subjectId: id,
      partnerId: row.partnerId,
      before: { state: "OPEN" },
      after: { state: "HANDLED" },
    });
  });
}

const ProblemsSchema = z.array(z.object({ parameter: z.string(), reason: z.string() })).catch([]);

/** What Klarna was or is to be told, newest first; of one subject where given. Errors: permission_denied, not_found. */
export async function listKlarnaChanges(
  ctx: ServiceContext,
  partnerId: string,
  options: { limit?: number; subjectId?: string } = {},
): Promise<KlarnaChangeItem[]> {
  requirePermission(ctx, "partners:read");
  const account = await requireAccount(ctx, partnerId);
  const rows = await listQueue(ctx.db, account, { limit: options.limit ?? 100, ...options });
  return rows.map((row) => ({
    ...row,
    state: ChangeStateSchema.parse(row.state),
    problems: ProblemsSchema.parse(row.problems),
  }));
}
