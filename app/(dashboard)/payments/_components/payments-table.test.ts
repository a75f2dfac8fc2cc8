import { expect, it } from "vitest";
import { parseTableState } from "@/components/data-table/table-state";
import { paymentFilter, paymentsTable } from "./payments-table";

const NOW = Date.parse("2026-11-21T10:00:30Z");
const CHOICES = {
  partners: [
    { value: "ptn_a", label: "A" },
    { value: "ptn_b", label: "B" },
  ],
  stores: [{ value: "sto_a", label: "Store A" }],
  terminals: null,
  currencies: ["EUR", "SEK"],
};

const read = (query: string) => {
  const def = paymentsTable(CHOICES);
  return paymentFilter(def, parseTableState(def, Object.fromEntries(new URLSearchParams(query))), NOW);
};

it("an address becomes the question, to the minute", () => {
  expect(
    read("q=ON47&status=declined,pending&partner=ptn_b&store=sto_a&terminal=T-1&amount=SEK:100..5000&created=15m"),
  ).toEqual({
    search: "ON47",
    status: ["pending", "declined"],
    partners: ["ptn_b"],
    stores: ["sto_a"],
    terminal: "T-1",
    currency: "SEK",
    amount_min: 100,
    amount_max: 5000,
    created_from: "2026-11-21T09:45:00.000Z",
  });
});

it("what is left, what ends soon, why it ended and how it was begun are asked by words", () => {
  expect(
    read("left=capture&ends=3d&reason=declined,klarna_refused&channel=web&launch=sdk,qr&rail=classic&market=SE,DE"),
  ).toEqual({
    left_to_capture: true,
    authorization_ends_before: "2026-11-24T11:00:00.000Z",
    reasons: ["declined", "klarna_refused"],
    channels: ["web"],
    launches: ["qr", "sdk"],
    rails: ["classic"],
    markets: ["SE", "DE"],
  });
});

it("what the address cannot mean is left out, never guessed", () => {
  expect(
    read(
      "status=paid&partner=ptn_x&amount=SEK:abc&created=soon&store=sto_x&ends=9d&rail=old&left=x&reason=why&market=XX,se",
    ),
  ).toEqual({});
});

it("people of one Partner are not asked for a Partner", () => {
  const def = paymentsTable({ ...CHOICES, partners: [] });
  expect(def.filters.map((filter) => filter.id)).not.toContain("partner");
});
