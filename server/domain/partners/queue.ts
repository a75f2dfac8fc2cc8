import { z } from "zod";
import { type ServiceContext, type Services, systemContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { klarnaIdempotencyKey, newId } from "@/server/core/ids";
import type { Mode } from "@/server/core/schema";
import { addMs, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import type { Row } from "@/server/db/client";
import {
  createEntity,
  createPaymentAccount,
  listEntities,
  listProducts,
  type ManagementTarget,
  OnboardAnswerSchema,
  onboardPartner,
  readAccount,
  switchProduct,
  updateAccount,
  updateEntity,
  WireAccountSchema,
  WireBrandSchema,
  WireEntitySchema,
  WirePaymentAccountSchema,
  WireProductSchema,
  WireStoreGroupSchema,
  WireStoreSchema,
} from "@/server/klarna/accounts";
import type { KlarnaCallRecord, KlarnaOutcome } from "@/server/klarna/client";
import {
  createBrand,
  createStore,
  createStoreGroup,
  listBrands,
  listStoreGroups,
  listStores,
  updateBrand,
  updateStore,
  updateStoreGroup,
} from "@/server/klarna/stores";
import { appendStateChange, applyFacts, clearAlarm, raiseAlarm } from "./facts";
import { addingStores, applyOnboarded, STORES_PER_CALL, takeIds } from "./onboard";
import { toDraftProblem } from "./problems";
import {
  type AccountKey,
  type AccountRow,
  findAccountRow,
  loadGroups,
  loadStores,
  lockAccountRow,
  type Queries,
  type StoreRow,
} from "./rows";
import type { ChangeKind } from "./states";
import { differing, patchOf, pruned, storeWire, type Wire } from "./wire";

/*
 * What Klarna is to be told: written in the transaction of the change, sent afterwards, one call of an account at a time
 * and in order, with the key of its row until there is a definite answer.
 */

/** Longer than any call may take. */
const LEASE_MS = 60 * SECOND_MS;
/** Between two calls of one account. Source: at most about one change of a product per account and second. */
export const PACE_MS = SECOND_MS;
const STEPS_S = [2, 5, 10, 30, 60, 120, 300];
/** Klarna does not refuse for good, nor does it take the change. */
const CONFLICTS_MAX = 6;

const WireSchema = z.record(z.string(), z.unknown());
const payloadPlace = (id: string): string => `klarna_changes|payload_secret|${id}`;

export type NewChange = {
  kind: ChangeKind;
  subjectKind: string;
  subjectId: string;
  /** Klarna's words, neighbours by reference. */
  body: Wire;
  fields: readonly string[];
};

/** Appends a call to the queue of an account, within the transaction of the change. Call `ctx.nudge("partners")` after the commit. */
export async function enqueue(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountKey,
  change: NewChange,
): Promise<string> {
  const now = ctx.clock.now();
  const id = newId("klarnaChange", now.getTime());
  await tx.query<Row>({
    text: `insert into klarna_changes (id, partner_id, mode, lane, kind, subject_kind, subject_id, payload_secret, fields, state, idempotency_key,
        next_attempt_at, created_by, created_at) values ($1,$2,$3,$4,$5,$6,$7,$8,$9,'PENDING',$10,$11,$12,$11)`,
    values: [
      id,
      account.partnerId,
      account.mode,
      change.kind === "PRODUCT_ENABLE" || change.kind === "PRODUCT_DISABLE" ? "PRODUCT" : "DATA",
      change.kind,
      change.subjectKind,
      change.subjectId,
      // What creates says nothing where we have nothing; what updates says so where something was taken away.
      ctx.secrets.seal(
        JSON.stringify(change.kind.endsWith("_CREATE") ? pruned(change.body) : change.body),
        payloadPlace(id),
      ),
      change.fields,
      klarnaIdempotencyKey(id),
      now,
      ctx.actor.id,
    ],
  });
  return id;
}

/** What Klarna would be told of a store as it is now; take it before a change and hand it to `tellOfStores`. */
export async function snapshotStores(
  tx: Queries,
  account: AccountKey,
  ids: readonly string[],
): Promise<Map<string, Wire>> {
  const rows = await loadStores(tx, account, { ids });
  return new Map(rows.map((row) => [row.id, storeWire(row)]));
}

/** Stores that are new to Klarna, in calls that hold many; one alone is a call of its own. */
async function tellOfNewStores(tx: Queries, ctx: ServiceContext, account: AccountRow, stores: readonly StoreRow[]) {
  const groups = await loadGroups(tx, account);
  const waiting = await tx.query<{ subjectId: string }>({
    text: `select subject_id as "subjectId" from klarna_changes where partner_id = $1 and mode = $2 and kind = 'GROUP_CREATE' and state in ('PENDING','SENT','UNKNOWN')`,
    values: [account.partnerId, account.mode],
  });
  const known = new Set(waiting.map((row) => row.subjectId));
  const [only] = stores;
  const group = groups.find((one) => one.id === only?.storeGroupId);
  if (stores.length === 1 && only && group && (group.klarnaId !== null || known.has(group.id))) {
    await enqueue(tx, ctx, account, {
      kind: "STORE_CREATE",
      subjectKind: "store",
      subjectId: only.id,
      body: storeWire(only),
      fields: [],
    });
    return;
  }
  for (let at = 0; at < stores.length; at += STORES_PER_CALL) {
    const chunk = stores.slice(at, at + STORES_PER_CALL);
    const byGroup = new Map<string, StoreRow[]>();
    for (const store of chunk) {
      if (store.storeGroup !== null) byGroup.set(store.storeGroup, [...(byGroup.get(store.storeGroup) ?? []), store]);
    }
    const first = chunk[0];
    if (!first) return;
    await enqueue(tx, ctx, account, {
      kind: "ONBOARD",
      subjectKind: chunk.length === 1 ? "store" : "partner",
      subjectId: chunk.length === 1 ? first.id : account.partnerId,
      body: addingStores(account, groups, byGroup),
      fields: ["stores"],
    });
  }
}

/**
 * Queues what Klarna has to hear of stores that were just made (`before` null) or changed (`before` from `snapshotStores`),
 * within the same transaction. Nothing while the account is not onboarded, for an archived store, and where nothing that
 * Klarna knows of has changed. A store that is new to Klarna and has no store group yet waits for one.
 * Answers how many calls were queued. Call `ctx.nudge("partners")` after the commit.
 */
export async function tellOfStores(
  tx: Queries,
  ctx: ServiceContext,
  partnerId: string,
  stores: readonly { id: string; before: Wire | null }[],
): Promise<number> {
  const account = await findAccountRow(tx, ctx.scope, partnerId);
  if (!account) throw new AppError("not_found");
  if (account.klarnaId === null || stores.length === 0) return 0;
  const rows = await loadStores(tx, account, { ids: stores.map((store) => store.id) });
  const pending = await tx.query<{ subjectId: string }>({
    text: `select distinct subject_id as "subjectId" from klarna_changes where partner_id = $1 and mode = $2 and subject_id = any($3)
      and kind in ('STORE_CREATE','ONBOARD') and state in ('PENDING','SENT','UNKNOWN')`,
    values: [account.partnerId, account.mode, stores.map((store) => store.id)],
  });
  const told = new Set(pending.map((row) => row.subjectId));
  const fresh: StoreRow[] = [];
  let count = 0;
  for (const { id, before } of stores) {
    const row = rows.find((one) => one.id === id);
    if (!row || row.status === "ARCHIVED") continue;
    if (row.klarnaId === null && !told.has(id)) {
      if (row.storeGroup !== null) fresh.push(row);
      continue;
    }
    if (before === null) continue;
    const after = storeWire(row);
    const fields = differing(before, after);
    if (fields.length === 0) continue;
    await enqueue(tx, ctx, account, {
      kind: "STORE_UPDATE",
      subjectKind: "store",
      subjectId: id,
      body: patchOf(after, fields),
      fields,
    });
    count += 1;
  }
  if (fresh.length > 0) await tellOfNewStores(tx, ctx, account, fresh);
  return count + (fresh.length > 0 ? Math.ceil(fresh.length / STORES_PER_CALL) : 0);
}

// --- Sending ---------------------------------------------------------------------------------------------------------

type Claimed = Row &
  AccountKey & {
    id: string;
    kind: ChangeKind;
    lane: string;
    subjectKind: string;
    subjectId: string;
    payloadSecret: string;
    attempts: number;
    refusals: number;
    /** As it was before the claim. */
    state: string;
  };

class Taken extends Error {}

const HEADS = `with heads as (
    select distinct on (c.partner_id, c.mode, c.lane) c.id, c.partner_id, c.mode, c.lane, c.kind, c.next_attempt_at
    from klarna_changes c where c.state in ('PENDING','SENT','UNKNOWN') and ($2::text is null or c.partner_id = $2) and ($3::text is null or c.mode = $3)
    order by c.partner_id, c.mode, c.lane, c.position)`;
/** Klarna lets nobody manage an account that is not operational; the call that makes it needs none. */
const CAN_GO = `(h.kind = 'ONBOARD' and a.klarna_partner_account_id is null or a.state = 'OPERATIONAL')`;

/** Stopping payments waits for nothing, and an account that is not there yet cannot be asked too often. */
const NO_PACE = `(h.lane = 'PRODUCT' or a.klarna_partner_account_id is null)`;

async function claim(
  services: Services,
  options: { partnerId: string | null; mode: Mode | null; paceMs: number; limit: number },
): Promise<Claimed[]> {
  const now = services.clock.now();
  const heads = await services.db.query<Row & AccountKey & { id: string; isFree: boolean }>({
    text: `${HEADS} select h.id, h.partner_id as "partnerId", h.mode, ${NO_PACE} as "isFree" from heads h join partner_accounts a on a.partner_id = h.partner_id and a.mode = h.mode
      where h.next_attempt_at <= $1 and (${NO_PACE} or a.klarna_free_at is null or a.klarna_free_at <= $1) and ${CAN_GO}
      order by h.lane desc, h.next_attempt_at limit $4`,
    values: [now, options.partnerId, options.mode, options.limit],
  });
  const claimed: Claimed[] = [];
  for (const head of heads) {
    try {
      const row = await services.db.transaction(async (tx) => {
        const free = await tx.query<Row>({
          text: `update partner_accounts set klarna_free_at = $3 where partner_id = $1 and mode = $2 and ($5 or klarna_free_at is null or klarna_free_at <= $4) returning 1`,
          values: [head.partnerId, head.mode, addMs(now, options.paceMs), now, head.isFree],
        });
        if (free.length === 0) throw new Taken();
        const [taken] = await tx.query<Claimed>({
          text: `with was as (select id, state from klarna_changes where id = $1 and next_attempt_at <= $2 and state in ('PENDING','SENT','UNKNOWN') for update skip locked)
            update klarna_changes c set state = 'SENT', attempts = c.attempts + 1, next_attempt_at = $3, first_sent_at = coalesce(c.first_sent_at, $2)
            from was where c.id = was.id returning c.id, c.partner_id as "partnerId", c.mode, c.kind, c.lane, c.subject_kind as "subjectKind",
              c.subject_id as "subjectId", c.payload_secret as "payloadSecret", c.attempts, c.refusals, was.state`,
          values: [head.id, now, addMs(now, LEASE_MS)],
        });
        if (!taken) throw new Taken();
        return taken;
      });
      claimed.push(row);
    } catch (error) {
      if (!(error instanceof Taken)) throw error;
    }
  }
  return claimed;
}

/** References of ours become Klarna's ids where a later call wants those. */
async function resolveIds(tx: Queries, change: Claimed, body: Wire): Promise<Wire> {
  const idOf = async (table: string, column: string, reference: unknown): Promise<string | null> => {
    const [row] = await tx.query<{ id: string | null }>({
      text: `select ${column} as id from ${table} where partner_id = $1 and mode = $2 and reference = $3`,
      values: [change.partnerId, change.mode, reference],
    });
    return row?.id ?? null;
  };
  const swap = async (key: string, idKey: string, table: string, column: string): Promise<void> => {
    if (typeof body[key] !== "string") return;
    const id = await idOf(table, column, body[key]);
    if (id === null) return;
    const { [key]: _reference, ...rest } = body;
    body = { ...rest, [idKey]: id };
  };
  if (change.kind === "GROUP_CREATE" || change.kind === "GROUP_UPDATE")
    await swap("brand_reference", "brand_id", "brands", "klarna_brand_id");
  if (change.kind === "STORE_CREATE" || change.kind === "STORE_UPDATE")
    await swap("store_group_reference", "store_group_id", "store_groups", "klarna_store_group_id");
  if (change.kind === "PAYMENT_ACCOUNT_CREATE") {
    await swap(
      "partner_business_entity_reference",
      "partner_business_entity_id",
      "business_entities",
      "klarna_business_entity_id",
    );
    await swap("default_store_group_reference", "default_store_group_id", "store_groups", "klarna_store_group_id");
  }
  return body;
}

const TABLES: Readonly<Record<string, readonly [table: string, column: string]>> = {
  business_entity: ["business_entities", "klarna_business_entity_id"],
  brand: ["brands", "klarna_brand_id"],
  store_group: ["store_groups", "klarna_store_group_id"],
  store: ["stores", "klarna_store_id"],
};

/** The subject's id at Klarna as it stands now. */
async function klarnaIdOf(tx: Queries, change: Claimed): Promise<string | null> {
  const entry = TABLES[change.subjectKind];
  if (!entry) return null;
  const [row] = await tx.query<{ id: string | null }>({
    text: `select ${entry[1]} as id from ${entry[0]} where partner_id = $1 and mode = $2 and id = $3`,
    values: [change.partnerId, change.mode, change.subjectId],
  });
  return row?.id ?? null;
}

/** A change of something that Klarna never took cannot be sent: its creation was refused. */
const NEVER_MADE: KlarnaOutcome = {
  kind: "refused",
  calls: [],
  error: { status: 0, code: "NOT_AT_KLARNA", errorId: null, message: null, fields: [] },
};

async function send(ctx: ServiceContext, change: Claimed, account: AccountRow, payload: Wire): Promise<KlarnaOutcome> {
  const body = await resolveIds(ctx.db, change, payload);
  const idempotencyKey = klarnaIdempotencyKey(change.refusals === 0 ? change.id : `${change.id}#${change.refusals}`);
  const write = { idempotencyKey, body };
  const acquirer = { mode: change.mode, sessionReference: change.id };
  if (change.kind === "ONBOARD") return onboardPartner(ctx.klarna, acquirer, write);
  if (account.klarnaId === null) return NEVER_MADE;
  const target: ManagementTarget = { ...acquirer, accountId: account.klarnaId };
  if (change.kind === "ACCOUNT_UPDATE") return updateAccount(ctx.klarna, target, write);
  if (change.kind === "ENTITY_CREATE") return createEntity(ctx.klarna, target, write);
  if (change.kind === "BRAND_CREATE") return createBrand(ctx.klarna, target, write);
  if (change.kind === "GROUP_CREATE") return createStoreGroup(ctx.klarna, target, write);
  if (change.kind === "STORE_CREATE") return createStore(ctx.klarna, target, write);
  if (
    change.kind === "PRODUCT_ENABLE" ||
    change.kind === "PRODUCT_DISABLE" ||
    change.kind === "PAYMENT_ACCOUNT_CREATE"
  ) {
    const productId = account.productId ?? (await readFacts(ctx, target)).product?.product_id ?? null;
    if (productId === null) return { kind: "not_sent", reason: "product_unknown", calls: [] };
    if (change.kind === "PAYMENT_ACCOUNT_CREATE") return createPaymentAccount(ctx.klarna, target, productId, write);
    return switchProduct(
      ctx.klarna,
      target,
      productId,
      change.kind === "PRODUCT_ENABLE" ? "enable" : "disable",
      idempotencyKey,
    );
  }
  const id = await klarnaIdOf(ctx.db, change);
  if (id === null) return NEVER_MADE;
  if (change.kind === "ENTITY_UPDATE") return updateEntity(ctx.klarna, target, id, write);
  if (change.kind === "BRAND_UPDATE") return updateBrand(ctx.klarna, target, id, write);
  if (change.kind === "GROUP_UPDATE") return updateStoreGroup(ctx.klarna, target, id, write);
  return updateStore(ctx.klarna, target, id, write);
}

/** Klarna's state of the account and its product now; what could not be read is left out. */
export async function readFacts(ctx: Pick<ServiceContext, "klarna">, target: ManagementTarget) {
  const [account, products] = await Promise.all([readAccount(ctx.klarna, target), listProducts(ctx.klarna, target)]);
  const parsedAccount = account.kind === "answered" ? WireAccountSchema.safeParse(account.body) : null;
  const parsedProducts =
    products.kind === "answered"
      ? z.looseObject({ payment_products: z.array(WireProductSchema) }).safeParse(products.body)
      : null;
  return {
    accountState: parsedAccount?.success ? parsedAccount.data.state : undefined,
    product: parsedProducts?.success ? (parsedProducts.data.payment_products[0] ?? null) : undefined,
  };
}

async function keepCalls(tx: Queries, change: Claimed, calls: readonly KlarnaCallRecord[]): Promise<void> {
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

async function settle(
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

async function again(
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

async function applyAnswer(
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

async function takeId(tx: Queries, change: Claimed, id: string, now: Date): Promise<void> {
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

/** Klarna says that the reference is taken: by an earlier try of ours whose answer was lost. Its id, else null. */
async function findMade(ctx: ServiceContext, change: Claimed, target: ManagementTarget, payload: Wire) {
  const reference = payload[`${REFERENCE_OF[change.kind] ?? ""}`];
  if (typeof reference !== "string") return null;
  switch (change.kind) {
    case "ENTITY_CREATE":
      return (
        (await listEntities(ctx.klarna, target))?.find((one) => one.partner_business_entity_reference === reference)
          ?.partner_business_entity_id ?? null
      );
    case "BRAND_CREATE":
      return (await listBrands(ctx.klarna, target))?.find((one) => one.brand_reference === reference)?.brand_id ?? null;
    case "GROUP_CREATE":
      return (
        (await listStoreGroups(ctx.klarna, target))?.find((one) => one.store_group_reference === reference)
          ?.store_group_id ?? null
      );
    case "STORE_CREATE":
      return (await listStores(ctx.klarna, target))?.find((one) => one.store_reference === reference)?.store_id ?? null;
    case "PAYMENT_ACCOUNT_CREATE": {
      const { product } = await readFacts(ctx, target);
      return (
        product?.payment_accounts.find((one) => one.payment_account_reference === reference)?.payment_account_id ?? null
      );
    }
    default:
      return null;
  }
}
const REFERENCE_OF: Partial<Record<ChangeKind, string>> = {
  ENTITY_CREATE: "partner_business_entity_reference",
  BRAND_CREATE: "brand_reference",
  GROUP_CREATE: "store_group_reference",
  STORE_CREATE: "store_reference",
  PAYMENT_ACCOUNT_CREATE: "payment_account_reference",
};

/** Sends one claimed change and writes down what came of it. */
async function work(services: Services, change: Claimed): Promise<void> {
  const ctx: ServiceContext = {
    ...systemContext(services, "sync-partners", change.mode),
    requestId: change.id,
  };
  const account = await findAccountRow(ctx.db, ctx.scope, change.partnerId);
  if (!account) throw new Error(`change ${change.id} belongs to no account`);
  const payload = WireSchema.parse(JSON.parse(ctx.secrets.open(change.payloadSecret, payloadPlace(change.id))));
  const outcome = await send(ctx, change, account, payload);
  const target: ManagementTarget | null =
    account.klarnaId === null ? null : { mode: change.mode, accountId: account.klarnaId, sessionReference: change.id };
  const isConflict = outcome.kind === "unknown" && outcome.reason === "RESOURCE_CONFLICT";
  const adopted = isConflict && target !== null ? await findMade(ctx, change, target, payload) : null;
  const isForbidden = outcome.kind === "refused" && outcome.error.code === "OPERATION_FORBIDDEN" && target !== null;
  const facts = isForbidden && target !== null ? await readFacts(ctx, target) : null;
  await ctx.db.transaction(async (tx) => {
    const locked = await lockAccountRow(tx, ctx.scope, change.partnerId);
    if (!locked) throw new Error(`change ${change.id} belongs to no account`);
    const now = ctx.clock.now();
    await keepCalls(tx, change, outcome.calls);
    if (outcome.kind === "answered") {
      if (await applyAnswer(tx, ctx, change, locked, outcome.body)) {
        await settle(tx, change, "DONE", now);
        await clearAlarm(tx, ctx, "klarna_change_failed", change.subjectId);
        await clearAlarm(tx, ctx, "klarna_credentials_refused", change.mode);
      } else await again(tx, change, { state: "UNKNOWN", code: "UNREADABLE_ANSWER" }, now);
      return;
    }
    if (adopted !== null) {
      await takeId(tx, change, adopted, now);
      await settle(tx, change, "DONE", now);
      return;
    }
    if (outcome.kind === "refused") {
      const { error } = outcome;
      if (error.status === 401) {
        await again(tx, change, { state: "PENDING", code: error.code, isRefusal: true, waitMs: MINUTE_MS }, now);
        await raiseAlarm(tx, ctx, {
          kind: "klarna_credentials_refused",
          partnerId: change.partnerId,
          mode: change.mode,
          subjectKind: "klarna_access",
          subjectId: change.mode,
          message: "Klarna does not accept our API key.",
        });
        return;
      }
      if (facts) {
        await applyFacts(tx, ctx, locked, facts);
        const isWaiting = facts.accountState !== undefined && facts.accountState !== "OPERATIONAL";
        if (isWaiting) {
          await again(tx, change, { state: "PENDING", code: error.code, isRefusal: true, waitMs: 5 * SECOND_MS }, now);
          return;
        }
      }
      await refuse(tx, ctx, change, locked, payload, {
        code: error.code,
        errorId: error.errorId,
        problems: error.fields.map(({ parameter, reason }) => ({ parameter, reason })),
        message: error.message,
      });
      return;
    }
    if (isConflict && change.attempts >= CONFLICTS_MAX) {
      await refuse(tx, ctx, change, locked, payload, {
        code: "RESOURCE_CONFLICT",
        errorId: outcome.calls.at(-1)?.klarnaErrorId ?? null,
        problems: [],
        message: "Klarna holds something else under the same reference.",
      });
      return;
    }
    const wasSent = outcome.kind === "unknown" || change.state !== "PENDING";
    await again(tx, change, { state: wasSent ? "UNKNOWN" : "PENDING", code: outcome.reason.slice(0, 64) }, now);
  });
}

/** A definite no: the change ends, the onboarding shows what to correct, a person is told. */
async function refuse(
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

/**
 * Sends what is due, one call of an account at a time, in order. Answers how many calls were made. `paceMs` is the least
 * time between two calls of one account.
 */
export async function syncPartners(
  services: Services,
  options: { partnerId?: string; mode?: Mode; paceMs?: number; rounds?: number; batch?: number } = {},
): Promise<{ sent: number }> {
  let sent = 0;
  for (let round = 0; round < (options.rounds ?? 200); round += 1) {
    const claimed = await claim(services, {
      partnerId: options.partnerId ?? null,
      mode: options.mode ?? null,
      paceMs: options.paceMs ?? PACE_MS,
      limit: options.batch ?? 8,
    });
    if (claimed.length === 0) break;
    sent += claimed.length;
    await Promise.all(
      claimed.map((change) =>
        // The lease ends by itself: the call is made again with the same key.
        work(services, change).catch((error: unknown) =>
          services.log.error({ error, id: change.id, kind: change.kind }, "a change could not be told to Klarna"),
        ),
      ),
    );
  }
  return { sent };
}

/** A person looks at what an account's queue holds, newest first. */
export async function listQueue(tx: Queries, account: AccountKey, options: { limit: number; subjectId?: string }) {
  return tx.query<
    Row & {
      id: string;
      kind: ChangeKind;
      subjectKind: string;
      subjectId: string;
      fields: string[];
      state: string;
      attempts: number;
      problems: unknown;
      klarnaErrorCode: string | null;
      klarnaErrorId: string | null;
      createdBy: string;
      createdAt: Date;
      settledAt: Date | null;
    }
  >({
    text: `select id, kind, subject_kind as "subjectKind", subject_id as "subjectId", fields, state, attempts, problems,
        klarna_error_code as "klarnaErrorCode", klarna_error_id as "klarnaErrorId", created_by as "createdBy", created_at as "createdAt", settled_at as "settledAt"
      from klarna_changes where partner_id = $1 and mode = $2 and ($3::text is null or subject_id = $3) order by position desc limit $4`,
    values: [account.partnerId, account.mode, options.subjectId ?? null, options.limit],
  });
}
