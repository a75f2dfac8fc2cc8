import { createContext, type ServiceContext, type Services, systemContext } from "@/server/context";
import { isAppError } from "@/server/core/errors";
import { sqlState, type Transaction } from "@/server/db/client";
import { type AuditContext, appendAudit } from "@/server/domain/audit/service";
import type { DraftRecord, DraftSectionInput } from "@/server/domain/partners/schema-onboarding";
import { getDraft, saveDraftSection, startOnboarding } from "@/server/domain/partners/service";
import { insertStores, updateStores } from "@/server/domain/stores/bulk";
import { insertTerminals, updateTerminals } from "@/server/domain/terminals/bulk";
import {
  type Accepted,
  type FileRow,
  type ImportAccount,
  isRefused,
  type Judged,
  judgePartners,
  judgeStores,
  judgeTerminals,
  type Plan,
  type StoreValue,
  type TerminalValue,
} from "./judge";
import type { PartnerCells } from "./read-rows";
import * as repository from "./repository";
import { openCells } from "./rows";

/* The background's part: one batch of one running import in one transaction, so that a crash neither loses nor doubles a row. */

const BATCH = 500;
type Queries = Pick<Transaction, "query">;
type Progress = { id: string; rows: number; isDone: boolean };

/**
 * Works off the next batch of one running import; for the background. Null when none runs. `only` names one import.
 */
export async function continueImports(services: Services, only?: string): Promise<Progress | null> {
  try {
    return await batch(services, BATCH, only ?? null);
  } catch (error) {
    if (!isOfRow(error)) throw error;
    services.log.warn({ error }, "a batch of an import was refused: its rows are tried one by one");
  }
  for (let tried = 0; ; tried += 1) {
    try {
      const progress = await batch(services, 1, only ?? null);
      if (progress === null || progress.isDone || tried + 1 >= BATCH) return progress;
    } catch (error) {
      if (!isOfRow(error)) throw error;
      await refuseNext(services, only ?? null, error);
    }
  }
}

/** What one row is to blame for: a refusal of ours, or of a constraint; anything else passes by itself. */
function isOfRow(error: unknown): boolean {
  if (isAppError(error)) return error.status < 500;
  const state = sqlState(error);
  return state !== null && /^(22|23)/.test(state);
}

const SIZE: Readonly<Record<string, number>> = { PARTNERS: 1 };

async function batch(services: Services, size: number, only: string | null): Promise<Progress | null> {
  const progress = await services.db.transaction(async (tx): Promise<Progress | null> => {
    const found = await repository.lockNextRunning(tx, only);
    if (!found) return null;
    const limit = Math.min(size, SIZE[found.kind] ?? size);
    const account = await accountOf(tx, found);
    if (typeof account === "string") {
      await finish(tx, services, found, "FAILED", account);
      return { id: found.id, rows: 0, isDone: true };
    }
    const stored = await repository.findRows(tx, found.id, { state: ["VALID"] }, { limit, after: 0 });
    if (stored.length === 0) {
      if (account?.isDraft) await repository.touchDraft(tx, account.partnerId, account.mode, services.clock.now());
      await finish(tx, services, found, "DONE");
      return { id: found.id, rows: 0, isDone: true };
    }
    const rows = stored.map((row) => ({ rowNumber: row.rowNumber, cells: openCells(services, found.id, row) }));
    const results = await apply(tx, runContext(services, found), found, account, rows);
    await repository.writeResults(tx, found.id, results);
    const failed = results.filter((result) => result.state === "FAILED").length;
    await repository.addProgress(tx, found.id, {
      done: results.length - failed,
      failed,
      now: services.clock.now(),
    });
    return { id: found.id, rows: results.length, isDone: false };
  });
  if (progress !== null && progress.rows > 0) {
    services.nudge("partners");
    services.nudge("outbox");
  }
  return progress;
}

/** The account, null for Partners, or the sentence why rows can no longer go into it. */
async function accountOf(tx: Queries, found: repository.ImportRow): Promise<ImportAccount | null | string> {
  if (found.partnerId === null) return null;
  const account = await repository.holdAccount(tx, { partners: [found.partnerId], mode: found.mode }, found.partnerId);
  if (!account || account.partnerState === "CLOSED") return "The Partner was closed meanwhile.";
  const isDraft = account.state === "NOT_ONBOARDED";
  if (isDraft && !["DRAFT", "SUBMITTED", "REFUSED"].includes(account.onboardingState ?? ""))
    return "The draft was decided meanwhile.";
  return { partnerId: account.partnerId, mode: account.mode, country: account.country, isDraft };
}

/** In the name of who started it, with no more than its rows need. */
function runContext(services: Services, found: repository.ImportRow): ServiceContext {
  if (found.createdByKind !== "USER") return systemContext(services, "imports", found.mode);
  return createContext(services, {
    actor: {
      kind: "USER",
      id: found.createdBy,
      name: found.createdByName ?? found.createdBy,
      role: "imports",
      permissions: found.kind === "PARTNERS" ? ["partners:write", "partners:draft"] : [],
      partners: found.partnerId === null ? "all" : [found.partnerId],
    },
    scope: { partners: found.partnerId === null ? "all" : [found.partnerId], mode: found.mode },
    way: "JOB",
    ...(found.requestId === null ? {} : { requestId: found.requestId }),
  });
}

