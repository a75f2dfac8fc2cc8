import { requirePermission, type ServiceContext } from "@/server/context";
import { isAppError } from "@/server/core/errors";
import type { Row } from "@/server/db/client";
import { takingReference } from "@/server/domain/partners/service";
import { applyChange, archive, changing, nudge, restore } from "./change";
import { type Queries, scopeValues } from "./rows";
import { type BulkItem, type BulkResult, type ChangeStoresInput, ChangeStoresSchema } from "./schema";

/* The same change for many stores; terminals are changed in the same way. */

/** Ends a transaction that was only to show what it would do. */
export class DryRun extends Error {
  override readonly name = "DryRun";
  readonly isChanged: boolean;
  constructor(isChanged: boolean) {
    super("nothing was written");
    this.isChanged = isChanged;
  }
}

/**
 * One transaction for each record, so that one refusal does not stop the rest. A dry run does the same and takes it back:
 * what it says is what would happen.
 */
export async function changeEach(
  ctx: ServiceContext,
  subjects: readonly { id: string; label: string }[],
  work: (tx: Queries, id: string) => Promise<{ isChanged: boolean }>,
  options: { isDryRun: boolean },
): Promise<BulkResult> {
  const items: BulkItem[] = [];
  for (const { id, label } of subjects) {
    try {
      const { isChanged } = await takingReference(() =>
        ctx.db.transaction(async (tx) => {
          const done = await work(tx, id);
          if (options.isDryRun) throw new DryRun(done.isChanged);
          return done;
        }),
      );
      items.push({ id, label, outcome: isChanged ? "CHANGED" : "UNCHANGED", detail: null });
    } catch (error) {
      if (error instanceof DryRun)
        items.push({ id, label, outcome: error.isChanged ? "CHANGED" : "UNCHANGED", detail: null });
      else if (isAppError(error) && error.status < 500)
        items.push({ id, label, outcome: "REFUSED", detail: error.errors[0]?.detail ?? error.detail });
      else throw error;
    }
  }
  const count = (outcome: BulkItem["outcome"]): number => items.filter((item) => item.outcome === outcome).length;
  return { items, changed: count("CHANGED"), unchanged: count("UNCHANGED"), refused: count("REFUSED") };
}

async function labelsOf(ctx: ServiceContext, ids: readonly string[]): Promise<{ id: string; label: string }[]> {
  const rows = await ctx.db.query<Row & { id: string; name: string }>({
    text: "select id, name from stores s where s.mode = $1 and ($2::text[] is null or s.partner_id = any($2)) and s.id = any($3)",
    values: [...scopeValues(ctx.scope), ids],
  });
  const names = new Map(rows.map((row) => [row.id, row.name]));
  return [...new Set(ids)].map((id) => ({ id, label: names.get(id) ?? id }));
}

/**
 * The same change for many stores, one by one; `isDryRun` only says what would happen. Another's store is answered as one
 * that does not exist. Errors: permission_denied, validation_failed.
 */
export async function changeStores(
  ctx: ServiceContext,
  input: ChangeStoresInput,
  options: { isDryRun: boolean },
): Promise<BulkResult> {
  requirePermission(ctx, "stores:write");
  const { ids, change } = ChangeStoresSchema.parse(input);
  if (change.kind === "settings") requirePermission(ctx, "terminals:write");
  const result = await changeEach(
    ctx,
    await labelsOf(ctx, ids),
    (tx, id) => {
      switch (change.kind) {
        case "archive":
          return archive(tx, ctx, id, null);
        case "restore":
          return restore(tx, ctx, id);
        default: {
          const { kind: _, ...patch } = change;
          return applyChange(tx, ctx, id, (row, inner, account) => changing(inner, ctx, row, patch, account));
        }
      }
    },
    options,
  );
  if (!options.isDryRun && result.changed > 0) nudge(ctx);
  return result;
}
