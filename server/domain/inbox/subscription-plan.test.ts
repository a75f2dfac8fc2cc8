import { describe, expect, it } from "vitest";
import type { KlarnaWebhook } from "@/server/klarna/subscriptions";
import { EVENT_TYPES, isCovered, type KnownKey, planSubscription } from "./subscription-plan";

const URL = "https://gateway.example/api/klarna/webhooks";
const key = (id: string, day: number, more: Partial<KnownKey> = {}): KnownKey => ({
  id,
  source: "KLARNA",
  createdAt: new Date(Date.UTC(2026, 10, day)),
  retireAt: null,
  ...more,
});
const webhook = (id: string, more: Partial<KlarnaWebhook> = {}): KlarnaWebhook => ({
  webhook_id: id,
  url: URL,
  event_types: [...EVENT_TYPES],
  event_version: "v2",
  signing_key_id: "new",
  status: "ENABLED",
  updated_at: null,
  ...more,
});
const KEYS = [key("old", 1, { retireAt: new Date(Date.UTC(2026, 10, 3)) }), key("new", 2)];

describe("our subscription at Klarna", () => {
  it("is in order when the one webhook is as wanted, in whatever order its types stand", () => {
    const plan = planSubscription({
      url: URL,
      keys: KEYS,
      webhooks: [webhook("w", { event_types: EVENT_TYPES.toReversed() })],
    });
    expect(plan).toMatchObject({ verdict: "IN_ORDER", signingKeyId: "new", differences: [] });
  });

  it("is missing when nothing reaches us, whatever others have there", () => {
    const plan = planSubscription({
      url: URL,
      keys: [],
      webhooks: [webhook("x", { url: "https://other.example/hooks", signing_key_id: "theirs" })],
    });
    expect(plan).toMatchObject({ verdict: "MISSING", signingKeyId: null, ours: null });
    expect(plan.held.map((held) => held.relation)).toEqual(["other"]);
  });

  it.each<[string, Partial<KlarnaWebhook>]>([
    ["url", { url: "https://moved.example/api/klarna/webhooks" }],
    ["event_types", { event_types: ["payment.*"] }],
    ["event_version", { event_version: "v1" }],
    ["signing_key_id", { signing_key_id: "old" }],
    ["status", { status: "DISABLED" }],
  ])("names a difference in %s, and nothing else", (field, change) => {
    const plan = planSubscription({ url: URL, keys: KEYS, webhooks: [webhook("w", change)] });
    expect(plan.verdict).toBe("DIFFERS");
    expect(plan.differences.map((difference) => difference.field)).toEqual([field]);
  });

  it("keeps the webhook that works best and calls useless ones at our address surplus", () => {
    const plan = planSubscription({
      url: URL,
      keys: KEYS,
      webhooks: [
        webhook("unknown-key", { signing_key_id: "lost" }),
        webhook("ours"),
        webhook("twice", { signing_key_id: "old" }),
        webhook("more", { event_types: ["identity.*"], signing_key_id: "old" }),
      ],
    });
    expect(Object.fromEntries(plan.held.map((held) => [held.webhookId, held.relation]))).toEqual({
      "unknown-key": "surplus",
      ours: "ours",
      twice: "surplus",
      more: "other",
    });
    expect(plan.verdict).toBe("DIFFERS");
  });

  it("wants the newest key that Klarna made and that is not on its way out; one entered by hand only where it is in use", () => {
    const byHand = key("hand", 20, { source: "HAND" });
    const chosen = (keys: KnownKey[], current: string) =>
      planSubscription({ url: URL, keys, webhooks: [webhook("w", { signing_key_id: current })] }).signingKeyId;
    expect(chosen([...KEYS, byHand], "new")).toBe("new");
    expect(chosen([byHand], "hand")).toBe("hand");
    expect(chosen([key("old", 1, { retireAt: new Date() })], "old")).toBeNull();
  });

  it("takes a pattern as covered by a wider one only", () => {
    expect(isCovered("payment.request.state-change.*")).toBe(true);
    expect(isCovered("payment.*")).toBe(true);
    expect(isCovered("*")).toBe(false);
    expect(isCovered("paymentx.*", ["payment.*"])).toBe(false);
  });
});
