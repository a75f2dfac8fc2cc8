import type { Mode } from "@/server/core/schema";
import type { Row, Transaction } from "@/server/db/client";
import { StoredAddressSchema } from "@/server/domain/stores/schema";
import type { StoreType } from "@/server/domain/stores/states";
import { terminalKey } from "@/server/domain/terminals/bulk";
import type { TerminalDevice } from "@/server/domain/terminals/states";
import {
  type Cells,
  cellsOf,
  type PartnerCells,
  readPartner,
  readStore,
  readTerminal,
  referenceOf,
  type StoreCells,
} from "./read-rows";
import type { ImportColumns, ImportDefaults, RowProblem } from "./schema";

/*
 * What a row would do, as things stand now. The check asks this of every row and keeps the answer; the run asks it again
 * of each batch within the transaction that writes, so that what changed in between is seen.
 */

type Queries = Pick<Transaction, "query">;
export type ImportAccount = { partnerId: string; mode: Mode; country: string; isDraft: boolean };
export type FileRow = { rowNumber: number; cells: string[] };
export type Plan = { head: readonly string[]; columns: ImportColumns; defaults: ImportDefaults };

type Known = { rowNumber: number; reference: string | null };
export type Refused = Known & { problems: RowProblem[] };
export type Accepted<T> = Known & { key: string } & (
    | { action: "CREATE"; value: T }
    | { action: "UPDATE"; value: T; id: string; changed: string[] }
    | { action: "NONE"; id: string }
  );
export type Judged<T> = Refused | Accepted<T>;

export const isRefused = <T>(judged: Judged<T>): judged is Refused => "problems" in judged;
const refuse = (known: Known, field: string | null, detail: string): Refused => ({
  ...known,
  problems: [{ field, detail }],
});

/** Where the file has no such column, what is registered stays: a file may change one field of many. */
function keeping(cells: Cells, columns: ImportColumns, registered: Readonly<Record<string, string | null>>): Cells {
  return (field) => (columns[field] === undefined ? (registered[field] ?? null) : cells(field));
}

// --- Stores ---

export type StoreValue = Omit<StoreCells, "group"> & { storeGroupId: string };
type RegisteredStore = Row & {
  id: string;
  reference: string;
  name: string;
  type: StoreType;
  status: string;
  storeGroupId: string | null;
  address: unknown;
  url: string | null;
  appPlatform: string | null;
  appBundleNames: string[];
  openingState: string;
  supportEmail: string | null;
  supportPhone: string | null;
};
type Group = Row & { id: string; reference: string; name: string; status: string };

export async function judgeStores(
  tx: Queries,
  account: ImportAccount,
  plan: Plan,
  rows: readonly FileRow[],
): Promise<Judged<StoreValue>[]> {
  const read = rows.map((row) => ({ row, cells: cellsOf(plan.head, plan.columns, row.cells) }));
  const references = read.flatMap(({ cells }) => cells("reference") ?? []);
  const [registered, groups] = [
    await tx.query<RegisteredStore>({
      text: `select id, reference, name, type, status, store_group_id as "storeGroupId", address, url, app_platform as "appPlatform",
          app_bundle_names as "appBundleNames", opening_state as "openingState", support_email as "supportEmail", support_phone as "supportPhone"
        from stores where partner_id = $1 and mode = $2 and reference = any($3)`,
      values: [account.partnerId, account.mode, references],
    }),
    await tx.query<Group>({
      text: "select id, reference, name, status from store_groups where partner_id = $1 and mode = $2",
      values: [account.partnerId, account.mode],
    }),
  ];
  const byReference = new Map(registered.map((store) => [store.reference, store]));
  const findGroup = groupFinder(groups);
  return read.map(({ row, cells }): Judged<StoreValue> => {
    const known: Known = { rowNumber: row.rowNumber, reference: referenceOf(cells) };
    const store = byReference.get(cells("reference") ?? "");
    if (store?.status === "ARCHIVED") return refuse(known, "reference", "belongs to a store that is archived");
    if (store && plan.defaults.existing === "skip")
      return { ...known, key: store.reference, action: "NONE", id: store.id };
    const { value, problems } = readStore(
      store ? keeping(withType(cells, store), plan.columns, storeTexts(store)) : cells,
      account.country,
    );
    if (value === null) return { ...known, problems };
    if (store && value.type !== store.type)
      return refuse(known, "type", "cannot be changed: this store has another type");
    const group = findGroup(value.group, store?.storeGroupId ?? null, plan.defaults.storeGroup ?? null);
    if ("detail" in group) return refuse(known, "store_group", group.detail);
    const { group: _named, ...rest } = value;
    const wanted: StoreValue = { ...rest, storeGroupId: group.id };
    if (!store) return { ...known, key: value.reference, action: "CREATE", value: wanted };
    const changed = differing(wanted, {
      ...store,
      address: StoredAddressSchema.parse(store.address),
      type: store.type,
    });
    if (changed.length === 0) return { ...known, key: store.reference, action: "NONE", id: store.id };
    return { ...known, key: store.reference, action: "UPDATE", value: wanted, id: store.id, changed };
  });
}

/** An empty type leaves the type as it is. */
const withType =
  (cells: Cells, store: RegisteredStore): Cells =>
  (field) =>
    cells(field) ?? (field === "type" ? store.type : null);

function storeTexts(store: RegisteredStore): Record<string, string | null> {
  const address = StoredAddressSchema.parse(store.address);
  return {
    name: store.name,
    type: store.type,
    ...address,
    url: store.url,
    app_platform: store.appPlatform,
    app_bundle_names: store.appBundleNames.join(" "),
    opening_state: store.openingState,
    support_email: store.supportEmail,
    support_phone: store.supportPhone,
  };
}

