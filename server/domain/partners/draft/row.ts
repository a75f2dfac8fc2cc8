import { actorCan } from "@/server/auth/permissions";
import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { Row } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import { appendStateChange } from "@/server/domain/partners/facts";
import { type AccountRow, lockAccountRow, type Queries } from "@/server/domain/partners/rows";
import type { OnboardingState } from "@/server/domain/partners/states";

/* The row of a draft: who may change it, and its way from state to state. */

/** In these a draft may still be changed. */
const OPEN: readonly OnboardingState[] = ["DRAFT", "SUBMITTED", "REFUSED"];

type OnboardingRow = Row & {
  id: string;
  partnerId: string;
  mode: "test" | "live";
  state: string;
  version: number;
  partnerMayEdit: boolean;
  fieldErrors: unknown;
  rejectReason: string | null;
  requestedAt: Date | null;
  requestedFrom: string | null;
  submittedBy: string | null;
  submittedAt: Date | null;
  createdBy: string;
  createdAt: Date;
  updatedAt: Date;
};

const ROW = `select id, partner_id as "partnerId", mode, state, version, partner_may_edit as "partnerMayEdit", field_errors as "fieldErrors",
    reject_reason as "rejectReason", requested_at as "requestedAt", requested_from as "requestedFrom", submitted_by as "submittedBy",
    submitted_at as "submittedAt", created_by as "createdBy", created_at as "createdAt", updated_at as "updatedAt" from onboardings`;

export async function loadOnboarding(tx: Queries, account: AccountRow): Promise<OnboardingRow> {
  const [row] = await tx.query<OnboardingRow>({
    text: `${ROW} where partner_id = $1 and mode = $2`,
    values: [account.partnerId, account.mode],
  });
  if (!row) throw new AppError("not_found");
  return row;
}

export const isOfPartner = (ctx: ServiceContext): boolean => ctx.scope.partners !== "all";

export function mayEdit(ctx: ServiceContext, row: Pick<OnboardingRow, "state" | "partnerMayEdit">): boolean {
  if (!OPEN.some((state) => state === row.state) || !actorCan(ctx.actor, "partners:draft")) return false;
  if (!isOfPartner(ctx)) return true;
  return row.partnerMayEdit && row.state !== "SUBMITTED";
}

export async function bump(tx: Queries, row: OnboardingRow, set: string, values: readonly unknown[], now: Date) {
  await tx.query<Row>({
    text: `update onboardings set version = version + 1, updated_at = $2 ${set === "" ? "" : `, ${set}`} where id = $1`,
    values: [row.id, now, ...values],
  });
}

/** Opens account and draft together, locked. Errors: not_found (also another's Partner). */
export async function lockDraft(tx: Queries, ctx: ServiceContext, partnerId: string) {
  const account = await lockAccountRow(tx, ctx.scope, partnerId);
  if (!account) throw new AppError("not_found");
  return { account, row: await loadOnboarding(tx, account) };
}

export function requireOpen(row: OnboardingRow): void {
  if (!OPEN.some((state) => state === row.state))
    throw new AppError("state_conflict", { detail: "The draft has been decided.", params: { state: row.state } });
}

export async function move(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  row: OnboardingRow,
  to: OnboardingState,
  set: string,
  values: readonly unknown[],
  reason: string | null = null,
): Promise<void> {
  await bump(tx, row, `state = $3${set === "" ? "" : `, ${set}`}`, [to, ...values], ctx.clock.now());
  await appendStateChange(tx, ctx, account, {
    what: "ONBOARDING",
    subjectId: row.id,
    from: row.state,
    to,
    madeBy: "US",
    reason,
  });
  await appendAudit(tx, ctx, {
    action: `onboarding.${to.toLowerCase()}`,
    subjectKind: "onboarding",
    subjectId: row.id,
    partnerId: account.partnerId,
    mode: account.mode,
    before: { state: row.state },
    after: { state: to },
  });
}