async function finish(
  tx: Queries,
  services: Services,
  found: repository.ImportRow,
  to: "DONE" | "FAILED",
  error?: string,
): Promise<void> {
  await repository.moveImport(tx, found.id, ["RUNNING"], to, {
    now: services.clock.now(),
    ...(error === undefined ? {} : { error }),
  });
  await appendAudit(tx, runContext(services, found), {
    action: to === "DONE" ? "import.finished" : "import.stopped",
    subjectKind: "import",
    subjectId: found.id,
    partnerId: found.partnerId,
    after: { kind: found.kind, done: found.doneCount, failed: found.failedCount },
  });
}

/** Marks the row that the database or a rule refused, so that the next one gets its turn. */
async function refuseNext(services: Services, only: string | null, error: unknown): Promise<void> {
  await services.db.transaction(async (tx) => {
    const found = await repository.lockNextRunning(tx, only);
    if (!found) return;
    const [row] = await repository.findRows(tx, found.id, { state: ["VALID"] }, { limit: 1, after: 0 });
    if (!row) return;
    const detail = isAppError(error) ? error.detail : "was refused by the database";
    await repository.writeResults(tx, found.id, [
      { ...row, state: "FAILED", problems: [{ field: null, detail }], resourceId: null },
    ]);
    await repository.addProgress(tx, found.id, { done: 0, failed: 1, now: services.clock.now() });
  });
}

// --- What rows become ---

async function apply(
  tx: Queries,
  ctx: ServiceContext,
  found: repository.ImportRow,
  account: ImportAccount | null,
  rows: readonly FileRow[],
): Promise<repository.RowResult[]> {
  const plan: Plan = { head: found.head, columns: found.columns, defaults: found.defaults };
  if (account === null) {
    const judged = await judgePartners(tx, plan, rows);
    const made = new Map<string, string>();
    for (const row of judged)
      if (!isRefused(row) && row.action === "CREATE") made.set(row.key, await makePartner(tx, ctx, row.value));
    return judged.map((row) => resultOf(row, made));
  }
  // Who uploaded it stands in the audit, also when it came from another system.
  const by: AuditContext = {
    ...ctx,
    actor: found.createdByKind === "API_KEY" ? { kind: "API_KEY", id: found.createdBy } : ctx.actor,
  };
  if (found.kind === "STORES") {
    const judged = await judgeStores(tx, account, plan, rows);
    const made = await insertStores(tx, ctx, by, account, creating(judged));
    await updateStores(
      tx,
      ctx,
      by,
      account,
      updating(judged).map((row) => ({ id: row.id, store: row.value, changed: row.changed })),
    );
    return judged.map((row) => resultOf<StoreValue>(row, made));
  }
  const judged = await judgeTerminals(tx, account, plan, rows);
  const made = await insertTerminals(tx, ctx, by, account, creating(judged));
  await updateTerminals(
    tx,
    ctx,
    by,
    account,
    updating(judged).flatMap(({ id, value: { before, ...value } }) =>
      before === null ? [] : [{ id, ...value, before }],
    ),
  );
  return judged.map((row) => resultOf<TerminalValue>(row, made));
}

const creating = <T>(judged: readonly Judged<T>[]): T[] =>
  judged.flatMap((row) => (!isRefused(row) && row.action === "CREATE" ? [row.value] : []));
const updating = <T>(judged: readonly Judged<T>[]) =>
  judged.filter((row): row is Extract<Accepted<T>, { action: "UPDATE" }> => !isRefused(row) && row.action === "UPDATE");

function resultOf<T>(row: Judged<T>, made: ReadonlyMap<string, string>): repository.RowResult {
  const common = { rowNumber: row.rowNumber, reference: row.reference };
  if (isRefused(row)) return { ...common, state: "FAILED", action: null, problems: row.problems, resourceId: null };
  const done = { ...common, action: row.action, problems: [] };
  if (row.action === "NONE") return { ...done, state: "SKIPPED", resourceId: row.id };
  if (row.action === "UPDATE") return { ...done, state: "DONE", resourceId: row.id };
  const id = made.get(row.key);
  if (id !== undefined) return { ...done, state: "DONE", resourceId: id };
  return {
    ...done,
    state: "FAILED",
    problems: [{ field: "reference", detail: "was taken by somebody else meanwhile" }],
    resourceId: null,
  };
}

/** A draft with what the row says, all in the batch's transaction: each use case joins it. */
async function makePartner(tx: Queries, ctx: ServiceContext, row: PartnerCells): Promise<string> {
  const joined: ServiceContext = {
    ...ctx,
    db: { ...ctx.db, query: (statement) => tx.query(statement), transaction: (work) => work(tx) },
  };
  const { reference, name, country, currency } = row;
  const { partnerId } = await startOnboarding(joined, { reference, name, country, currency });
  let draft: Pick<DraftRecord, "version"> = await getDraft(joined, partnerId);
  for (const section of sectionsOf(row))
    draft = await saveDraftSection(joined, partnerId, { ...section, version: draft.version });
  return partnerId;
}

function sectionsOf(row: PartnerCells): DraftSectionInput[] {
  const sections: DraftSectionInput[] = [];
  if (row.contact) sections.push({ section: "contact", data: row.contact });
  if (row.entity)
    sections.push({
      section: "entities",
      data: [{ reference: row.reference, country: row.entity.address?.country ?? row.country, ...row.entity }],
    });
  if (row.brand) {
    const { name, website, supportEmail, supportPhone } = row.brand;
    sections.push({ section: "brands", data: [{ reference: row.reference, name, website }] });
    sections.push({
      section: "storeGroups",
      data: [{ reference: row.reference, name, brand: row.reference, supportEmail, supportPhone }],
    });
  }
  return sections;
}
