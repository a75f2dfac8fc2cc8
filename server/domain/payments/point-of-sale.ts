import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import type { Address } from "@/server/core/schema";
import type { Row } from "@/server/db/client";
import type { PaymentRow } from "./rows";
import type { CreatePaymentInput, CreateRefundInput } from "./schema";

/** Where a payment is taken: the Partner's account at Klarna, the store and, in a shop, the terminal. */
export type PointOfSale = {
  accountId: string;
  /** How far the Partner's test clock is ahead. */
  clockAheadMs: number;
  partnerName: string;
  /** As asked for, else what the store is. */
  channel: PaymentRow["channel"];
  /** Which of Klarna's interfaces the terminal, else its store, else the Partner is set to. */
  rail: PaymentRow["rail"];
  storeId: string;
  storeReference: string;
  storeName: string;
  storeAddress: Address | null;
  storeSource: "REGISTERED" | "PAYMENT";
  storeKlarnaId: string | null;
  terminalId: string | null;
  terminalReference: string | null;
  terminalLabel: string | null;
  /** What the terminal, else its store, else the Partner says where the request says nothing; null when nobody says. */
  capture: "AUTOMATIC" | "MANUAL" | null;
  expiresInSeconds: number | null;
};

type Found = Row & {
  partnerState: string;
  accountState: string;
  productState: string;
  accountId: string;
  clockAheadMs: number;
  partnerName: string;
  storeId: string | null;
  storeReference: string;
  storeName: string;
  storeAddress: Address | null;
  storeType: "PHYSICAL" | "WEBSITE" | "MOBILE_APP";
  storeStatus: string;
  storeSource: "REGISTERED" | "PAYMENT";
  storeKlarnaId: string | null;
  terminalId: string | null;
  terminalReference: string | null;
  terminalLabel: string | null;
  terminalStatus: string | null;
  capture: "AUTOMATIC" | "MANUAL" | null;
  expiresInSeconds: number | null;
  rail: "NETWORK" | "CLASSIC" | null;
};

/** What a payment says about where it is. */
export type PlaceSelector = Pick<CreatePaymentInput, "store" | "terminal" | "channel" | "launch">;

const ACCOUNT_FIELDS = `r.state as "partnerState", a.state as "accountState", a.product_state as "productState",
    a.klarna_partner_account_id as "accountId", a.clock_ahead_ms as "clockAheadMs", r.name as "partnerName", s.id as "storeId", s.reference as "storeReference",
    s.name as "storeName", s.address as "storeAddress", s.type as "storeType", s.status as "storeStatus", s.source as "storeSource",
    s.klarna_store_id as "storeKlarnaId"`;

// One statement for account, store and terminal: three reads would cost a till more than the rest of the accept.
const LOOKUP = `select ${ACCOUNT_FIELDS}, t.id as "terminalId", t.reference as "terminalReference", t.label as "terminalLabel",
    t.status as "terminalStatus", coalesce(t.settings->>'capture', s.settings->>'capture', a.settings->>'capture') as capture,
    coalesce(t.settings->>'expires_in', s.settings->>'expires_in', a.settings->>'expires_in')::int as "expiresInSeconds",
    coalesce(t.settings->>'rail', s.settings->>'rail', a.settings->>'rail') as rail
  from partner_accounts a join partners r on r.id = a.partner_id
  left join stores s on s.partner_id = a.partner_id and s.mode = a.mode and (s.id = $3 or s.reference = $4
    or ($3::text is null and $4::text is null and s.id in (select store_id from terminals where partner_id = $1 and mode = $2 and (id = $5 or (reference = $6 and status <> 'ARCHIVED')))))
  left join terminals t on t.partner_id = s.partner_id and t.mode = s.mode and t.store_id = s.id and (t.id = $5 or t.reference = $6)
  where a.partner_id = $1 and a.mode = $2 limit 2`;

// The Partner's online shop where none is named; one of the kind, or nobody can tell which is meant.
const LOOKUP_ONLINE = `select ${ACCOUNT_FIELDS}, null as "terminalId", null as "terminalReference", null as "terminalLabel",
    null as "terminalStatus", null as capture, null::int as "expiresInSeconds", null as rail
  from partner_accounts a join partners r on r.id = a.partner_id
  left join stores s on s.partner_id = a.partner_id and s.mode = a.mode and s.type = $3 and s.status = 'ACTIVE'
  where a.partner_id = $1 and a.mode = $2 limit 2`;

