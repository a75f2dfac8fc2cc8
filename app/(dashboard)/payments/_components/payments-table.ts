import {
  type FilterDef,
  given,
  readAmount,
  readChoices,
  readDates,
  readEnum,
  readText,
  type TableDef,
  type TableState,
} from "@/components/data-table/table-state";
import { statusOptions } from "@/components/display/status-words";
import type { PaymentFilter } from "@/server/domain/payments/schema";
import { PUBLIC_STATUSES } from "@/server/domain/payments/states";
import { COUNTRY_OPTIONS } from "../../countries";
import { CHANNEL_WORDS, choicesOf, LAUNCH_WORDS, RAIL_WORDS, REASON_WORDS } from "./payment-words";

export type Choice = { value: string; label: string; hint?: string };

/** What the filters offer; null where there are too many to list (or they may not be seen): then a reference is typed. */
export type PaymentChoices = {
  partners: Choice[];
  stores: Choice[] | null;
  terminals: Choice[] | null;
  currencies: readonly string[];
};

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** How soon an authorization ends. */
const ENDS_WITHIN = [
  { value: "1d", label: "24 hours", days: 1 },
  { value: "3d", label: "3 days", days: 3 },
  { value: "7d", label: "7 days", days: 7 },
] as const;
const CHANNELS = ["in_store", "web", "mobile_app"] as const;
const LAUNCHES = ["qr", "redirect", "sdk", "short_code", "none"] as const;
const RAILS = ["network", "classic"] as const;

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
    { kind: "enum", id: "market", label: "Market", options: COUNTRY_OPTIONS },
    { kind: "amount", id: "amount", label: "Amount", currencies: choices.currencies },
    {
      kind: "enum",
      id: "left",
      label: "Left",
      options: [{ value: "capture", label: "Something left to capture" }],
      isSingle: true,
    },
    { kind: "enum", id: "ends", label: "Ends within", options: ENDS_WITHIN, isSingle: true },
    { kind: "enum", id: "reason", label: "Reason", options: choicesOf(REASON_WORDS) },
    { kind: "enum", id: "channel", label: "Channel", options: choicesOf(CHANNEL_WORDS) },
    { kind: "enum", id: "launch", label: "Launch", options: choicesOf(LAUNCH_WORDS) },
    { kind: "enum", id: "rail", label: "Interface", options: choicesOf(RAIL_WORDS) },
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
  const ends = ENDS_WITHIN.find((option) => option.value === readText(state, "ends"));
  return {
    ...given({
      search: state.search,
      status: readChoices(state, "status", PUBLIC_STATUSES),
      created_from: dates.from,
      created_to: dates.to,
      partners: readEnum(state, "partner"),
      markets: readEnum(state, "market"),
      currency: amount?.currency,
      amount_min: amount?.min,
      amount_max: amount?.max,
      channels: readChoices(state, "channel", CHANNELS),
      launches: readChoices(state, "launch", LAUNCHES),
      rails: readChoices(state, "rail", RAILS),
      reasons: readEnum(state, "reason"),
      left_to_capture: readText(state, "left") === undefined ? undefined : true,
      // To the hour, so that the same view asks the same question for a while.
      authorization_ends_before:
        ends === undefined
          ? undefined
          : new Date(Math.ceil(nowMs / HOUR_MS) * HOUR_MS + ends.days * DAY_MS).toISOString(),
    }),
    ...placeFilter(def, state, "store", "stores"),
    ...placeFilter(def, state, "terminal", "terminals"),
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
