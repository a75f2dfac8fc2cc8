import { expect, it } from "vitest";
import { PUBLIC_STATUSES } from "@/server/domain/payments/states";
import { DisplayMessageSchema, displayPhase, isOver, toDisplayView } from "./display-view";
import { clockWords, displayWords } from "./display-words";

const viewOf = (status: string, qr: string | null = "https://klarna.example/q") =>
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
