import { Webhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import { ATTEMPTS_MAX, nextAttemptAt, parseRetryAfter } from "./schedule";
import { CreateEndpointSchema } from "./schema";
import { newWebhookSecret, signatureHeaders } from "./signature";

const now = new Date("2026-11-21T12:00:00.000Z");
const waitMs = (attemptsMade: number, random: number, retryAfterMs: number | null = null): number | null => {
  const at = nextAttemptAt({ now, attemptsMade, retryAfterMs, random: () => random });
  return at ? at.getTime() - now.getTime() : null;
};

describe("schedule", () => {
  it("R24: ten tries, waits of 5 s, 1 min, 5 min, 30 min, 2 h, 6 h, 12 h, 24 h, 27 h: three days", () => {
    const waits = Array.from({ length: ATTEMPTS_MAX - 1 }, (_, index) => waitMs(index + 1, 0.5));
    expect(waits).toEqual([
      5 * SECOND_MS,
      MINUTE_MS,
      5 * MINUTE_MS,
      30 * MINUTE_MS,
      2 * HOUR_MS,
      6 * HOUR_MS,
      12 * HOUR_MS,
      24 * HOUR_MS,
      27 * HOUR_MS,
    ]);
    expect(waits.reduce<number>((sum, wait) => sum + (wait ?? 0), 0)).toBeGreaterThan(2.9 * DAY_MS);
    expect(waitMs(ATTEMPTS_MAX, 0.5)).toBeNull();
  });

  it("R24: each wait varies by ten per cent and no more", () => {
    expect([waitMs(1, 0), waitMs(1, 1)]).toEqual([4_500, 5_500]);
  });

  it("R24: Retry-After makes a wait longer, never shorter, and by a day at the most", () => {
    expect(waitMs(1, 0.5, 120 * SECOND_MS)).toBe(120 * SECOND_MS);
    expect(waitMs(3, 0.5, SECOND_MS)).toBe(5 * MINUTE_MS);
    expect(waitMs(1, 0.5, 30 * DAY_MS)).toBe(DAY_MS);
  });

  it("Retry-After is read as seconds or a date, nonsense is ignored", () => {
    expect(parseRetryAfter("120", now)).toBe(120_000);
    expect(parseRetryAfter("Sat, 21 Nov 2026 12:01:00 GMT", now)).toBe(60_000);
    expect(parseRetryAfter("Sat, 21 Nov 2026 11:00:00 GMT", now)).toBe(0);
    for (const text of [undefined, "", "-5", "soon", "1e9", "2026-11-21"])
      expect(parseRetryAfter(text, now)).toBeNull();
  });
});

describe("signature", () => {
  const body = '{"id":"evt_1","data":{"name":"Å\\u0000é"}}';
  const signed = (secrets: string[]) => signatureHeaders({ id: "evt_1", at: new Date(), body, secrets });

  it("two independent libraries accept it over the raw body", () => {
    const secret = newWebhookSecret();
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const headers = signed([secret]);
    expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
    expect(() => new SvixWebhook(secret).verify(body, headers)).not.toThrow();
  });

  it("S8: a changed body, id, time or another secret is refused", () => {
    const secret = newWebhookSecret();
    const headers = signed([secret]);
    const refuse = (text: string, changed: Record<string, string>, key = secret) =>
      expect(() => new SvixWebhook(key).verify(text, { ...headers, ...changed })).toThrow();
    refuse(`${body} `, {});
    refuse(body, { "webhook-id": "evt_2" });
    refuse(body, { "webhook-timestamp": String(Number(headers["webhook-timestamp"]) + 1) });
    refuse(body, {}, newWebhookSecret());
  });

  it("during a rotation the old and the new secret both verify", () => {
    const [before, after] = [newWebhookSecret(), newWebhookSecret()];
    const headers = signed([after, before]);
    expect(headers["webhook-signature"]).toMatch(/^v1,[A-Za-z0-9+/]{43}= v1,[A-Za-z0-9+/]{43}=$/);
    for (const secret of [before, after]) {
      expect(() => new SvixWebhook(secret).verify(body, headers)).not.toThrow();
      expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
    }
    for (const library of [SvixWebhook, Webhook])
      expect(() => new library(newWebhookSecret()).verify(body, headers)).toThrow();
  });
});

describe("what a Partner may ask for", () => {
  const base = { url: "https://hooks.example.com/", events: ["*"] };
  it("types, families and everything", () => {
    expect(
      CreateEndpointSchema.parse({ ...base, events: ["payment.completed", "refund.*", "payment.completed"] }).events,
    ).toEqual(["payment.completed", "refund.*"]);
    expect(CreateEndpointSchema.parse({ ...base, events: ["payment.completed", "*"] }).events).toEqual(["*"]);
    for (const events of [
      [],
      ["payment"],
      ["payment.nonsense"],
      ["webhook_endpoint.test"],
      ["**"],
      "payment.completed",
    ]) {
      expect(CreateEndpointSchema.safeParse({ ...base, events }).success).toBe(false);
    }
  });

  it("own headers, but none of the connection, the body, the signature or a forwarder", () => {
    expect(
      CreateEndpointSchema.safeParse({ ...base, headers: { Authorization: "Bearer x", "X-Shop": "a b" } }).success,
    ).toBe(true);
    for (const name of [
      "Host",
      "Content-Length",
      "content-type",
      "Webhook-Id",
      "webhook-signature",
      "Transfer-Encoding",
      "Connection",
      "TE",
      "Upgrade",
      "Expect",
      "Cookie",
      "X-Forwarded-For",
      "bad name",
      "",
      "a:b",
    ]) {
      expect(CreateEndpointSchema.safeParse({ ...base, headers: { [name]: "x" } }).success, name).toBe(false);
    }
    for (const value of ["a\r\nb: c", "\u0000", "é", " x", "x".repeat(513)]) {
      expect(CreateEndpointSchema.safeParse({ ...base, headers: { "X-Shop": value } }).success).toBe(false);
    }
    expect(CreateEndpointSchema.safeParse({ ...base, headers: { "X-Shop": "1", "x-shop": "2" } }).success).toBe(false);
  });

  it("nothing that is not known", () =>
    expect(CreateEndpointSchema.safeParse({ ...base, secret: "whsec_x" }).success).toBe(false));
});