/** By reference, name or id; a row that names none keeps its group, or takes the default, or the only one there is. */
function groupFinder(groups: readonly Group[]) {
  const active = groups.filter((group) => group.status === "ACTIVE");
  return (
    named: string | null,
    current: string | null,
    fallback: string | null,
  ): { id: string } | { detail: string } => {
    if (named !== null) {
      const found =
        groups.find((group) => group.reference === named) ??
        groups.find((group) => group.name === named) ??
        groups.find((group) => group.id === named) ??
        groups.find((group) => group.name.toLowerCase() === named.toLowerCase());
      if (!found) return { detail: "is not a store group of this Partner" };
      return found.status === "ACTIVE" ? found : { detail: "is a store group that is archived" };
    }
    if (current !== null) return { id: current };
    const only = active.length === 1 ? active[0] : active.find((group) => group.id === fallback);
    if (only) return only;
    return { detail: active.length === 0 ? "is missing: this Partner has no store group yet" : "is missing" };
  };
}

/** Names of the fields in which the wanted values differ from those that are registered. */
function differing<T extends object>(wanted: T, registered: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(wanted)
    .filter(([key, value]) => canonical(value) !== canonical(registered[key]))
    .map(([key]) => key);
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return JSON.stringify(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value ?? null);
  return JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

// --- Terminals ---

export type TerminalValue = {
  storeId: string;
  reference: string;
  label: string;
  device: TerminalDevice;
  canShowQr: boolean;
  /** As it is registered; null for a new one. */
  before: { label: string; device: string; canShowQr: boolean } | null;
};
type RegisteredTerminal = Row & {
  id: string;
  storeId: string;
  reference: string;
  label: string;
  device: string;
  canShowQr: boolean;
  status: string;
};

export async function judgeTerminals(
  tx: Queries,
  account: ImportAccount,
  plan: Plan,
  rows: readonly FileRow[],
): Promise<Judged<TerminalValue>[]> {
  const read = rows.map((row) => ({ row, cells: cellsOf(plan.head, plan.columns, row.cells) }));
  const stores = await tx.query<Row & { id: string; reference: string; status: string }>({
    text: "select id, reference, status from stores where partner_id = $1 and mode = $2 and reference = any($3)",
    values: [account.partnerId, account.mode, [...new Set(read.flatMap(({ cells }) => cells("store") ?? []))]],
  });
  const registered = await tx.query<RegisteredTerminal>({
    text: `select id, store_id as "storeId", reference, label, device, can_show_qr as "canShowQr", status from terminals
      where partner_id = $1 and mode = $2 and store_id = any($3) and reference = any($4)`,
    values: [
      account.partnerId,
      account.mode,
      stores.map((store) => store.id),
      [...new Set(read.flatMap(({ cells }) => cells("reference") ?? []))],
    ],
  });
  const storeOf = new Map(stores.map((store) => [store.reference, store]));
  const byKey = new Map(registered.map((terminal) => [terminalKey(terminal), terminal]));
  return read.map(({ row, cells }): Judged<TerminalValue> => {
    const known: Known = { rowNumber: row.rowNumber, reference: referenceOf(cells) };
    const store = storeOf.get(cells("store") ?? "");
    const terminal = store
      ? byKey.get(terminalKey({ storeId: store.id, reference: cells("reference") ?? "" }))
      : undefined;
    const { value, problems } = readTerminal(terminal ? keeping(cells, plan.columns, terminalTexts(terminal)) : cells);
    if (value === null) return { ...known, problems };
    if (!store) return refuse(known, "store", "is not a store of this Partner");
    if (store.status === "ARCHIVED") return refuse(known, "store", "is a store that is archived");
    const key = terminalKey({ storeId: store.id, reference: value.reference });
    const { store: _named, ...rest } = value;
    if (!terminal) return { ...known, key, action: "CREATE", value: { ...rest, storeId: store.id, before: null } };
    if (terminal.status === "ARCHIVED") return refuse(known, "reference", "belongs to a terminal that is archived");
    const before = { label: terminal.label, device: terminal.device, canShowQr: terminal.canShowQr };
    const changed = differing({ label: rest.label, device: rest.device, canShowQr: rest.canShowQr }, before);
    if (changed.length === 0 || plan.defaults.existing === "skip")
      return { ...known, key, action: "NONE", id: terminal.id };
    return { ...known, key, action: "UPDATE", id: terminal.id, changed, value: { ...rest, storeId: store.id, before } };
  });
}

const terminalTexts = (terminal: RegisteredTerminal): Record<string, string | null> => ({
  label: terminal.label,
  device: terminal.device,
  can_show_qr: terminal.canShowQr ? "yes" : "no",
});

// --- Partners ---

/** A Partner that is there already is left as it is: it has its own draft and record. */
export async function judgePartners(
  tx: Queries,
  plan: Plan,
  rows: readonly FileRow[],
): Promise<Judged<PartnerCells>[]> {
  const read = rows.map((row) => ({ row, cells: cellsOf(plan.head, plan.columns, row.cells) }));
  const registered = await tx.query<Row & { id: string; reference: string }>({
    text: "select id, reference from partners where reference = any($1)",
    values: [read.flatMap(({ cells }) => cells("reference") ?? [])],
  });
  const byReference = new Map(registered.map((partner) => [partner.reference, partner.id]));
  return read.map(({ row, cells }): Judged<PartnerCells> => {
    const known: Known = { rowNumber: row.rowNumber, reference: referenceOf(cells) };
    const { value, problems } = readPartner(cells);
    if (value === null) return { ...known, problems };
    const id = byReference.get(value.reference);
    if (id !== undefined) return { ...known, key: value.reference, action: "NONE", id };
    return { ...known, key: value.reference, action: "CREATE", value };
  });
}
