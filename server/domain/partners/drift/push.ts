import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { Row } from "@/server/db/client";
import { enqueue } from "@/server/domain/partners/queue/queue";
import { tellOfStores } from "@/server/domain/partners/queue/stores";
import { type AccountRow, loadStores, type Queries } from "@/server/domain/partners/rows";
import type { DriftSubject } from "@/server/domain/partners/schema-sync";
import type { ChangeKind } from "@/server/domain/partners/states";
import { patchOf, type Wire, withValue } from "@/server/domain/partners/wire";
import { EXISTS, ourWire } from "./compare";
import { type FindingRow, ValuesSchema, valuesPlace } from "./findings";

/* Ours goes to Klarna. */

const UPDATES: Partial<Record<DriftSubject, ChangeKind>> = {
  account: "ACCOUNT_UPDATE",
  business_entity: "ENTITY_UPDATE",
  brand: "BRAND_UPDATE",
  store_group: "GROUP_UPDATE",
  store: "STORE_UPDATE",
};
const CREATES: Partial<Record<DriftSubject, ChangeKind>> = {
  business_entity: "ENTITY_CREATE",
  brand: "BRAND_CREATE",
  payment_account: "PAYMENT_ACCOUNT_CREATE",
};

/**
 * An address is sent whole. Its other parts that differ are still to be decided on: they go out as Klarna holds them.
 */
async function leavingOthers(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  finding: FindingRow,
  wire: Wire,
): Promise<Wire> {
  const others = await tx.query<Row & { id: string; field: string; valuesSecret: string }>({
    text: `select id, field, values_secret as "valuesSecret" from drift_findings
      where partner_id = $1 and mode = $2 and subject_id = $3 and state = 'OPEN' and id <> $4`,
    values: [account.partnerId, account.mode, finding.subjectId, finding.id],
  });
  const head = finding.field.split(".")[0];
  return others
    .filter((other) => other.field.split(".")[0] === head)
    .reduce((all, other) => {
      const { theirs } = ValuesSchema.parse(JSON.parse(ctx.secrets.open(other.valuesSecret, valuesPlace(other.id))));
      return withValue(all, other.field, theirs ?? undefined);
    }, wire);
}

export async function push(tx: Queries, ctx: ServiceContext, account: AccountRow, finding: FindingRow): Promise<void> {
  const { subjectKind: kind, subjectId, field } = finding;
  const wire = await ourWire(tx, ctx, account, kind, subjectId);
  if (!wire) throw new AppError("state_conflict", { detail: "The record is not there any more." });
  if (field !== EXISTS) {
    const update = UPDATES[kind];
    if (!update) throw new AppError("rule_broken", { detail: "Klarna lets nobody change a payment account." });
    await enqueue(tx, ctx, account, {
      kind: update,
      subjectKind: kind,
      subjectId,
      body: patchOf(await leavingOthers(tx, ctx, account, finding, wire), [field]),
      fields: [field],
    });
    return;
  }
  if (kind === "store") {
    const count = await tellOfStores(tx, ctx, account.partnerId, [{ id: subjectId, before: null }]);
    if (count === 0) throw new AppError("state_conflict", { detail: "The store is in no store group." });
    return;
  }
  if (kind === "store_group") {
    const stores = (await loadStores(tx, account)).filter((store) => store.storeGroupId === subjectId);
    await tellOfStores(
      tx,
      ctx,
      account.partnerId,
      stores.filter((store) => store.klarnaId === null).map((store) => ({ id: store.id, before: null })),
    );
    return;
  }
  const create = CREATES[kind];
  if (!create) throw new AppError("rule_broken", { detail: "This cannot be sent to Klarna." });
  await enqueue(tx, ctx, account, { kind: create, subjectKind: kind, subjectId, body: wire, fields: [] });
}
