import { expect, it } from "vitest";
import { LANGUAGES } from "@/server/core/languages";
import { PUBLIC_STATUSES } from "@/server/domain/payments/states";
import { DISPLAY_LANGUAGES } from "./display-languages";
import { DisplayMessageSchema, displayPhase, isOver, toDisplayView } from "./display-view";
import { clockWords, displayWords, ENGLISH } from "./display-words";

const viewOf = (status: string, qr: string | null = "https://klarna.example/q", more: Record<string, unknown> = {}) =>
  toDisplayView(
    DisplayMessageSchema.parse({
      id: "pay_1",
      mode: "test",
      status,
      amount: 11_800,
      currency: "SEK",
      klarna: { qr_code: qr === null ? null : { target_url: qr } },
      created_at: "2026-11-21T10:00:00Z",
      expires_at: "2026-11-21T10:15:00Z",
      updated_at: "2026-11-21T10:00:00Z",
      display_url: "https://shop.example/display/pay_1?t=secret",
      ...more,
    }),
  );

it("every status has a picture and words, and the code stands only while the payment waits", () => {
  for (const status of PUBLIC_STATUSES) {
    const view = viewOf(status);
    expect(displayWords(view.status, displayPhase(view)).sentence).not.toBe("");
    expect(view.qrTarget === null).toBe(status !== "pending");
  }
  expect(displayPhase(viewOf("pending", null))).toBe("starting");
});

it("a code that comes later is announced, and where the customer's phone has it already none is promised", () => {
  expect(displayPhase(viewOf("pending", null, { launch: "qr" }))).toBe("starting");
  expect(displayPhase(viewOf("pending", "https://klarna.example/q", { launch: "qr" }))).toBe("scan");
  for (const launch of ["short_code", "redirect", "sdk"]) {
    expect(displayPhase(viewOf("pending", null, { launch }))).toBe("phone");
  }
});

it("an approval that Klarna does not vouch for yet is not called paid", () => {
  const funding = (type: string, state: string) => ({ funding: { type, state } });
  for (const status of ["authorized", "completed"]) {
    expect(displayPhase(viewOf(status, null, funding("non_guaranteed", "pending")))).toBe("held");
    // The customer never paid Klarna.
    expect(displayPhase(viewOf(status, null, funding("non_guaranteed", "expired")))).toBe("held");
    expect(displayPhase(viewOf(status, null, funding("non_guaranteed", "funded")))).toBe("done");
    expect(displayPhase(viewOf(status, null, funding("guaranteed", "funded")))).toBe("done");
  }
  const held = displayWords("completed", "held");
  expect(`${held.title} ${held.sentence}`).not.toMatch(/paid/i);
});

it("every language says everything, in words of its own", () => {
  const english = flat(ENGLISH);
  // Words that are the same in several languages, or names.
  const shared = new Set(["Test", "Session"]);
  for (const language of LANGUAGES) {
    const words = flat(DISPLAY_LANGUAGES[language]);
    expect([...words.keys()].sort(), language).toEqual([...english.keys()].sort());
    expect(DISPLAY_LANGUAGES[language].labels.left, language).toContain("{time}");
    for (const [key, text] of words) {
      expect(text.trim(), `${language} ${key}`).not.toBe("");
      if (language !== "en" && !shared.has(text)) expect(text, `${language} ${key}`).not.toBe(english.get(key));
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

it("says paid only for what is approved, and nothing charged only for what is over", () => {
  const said = (status: string) => displayPhase(viewOf(status));
  expect(PUBLIC_STATUSES.filter((status) => said(status) === "done")).toEqual(["authorized", "completed"]);
  expect(PUBLIC_STATUSES.filter((status) => !isOver(viewOf(status)))).toEqual([
    "processing",
    "pending",
    "in_progress",
    "finalizing",
  ]);
});

it("S14: the view keeps no link and no token of the message", () => {
  expect(JSON.stringify(viewOf("pending"))).not.toContain("secret");
});

it("the time left reads like a timer", () => {
  expect([900_000, 60_001, 9_400, 0, -5].map(clockWords)).toEqual(["15:00", "1:01", "0:10", "0:00", "0:00"]);
});