/** Klarna lets an account take payments before it can be managed. */
const TAKES_PAYMENTS = new Set(["PARTIALLY_OPERATIONAL", "OPERATIONAL"]);

function requireOperational<T extends Pick<Found, "partnerState" | "accountState" | "productState">>(
  row: T | undefined,
): T {
  if (row?.partnerState !== "OPERATIONAL" || !TAKES_PAYMENTS.has(row.accountState) || row.productState !== "ENABLED")
    throw new AppError("partner_not_operational");
  return row;
}

async function lookUp(ctx: ServiceContext, partnerId: string, selector: PlaceSelector): Promise<Found> {
  const { store, terminal } = selector;
  const rows = await ctx.db.query<Found>({
    name: "point_of_sale",
    text: LOOKUP,
    values: [
      partnerId,
      ctx.scope.mode,
      store && "id" in store ? store.id : null,
      store && "reference" in store ? store.reference : store && "details" in store ? store.details.reference : null,
      terminal && "id" in terminal ? terminal.id : null,
      terminal && "reference" in terminal ? terminal.reference : null,
    ],
  });
  const row = requireOperational(rows[0]);
  if (rows.length > 1) {
    throw new AppError("rule_broken", {
      detail: "Several stores have this terminal reference. Name the store too.",
      errors: [{ pointer: "/store", detail: "is needed to tell the terminals apart" }],
    });
  }
  return row;
}

const broken = (pointer: string, detail: string): AppError =>
  new AppError("rule_broken", { errors: [{ pointer, detail }] });

const CHANNELS = { in_store: "IN_STORE", web: "WEB", mobile_app: "MOBILE_APP" } as const;
const CHANNEL_OF_STORE = { PHYSICAL: "IN_STORE", WEBSITE: "WEB", MOBILE_APP: "MOBILE_APP" } as const;

/** The channel that can be told before the store is known: as asked for, else by what only one of them has. */
function knownChannel(selector: PlaceSelector): PaymentRow["channel"] | null {
  if (selector.channel !== undefined) return CHANNELS[selector.channel];
  if (selector.terminal !== undefined) return "IN_STORE";
  if (selector.store !== undefined) return "details" in selector.store ? "IN_STORE" : null;
  return selector.launch === "redirect" || selector.launch === "sdk" ? "WEB" : "IN_STORE";
}

/**
 * Finds where a payment is taken within the Partner and mode. In a shop by its terminal; a store given with its details is
 * made once per reference and a terminal unknown under it is added. Online by the named website or app, else by the one that
 * the Partner has. Errors: partner_not_operational, store_not_found, terminal_not_found, store_details_differ, rule_broken.
 */
export async function findPointOfSale(
  ctx: ServiceContext,
  partnerId: string,
  selector: PlaceSelector,
): Promise<PointOfSale> {
  const known = knownChannel(selector);
  if (known === "WEB" || known === "MOBILE_APP") return findOnline(ctx, partnerId, selector, known);
  if (known === null) {
    const row = await lookUp(ctx, partnerId, selector);
    if (row.storeId !== null && row.storeType !== "PHYSICAL")
      return toOnline(row, CHANNEL_OF_STORE[row.storeType] === "MOBILE_APP" ? "MOBILE_APP" : "WEB");
  }
  return findInStore(ctx, partnerId, selector);
}

async function findInStore(ctx: ServiceContext, partnerId: string, selector: PlaceSelector): Promise<PointOfSale> {
  if (!selector.terminal) throw broken("/terminal", "is required in store");
  let row = await lookUp(ctx, partnerId, selector);
  if (
    selector.store &&
    "details" in selector.store &&
    (row.storeId === null || (row.terminalId === null && "reference" in selector.terminal))
  ) {
    await addInline(
      ctx,
      partnerId,
      row,
      selector.store.details,
      "reference" in selector.terminal ? selector.terminal.reference : null,
    );
    row = await lookUp(ctx, partnerId, selector);
  }
  if (selector.store && "details" in selector.store && row.storeId !== null) {
    const given = selector.store.details.address;
    if (canonical(row.storeAddress) !== canonical(given)) throw new AppError("store_details_differ");
  }
  if (row.storeId === null) {
    if (!selector.store)
      throw new AppError("terminal_not_found", { errors: [{ pointer: "/terminal", detail: "is not known" }] });
    throw new AppError("store_not_found", { errors: [{ pointer: "/store", detail: "is not known" }] });
  }
  if (row.storeStatus !== "ACTIVE") throw broken("/store", "is archived");
  if (row.storeType !== "PHYSICAL") throw broken("/store", "is not a physical store");
  if (row.terminalId === null)
    throw new AppError("terminal_not_found", {
      errors: [{ pointer: "/terminal", detail: "is not known in this store" }],
    });
  if (row.terminalStatus !== "ACTIVE") throw broken("/terminal", "is archived");
  return toPlace(row, "IN_STORE", row.storeId);
}

