import { defineMachine } from "@/server/core/state-machine";

/* Kinds, states and columns of captures and refunds of many payments, apart from the schemas, so that screens can name them. */

export const BULK_KINDS = ["CAPTURE", "REFUND"] as const;
export type BulkKind = (typeof BULK_KINDS)[number];
export const BULK_SOURCES = ["SELECTION", "FILE"] as const;
export type BulkSource = (typeof BULK_SOURCES)[number];

/** DONE: every row was asked for; rows may still wait for Klarna or for a second person. */
export const bulkRunMachine = defineMachine({
  CHECKED: { start: "RUNNING", cancel: "CANCELED" },
  RUNNING: { finish: "DONE", cancel: "CANCELED" },
  DONE: {},
  CANCELED: {},
});
export type BulkRunState = (typeof bulkRunMachine.states)[number];
export const BULK_RUN_STATES = bulkRunMachine.states;

/**
 * INVALID and SKIPPED were never asked for. ASKING is being done, or was when a process died. WAITING: Klarna has not
 * answered for sure. APPROVAL: a second person has to agree.
 */
export const bulkRowMachine = defineMachine({
  READY: { claim: "ASKING", skip: "SKIPPED" },
  ASKING: { succeed: "DONE", fail: "FAILED", wait: "WAITING", ask: "APPROVAL" },
  WAITING: { succeed: "DONE", fail: "FAILED" },
  APPROVAL: { succeed: "DONE", fail: "FAILED", wait: "WAITING" },
  DONE: {},
  FAILED: {},
  INVALID: {},
  SKIPPED: {},
});
export type BulkRowState = (typeof bulkRowMachine.states)[number];
export const BULK_ROW_STATES = bulkRowMachine.states;

export const BULK_KIND_WORDS: Readonly<Record<BulkKind, string>> = { CAPTURE: "Captures", REFUND: "Refunds" };

export const BULK_ROWS_MAX = 5_000;
export const BULK_SELECTION_MAX = 200;
/** As a server action takes it: 5,000 rows have about a third of this. */
export const BULK_FILE_BYTES_MAX = 700 * 1024;

export type BulkColumn = {
  id: "payment" | "amount" | "currency" | "capture" | "reference" | "reason";
  hint: string;
  /** What heads of columns say instead: lower case, letters and digits only. */
  aliases: readonly string[];
  example: string;
  kinds: readonly BulkKind[];
};

export const BULK_COLUMNS: readonly BulkColumn[] = [
  {
    id: "payment",
    hint: "Payment id, your reference, or Klarna’s transaction id",
    aliases: ["payment", "paymentid", "id", "paymentreference", "order", "ordernumber", "klarnapaymenttransactionid"],
    example: "ON-4711",
    kinds: BULK_KINDS,
  },
  {
    id: "amount",
    hint: "With decimals, 118.00; without it all that is left",
    aliases: ["amount", "sum", "betrag"],
    example: "118.00",
    kinds: BULK_KINDS,
  },
  {
    id: "currency",
    hint: "Three letters; a row in another currency than the payment is refused",
    aliases: ["currency", "currencycode"],
    example: "SEK",
    kinds: BULK_KINDS,
  },
  {
    id: "capture",
    hint: "Capture id, where a payment has several",
    aliases: ["captureid", "klarnapaymentcaptureid", "capture"],
    example: "",
    kinds: ["REFUND"],
  },
  {
    id: "reference",
    hint: "Yours, of the new capture or refund",
    aliases: ["reference", "capturereference", "refundreference"],
    example: "parcel-1",
    kinds: BULK_KINDS,
  },
  { id: "reason", hint: "Kept with the refund", aliases: ["reason"], example: "Return", kinds: ["REFUND"] },
];
