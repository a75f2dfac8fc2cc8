import { describe, expect, it } from "vitest";
import { filterQuery, given, parseTableState, readAmount, readDates, readEnum, type TableDef } from "./table-state";

const DEF: TableDef = {
  id: "payments",
  sorts: ["created_at", "amount"],
  defaultSort: "-created_at",
  filters: [
    {
      kind: "enum",
      id: "status",
      label: "Status",
      options: [
        { value: "PENDING", label: "Waiting" },
        { value: "FAILED", label: "Failed" },
      ],
    },
    { kind: "date", id: "created", label: "Created" },
    { kind: "amount", id: "amount", label: "Amount", currencies: ["EUR", "JPY"] },
    { kind: "text", id: "reference", label: "Reference" },
  ],
};

describe("the state of a table in the address", () => {
  it("leaves out what the address cannot mean instead of refusing it", () => {
    const state = parseTableState(DEF, {
      status: "PENDING,NONSENSE",
      created: "yesterday",
      amount: "GBP:1..2",
      sort: "-secret",
      size: "100000",
      cursor: "",
      other: "x",
    });
    expect(state).toEqual({ search: "", filters: { status: "PENDING" }, sort: "-created_at", cursor: null, size: 50 });
    expect(readEnum(state, "status")).toEqual(["PENDING"]);
  });

  it("reads an amount in minor units with its currency, open at either end", () => {
    const state = parseTableState(DEF, { amount: "JPY:500.." });
    expect(readAmount(state, "amount")).toEqual({ currency: "JPY", min: 500 });
    expect(parseTableState(DEF, { amount: "JPY:.." }).filters).toEqual({});
    expect(parseTableState(DEF, { amount: "JPY:-5..1.5" }).filters).toEqual({});
  });

  it("counts a preset back from now, the same for a whole minute", () => {
    const state = parseTableState(DEF, { created: "15m" });
    const at = Date.UTC(2026, 10, 21, 9, 30, 1);
    expect(readDates(state, "created", at)).toEqual({ from: "2026-11-21T09:15:00.000Z" });
    expect(readDates(state, "created", at + 58_000)).toEqual(readDates(state, "created", at));
  });

  it("reads a range of instants and refuses impossible ones", () => {
    const range = "2026-11-01T00:00Z..2026-11-02T00:00Z";
    expect(readDates(parseTableState(DEF, { created: range }), "created")).toEqual({
      from: "2026-11-01T00:00:00.000Z",
      to: "2026-11-02T00:00:00.000Z",
    });
    expect(parseTableState(DEF, { created: "2026-13-41T00:00Z.." }).filters).toEqual({});
  });

  it("gives an export the filter but not the place in the list", () => {
    const state = parseTableState(DEF, { q: " ON47 ", status: "FAILED", sort: "amount", cursor: "abc", size: "25" });
    expect(filterQuery(state, DEF)).toBe("q=ON47&status=FAILED&sort=amount");
  });

  it("asks for nothing that was not given, and keeps what is false or zero", () => {
    expect(given({ search: "", status: [], from: undefined, isOpen: false, min: 0, kind: ["a"], to: "b" })).toEqual({
      isOpen: false,
      min: 0,
      kind: ["a"],
      to: "b",
    });
    expect(Object.keys(given({ from: undefined }))).toEqual([]);
  });
});