async function findOnline(
  ctx: ServiceContext,
  partnerId: string,
  selector: PlaceSelector,
  channel: "WEB" | "MOBILE_APP",
): Promise<PointOfSale> {
  if (selector.terminal) throw broken("/terminal", "is for payments in store");
  if (selector.store) {
    if ("details" in selector.store) throw broken("/store", "with details is a physical one");
    const row = await lookUp(ctx, partnerId, selector);
    if (row.storeId === null)
      throw new AppError("store_not_found", { errors: [{ pointer: "/store", detail: "is not known" }] });
    if (row.storeType === "PHYSICAL") throw broken("/store", "is a physical store");
    return toOnline(row, channel);
  }
  // An app without a store of its own sells as the website does.
  for (const type of channel === "WEB" ? (["WEBSITE"] as const) : (["MOBILE_APP", "WEBSITE"] as const)) {
    const rows = await ctx.db.query<Found>({
      name: "point_of_sale_online",
      text: LOOKUP_ONLINE,
      values: [partnerId, ctx.scope.mode, type],
    });
    const row = requireOperational(rows[0]);
    if (rows.length > 1) throw broken("/store", "is needed: the Partner sells in several places online");
    if (row.storeId !== null) return toOnline(row, channel);
  }
  throw broken("/store", "is needed: the Partner has no website in its list of stores");
}

function toOnline(row: Found, channel: "WEB" | "MOBILE_APP"): PointOfSale {
  if (row.storeId === null || row.storeStatus !== "ACTIVE") throw broken("/store", "is archived");
  // What terminals inherit is for terminals: an online shop says with each payment what it wants.
  return toPlace({ ...row, capture: null, expiresInSeconds: null }, channel, row.storeId);
}

function toPlace(row: Found, channel: PaymentRow["channel"], storeId: string): PointOfSale {
  return {
    accountId: row.accountId,
    clockAheadMs: row.clockAheadMs,
    partnerName: row.partnerName,
    channel,
    rail: row.rail ?? "NETWORK",
    storeId,
    storeReference: row.storeReference,
    storeName: row.storeName,
    storeAddress: row.storeAddress,
    storeSource: row.storeSource,
    storeKlarnaId: row.storeKlarnaId,
    terminalId: row.terminalId,
    terminalReference: row.terminalReference,
    terminalLabel: row.terminalLabel,
    capture: row.capture,
    expiresInSeconds: row.expiresInSeconds,
  };
}

/**
 * The account that Klarna is asked about, and the country of the named store. A store and a terminal that are named must be
 * the Partner's own. Errors: partner_not_operational, store_not_found, terminal_not_found.
 */
export async function findPresentationPlace(
  ctx: ServiceContext,
  partnerId: string,
  named: { store?: string | undefined; terminal?: string | undefined },
): Promise<{ accountId: string; country: string | null }> {
  const [row] = await ctx.db.query<
    Pick<Found, "partnerState" | "accountState" | "productState" | "accountId"> &
      Row & { storeId: string | null; terminalId: string | null; country: string | null }
  >({
    name: "presentation_place",
    text: `select r.state as "partnerState", a.state as "accountState", a.product_state as "productState",
        a.klarna_partner_account_id as "accountId", s.id as "storeId", t.id as "terminalId",
        coalesce(s.country, s.address->>'country') as country
      from partner_accounts a join partners r on r.id = a.partner_id
      left join terminals t on t.partner_id = a.partner_id and t.mode = a.mode and t.status <> 'ARCHIVED' and (t.id = $4 or t.reference = $4)
        and ($3::text is null or t.store_id in (select id from stores x where x.partner_id = $1 and x.mode = $2 and (x.id = $3 or x.reference = $3)))
      left join stores s on s.partner_id = a.partner_id and s.mode = a.mode
        and (case when $3::text is null then s.id = t.store_id else s.id = $3 or s.reference = $3 end)
      where a.partner_id = $1 and a.mode = $2 limit 1`,
    values: [partnerId, ctx.scope.mode, named.store ?? null, named.terminal ?? null],
  });
  const { accountId, storeId, terminalId, country } = requireOperational(row);
  if (named.store !== undefined && storeId === null)
    throw new AppError("store_not_found", { errors: [{ pointer: "/store", detail: "is not known" }] });
  if (named.terminal !== undefined && terminalId === null)
    throw new AppError("terminal_not_found", { errors: [{ pointer: "/terminal", detail: "is not known" }] });
  return { accountId, country };
}

