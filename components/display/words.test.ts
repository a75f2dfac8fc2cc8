import { describe, expect, it } from "vitest";
import { PAYMENT_STATES } from "@/server/domain/payments/states";
import { shortId } from "./id";
import { statusWord } from "./status-words";
import { relativeWords, timeLeftWords } from "./time-words";

describe("words of states and times", () => {
  it("has a word and a colour for every state of a payment, in either spelling", () => {
    for (const state of PAYMENT_STATES) {
      expect(statusWord("payment", state)).toEqual(statusWord("payment", state.toLowerCase()));
      expect(statusWord("payment", state).word).toMatch(/^[A-Z][a-z]/);
    }
  });

  it("shows a state it does not know as it is, without a colour that says anything", () => {
    expect(statusWord("payment", "HELD_BY_KLARNA")).toEqual({ word: "held by klarna", tone: "neutral" });
    expect(statusWord("payment", "constructor").tone).toBe("neutral");
  });

  it("says how much time is left by its two largest parts", () => {
    expect(timeLeftWords(-5)).toBe("0 s");
    expect(timeLeftWords(65_000)).toBe("1 min 05 s");
    expect(timeLeftWords(3_600_000)).toBe("1 h");
    expect(timeLeftWords(2 * 86_400_000 + 4 * 3_600_000 + 1)).toBe("2 d 4 h");
  });

  it("says how long ago something was", () => {
    expect(relativeWords(0, 2000)).toBe("just now");
    expect(relativeWords(0, 180_000)).toBe("3 min. ago");
    expect(relativeWords(86_400_000, 0)).toBe("tomorrow");
  });

  it("shortens an id in the middle and keeps what tells it apart", () => {
    expect(shortId("pay_01JD8XK2ABCDEFGHJKMNPQRSTV")).toBe("pay_01JD…PQRSTV");
    expect(shortId("ON4711")).toBe("ON4711");
  });
});
