import { describe, expect, it } from "vitest";
import { type CounterPayment, CounterPaymentSchema } from "@/server/domain/counter/schema";
import { kioskWords } from "./kiosk-words";
import { TILL_LANGUAGES, tillState, tillWords } from "./till-words";

const words = tillWords("en");
const payment = (more: Record<string, unknown>): CounterPayment =>
  CounterPaymentSchema.parse({
    id: "pay_1",
    mode: "test",
    status: "pending",
    amount: 11_800,
    currency: "SEK",
    reference: "ON4711",
    amount_refunded: 0,
    amount_refundable: 0,
    klarna: { qr_code: { target_url: "https://klarna.example/q" } },
    created_at: "2026-11-21T10:00:00Z",
    expires_at: "2026-11-21T10:15:00Z",
    updated_at: "2026-11-21T10:00:00Z",
    ...more,
  });

describe("what stands at the till", () => {
  it.each(["authorized", "completed"])("%s hands out goods only for money that Klarna vouches for", (status) => {
    const said = (type: string, state: string) => tillState(words, payment({ status, funding: { type, state } }));
    expect(said("guaranteed", "funded").sentence).toBe("Hand over the goods.");
    expect(said("non_guaranteed", "funded").sentence).toBe("Hand over the goods.");
    expect(said("non_guaranteed", "pending")).toBe(words.held);
    for (const state of ["expired", "rejected", "a word that Klarna adds"])
      expect(said("non_guaranteed", state)).toBe(words.unfunded);
  });

  it("an approval that is over is not called held", () => {
    const funding = { type: "non_guaranteed", state: "pending" };
    expect(tillState(words, payment({ status: "voided", funding }))).toBe(words.states.voided);
  });

  it("asks for a scan only where there is a code to scan", () => {
    expect(tillState(words, payment({}))).toBe(words.states.pending);
    expect(tillState(words, payment({ klarna: { qr_code: null } })).sentence).toBe(words.codeComing);
    expect(tillState(words, payment({ launch: "short_code", klarna: { qr_code: null } }))).toBe(
      words.shortCode.onPhone,
    );
    expect(tillState(words, payment({ launch: "short_code", status: "in_progress" }))).toBe(words.states.in_progress);
  });

  it.each(["short_code_refused", "data_refused", "klarna_not_permitted", "klarna_error"])(
    "says what to do about %s, and that nothing is charged",
    (code) => {
      const said = tillState(words, payment({ status: "failed", failure: { code } }));
      expect(said).toBe(words.failures[code]);
      expect(said.sentence).toMatch(/^Nothing is charged\./);
    },
  );

  it("another failure is a failure", () => {
    const failed = payment({ status: "failed", failure: { code: "request_lost" } });
    expect(tillState(words, failed)).toBe(words.states.failed);
  });
});

it("every language says everything, in words of its own", () => {
  // The name, and what German and English share.
  const shared = new Set(["Klarna", "Online"]);
  for (const [name, of] of [
    ["till", tillWords],
    ["kiosk", kioskWords],
  ] as const) {
    const english = flat(of("en"));
    for (const language of TILL_LANGUAGES.filter((each) => each !== "en")) {
      const said = flat(of(language));
      expect([...said.keys()].sort(), `${name} ${language}`).toEqual([...english.keys()].sort());
      const same = [...said].filter(([key, text]) => text === english.get(key) && !shared.has(text));
      expect(same, `${name} ${language}`).toEqual([]);
    }
  }
});

function flat(words: object, path = ""): Map<string, string> {
  return new Map(
    Object.entries(words).flatMap(([key, value]) =>
      typeof value === "string" ? [[`${path}${key}`, value] as const] : [...flat(value, `${path}${key}.`)],
    ),
  );
}
