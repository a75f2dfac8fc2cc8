/** What a table's address can say. Shared by the server (first page) and the browser (every change). */

export type EnumFilterDef = {
  kind: "enum";
  id: string;
  label: string;
  options: ReadonlyArray<{ value: string; label: string; hint?: string }>;
  /** One at a time: choosing another takes its place. */
  isSingle?: true;
};
export type TextFilterDef = { kind: "text"; id: string; label: string; placeholder?: string };
export type DateFilterDef = { kind: "date"; id: string; label: string };
export type AmountFilterDef = { kind: "amount"; id: string; label: string; currencies: readonly string[] };
export type FilterDef = EnumFilterDef | TextFilterDef | DateFilterDef | AmountFilterDef;

export type TableDef = {
  /** Names what is remembered in this browser. */
  id: string;
  filters: readonly FilterDef[];
  /** Column ids the server can sort by; descending is written `-created_at`. */
  sorts: readonly string[];
  defaultSort: string;
  pageSize?: number;
};

export type TableState = {
  search: string;
  /** Raw values by filter id; read them with the functions below. */
  filters: Readonly<Record<string, string>>;
  sort: string;
  cursor: string | null;
  size: number;
};

export type SearchParams = Record<string, string | string[] | undefined>;

export const PAGE_SIZES = [25, 50, 100] as const;
const DEFAULT_SIZE = 50;
const TEXT_MAX = 200;

export const DATE_PRESETS = [
  { value: "15m", label: "Last 15 minutes", minutes: 15 },
  { value: "1h", label: "Last hour", minutes: 60 },
  { value: "6h", label: "Last 6 hours", minutes: 360 },
  { value: "24h", label: "Last 24 hours", minutes: 1440 },
  { value: "7d", label: "Last 7 days", minutes: 10_080 },
  { value: "30d", label: "Last 30 days", minutes: 43_200 },
  { value: "90d", label: "Last 90 days", minutes: 129_600 },
] as const;

function single(value: string | string[] | undefined): string {
  return ((Array.isArray(value) ? value[0] : value) ?? "").slice(0, TEXT_MAX);
}

/** Reads the address; what it cannot mean is left out rather than refused. */
export function parseTableState(def: TableDef, params: SearchParams): TableState {
  const filters: Record<string, string> = {};
  for (const filter of def.filters) {
    const value = cleanFilter(filter, single(params[filter.id]));
    if (value !== "") filters[filter.id] = value;
  }
  const sort = single(params["sort"]);
  const size = Number(single(params["size"]));
  const cursor = single(params["cursor"]);
  return {
    search: single(params["q"]).trim(),
    filters,
    sort: def.sorts.includes(sort.replace(/^-/, "")) ? sort : def.defaultSort,
    cursor: cursor === "" ? null : cursor,
    size: PAGE_SIZES.some((allowed) => allowed === size) ? size : (def.pageSize ?? DEFAULT_SIZE),
  };
}

function cleanFilter(filter: FilterDef, value: string): string {
  switch (filter.kind) {
    case "enum":
      return value
        .split(",")
        .filter((part) => filter.options.some((option) => option.value === part))
        .slice(0, filter.isSingle === true ? 1 : undefined)
        .join(",");
    case "date":
      return DATE_PRESETS.some((preset) => preset.value === value) || isRange(value, isInstant) ? value : "";
    case "amount": {
      const [currency = "", range = ""] = value.split(":");
      return filter.currencies.includes(currency) && isRange(range, (part) => /^\d{1,13}$/.test(part)) ? value : "";
    }
    case "text":
      return value.trim();
  }
}

function isInstant(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}Z$/.test(text) && !Number.isNaN(Date.parse(text));
}

function isRange(value: string, isPart: (part: string) => boolean): boolean {
  const parts = value.split("..");
  return parts.length === 2 && parts.some((part) => part !== "") && parts.every((part) => part === "" || isPart(part));
}

export function readEnum(state: TableState, id: string): string[] {
  const value = state.filters[id] ?? "";
  return value === "" ? [] : value.split(",");
}

/** The chosen ones of a closed list, as members of that list. */
export function readChoices<T extends string>(state: TableState, id: string, choices: readonly T[]): T[] {
  const chosen = readEnum(state, id);
  return choices.filter((choice) => chosen.includes(choice));
}

/** Cut at `max`, which is what the server takes. */
export function readText(state: TableState, id: string, max = TEXT_MAX): string | undefined {
  return state.filters[id]?.slice(0, max);
}

export type DateRange = { from?: string; to?: string };

/**
 * The range as instants. A preset counts back from now, rounded down (to the minute up to a day, to the hour above),
 * so that the same view asks the same question for a while.
 */
export function readDates(state: TableState, id: string, nowMs = Date.now()): DateRange {
  const value = state.filters[id];
  if (value === undefined) return {};
  const preset = DATE_PRESETS.find((candidate) => candidate.value === value);
  if (preset !== undefined) {
    const stepMs = preset.minutes <= 1440 ? 60_000 : 3_600_000;
    return { from: new Date(Math.floor(nowMs / stepMs) * stepMs - preset.minutes * 60_000).toISOString() };
  }
  const [from = "", to = ""] = value.split("..");
  return {
    ...(from === "" ? {} : { from: new Date(from).toISOString() }),
    ...(to === "" ? {} : { to: new Date(to).toISOString() }),
  };
}

export type AmountRange = { currency: string; min?: number; max?: number };

/** Bounds in minor units with their currency. */
export function readAmount(state: TableState, id: string): AmountRange | undefined {
  const value = state.filters[id];
  if (value === undefined) return undefined;
  const [currency = "", range = ""] = value.split(":");
  const [min = "", max = ""] = range.split("..");
  return { currency, ...(min === "" ? {} : { min: Number(min) }), ...(max === "" ? {} : { max: Number(max) }) };
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function isGiven<V>(value: V): value is Exclude<V, undefined> {
  return value !== undefined && value !== "" && !(Array.isArray(value) && value.length === 0);
}

/** A question to the server without what asks for nothing: empty texts, empty lists, what is undefined. */
export function given<T extends object>(parts: T): Given<T> {
  const said: Given<T> = {};
  for (const name in parts) {
    const value = parts[name];
    if (isGiven(value)) said[name] = value;
  }
  return said;
}

/** The filter as a query, without the place in the list: for exports and saved links. */
export function filterQuery(state: TableState, def: TableDef): string {
  const params = new URLSearchParams();
  if (state.search !== "") params.set("q", state.search);
  for (const filter of def.filters) {
    const value = state.filters[filter.id];
    if (value !== undefined) params.set(filter.id, value);
  }
  if (state.sort !== def.defaultSort) params.set("sort", state.sort);
  return params.toString();
}
