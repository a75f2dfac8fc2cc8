import {
  type FilterDef,
  readAmount,
  readDates,
  readEnum,
  readText,
  type TableDef,
  type TableState,
} from "@/components/data-table/table-state";
import { statusOptions } from "@/components/display/status-words";
import { KLARNA_CURRENCIES } from "@/server/core/money";
import type { PaymentFilter } from "@/server/domain/payments/schema";
import { PUBLIC_STATUSES } from "@/server/domain/payments/states";

export type Choice = { value: string; label: string; hint?: string };

/** What the filters offer; null where there are too many to list (or they may not be seen): then a reference is typed. */
export type PaymentChoices = { partners: Choice[]; stores: Choice[] | null; terminals: Choice[] | null };

/** What the address of the list can say. The same on the server, in the browser and for the export. */
export function paymentsTable(choices: PaymentChoices): TableDef {
  const filters: FilterDef[] = [
    { kind: "enum", id: "status", label: "Status", options: statusOptions("payment", PUBLIC_STATUSES) },
    { kind: "date", id: "created", label: "Created" },
    ...(choices.partners.length > 1
      ? [{ kind: "enum" as const, id: "partner", label: "Partner", options: choices.partners }]
      : []),
    place("store", "Store", choices.stores),
    place("terminal", "Terminal", choices.terminals),
    { kind: "amount", id: "amount", label: "Amount", currencies: KLARNA_CURRENCIES },
  ];
  return { id: "payments", filters, sorts: [], defaultSort: "-created_at" };
}

function place(id: string, label: string, options: Choice[] | null): FilterDef {
  return options === null
    ? { kind: "text", id, label, placeholder: "Id or reference" }
    : { kind: "enum", id, label, options };
}

/** The question behind an address. */
export function paymentFilter(def: TableDef, state: TableState, nowMs: number): PaymentFilter {
  const dates = readDates(state, "created", nowMs);
  const amount = readAmount(state, "amount");
  const status = PUBLIC_STATUSES.filter((option) => readEnum(state, "status").includes(option));
  const partners = readEnum(state, "partner");
  return {
    ...(status.length > 0 ? { status } : {}),
    ...(dates.from === undefined ? {} : { created_from: dates.from }),
    ...(dates.to === undefined ? {} : { created_to: dates.to }),
    ...(partners.length > 0 ? { partners } : {}),
    ...placeFilter(def, state, "store", "stores"),
    ...placeFilter(def, state, "terminal", "terminals"),
    ...(amount === undefined ? {} : { currency: amount.currency }),
    ...(amount?.min === undefined ? {} : { amount_min: amount.min }),
    ...(amount?.max === undefined ? {} : { amount_max: amount.max }),
    ...(state.search === "" ? {} : { search: state.search }),
  };
}

function placeFilter<One extends "store" | "terminal", Many extends "stores" | "terminals">(
  def: TableDef,
  state: TableState,
  one: One,
  many: Many,
): PaymentFilter {
  const text = readText(state, one);
  if (text === undefined) return {};
  const isList = def.filters.some((filter) => filter.id === one && filter.kind === "enum");
  return isList ? { [many]: text.split(",") } : { [one]: text };
}