export type ReturnPlace = {
  storeId: string | null;
  storeReference: string | null;
  terminalId: string | null;
  terminalReference: string | null;
};

/**
 * Where a return is taken: any store and terminal of the payment's Partner, not only those of the sale. Without one named,
 * those of the sale. Errors: store_not_found, terminal_not_found. Source: KNR-L3.
 */
export async function findReturnPlace(
  ctx: ServiceContext,
  sale: ReturnPlace & { partnerId: string; mode: string },
  input: Pick<CreateRefundInput, "store" | "terminal">,
): Promise<ReturnPlace> {
  const { storeId, storeReference, terminalId, terminalReference } = sale;
  if (!input.store && !input.terminal) return { storeId, storeReference, terminalId, terminalReference };
  const { store, terminal } = input;
  const [row] = await ctx.db.query<ReturnPlace>({
    name: "return_place",
    text: `select s.id as "storeId", s.reference as "storeReference", t.id as "terminalId", t.reference as "terminalReference"
      from stores s left join terminals t on t.partner_id = s.partner_id and t.mode = s.mode and t.store_id = s.id and (t.id = $5 or t.reference = $6)
      where s.partner_id = $1 and s.mode = $2 and (s.id = $3 or s.reference = $4
        or ($3::text is null and $4::text is null and t.id is not null)) limit 1`,
    values: [
      sale.partnerId,
      sale.mode,
      store && "id" in store ? store.id : null,
      store && "reference" in store ? store.reference : null,
      terminal && "id" in terminal ? terminal.id : null,
      terminal && "reference" in terminal ? terminal.reference : null,
    ],
  });
  if (!row && store) throw new AppError("store_not_found", { errors: [{ pointer: "/store", detail: "is not known" }] });
  if (!row || (terminal && row.terminalId === null)) {
    throw new AppError("terminal_not_found", { errors: [{ pointer: "/terminal", detail: "is not known" }] });
  }
  return row;
}

function canonical(address: Address | null): string {
  if (address === null) return "";
  const { street_address, street_address2 = "", postal_code, city, region = "", country } = address;
  return [street_address, street_address2, postal_code, city, region, country]
    .map((part) => part.trim().toLowerCase())
    .join("|");
}

async function addInline(
  ctx: ServiceContext,
  partnerId: string,
  found: Found,
  details: { reference: string; name: string; address: Address },
  terminalReference: string | null,
): Promise<void> {
  const now = ctx.clock.now();
  await ctx.db.transaction(async (tx) => {
    let storeId = found.storeId;
    if (storeId === null) {
      await tx.query<Row>({
        text: `insert into stores (id, partner_id, mode, reference, name, type, address, country, source, status, created_at, updated_at)
          values ($1,$2,$3,$4,$5,'PHYSICAL',$6,$7,'PAYMENT','ACTIVE',$8,$8) on conflict (partner_id, mode, reference) do nothing`,
        values: [
          newId("store"),
          partnerId,
          ctx.scope.mode,
          details.reference,
          details.name,
          JSON.stringify(details.address),
          details.address.country,
          now,
        ],
      });
      const [made] = await tx.query<{ id: string }>({
        text: "select id from stores where partner_id = $1 and mode = $2 and reference = $3",
        values: [partnerId, ctx.scope.mode, details.reference],
      });
      storeId = made?.id ?? null;
    }
    if (storeId !== null && terminalReference !== null) {
      await tx.query<Row>({
        text: `insert into terminals (id, partner_id, mode, store_id, reference, label, device, can_show_qr, status, created_at, updated_at)
          values ($1,$2,$3,$4,$5,$5,'CARD_TERMINAL',true,'ACTIVE',$6,$6) on conflict (partner_id, mode, store_id, reference) do nothing`,
        values: [newId("terminal"), partnerId, ctx.scope.mode, storeId, terminalReference, now],
      });
    }
  });
}
