import { describe, expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { IdempotencyConflict } from "@/server/db/idempotency";
import { asApiKey, asUser } from "@/server/testing/context";
import { withWebhooks } from "@/server/testing/webhooks";
import { CreateEndpointSchema } from "./schema";
import * as webhooks from "./service";
import { appendEvent } from "./testing";

const hooks = withWebhooks();
const { receiver, deliverer, partner, endpoint, endpointRow, deliveriesOf } = hooks;

describe("endpoints", () => {
  it("the secret is shown once, stored encrypted, and the endpoint is listed without it", async () => {
    const { ctx } = await partner();
    const made = await webhooks.createEndpoint(
      ctx,
      CreateEndpointSchema.parse({
        url: "http://127.0.0.1:9/h?key=1",
        events: ["payment.completed"],
        headers: { Authorization: "Bearer canary" },
      }),
    );
    expect(made.secret).toMatch(/^whsec_/);
    expect(await webhooks.listEndpoints(ctx, { limit: 25 })).toMatchObject({ data: [made.endpoint], hasMore: false });
    expect(await webhooks.getEndpoint(ctx, made.endpoint.id)).toEqual(made.endpoint);
    expect((await webhooks.getEndpointRecord(ctx, made.endpoint.id)).header_names).toEqual(["Authorization"]);
    const stored = JSON.stringify(await endpointRow(made.endpoint.id));
    expect(stored).not.toContain(made.secret);
    expect(stored).not.toContain("canary");
    expect(JSON.stringify(await webhooks.listEndpoints(ctx, { limit: 25 }))).not.toContain("whsec_");
  });

  it("another Partner's endpoint is answered like one that does not exist", async () => {
    const [mine, theirs] = [await partner(), await partner()];
    const { id } = await endpoint(mine.ctx, "http://127.0.0.1:9/");
    const missing = newId("webhookEndpoint");
    for (const act of [
      webhooks.getEndpoint,
      webhooks.getEndpointRecord,
      webhooks.deleteEndpoint,
      webhooks.sendTestEvent,
      webhooks.rotateEndpointSecret,
    ]) {
      await expect(act(theirs.ctx, id)).rejects.toMatchObject({ code: "not_found" });
      await expect(act(theirs.ctx, missing)).rejects.toMatchObject({ code: "not_found" });
    }
    await expect(webhooks.updateEndpoint(theirs.ctx, id, { ordered: false })).rejects.toMatchObject({
      code: "not_found",
    });
    await expect(
      webhooks.getEndpoint(asApiKey(hooks.services, { partnerId: mine.id, mode: "live" }), id),
    ).rejects.toMatchObject({ code: "not_found" });
    expect((await webhooks.listEndpoints(theirs.ctx, { limit: 25 })).data).toEqual([]);
    expect(await webhooks.getEndpoint(mine.ctx, id)).toMatchObject({ id, ordered: true });
  });

  it("needs the permission, and the Partner where there are many", async () => {
    const mine = await partner();
    const input = CreateEndpointSchema.parse({ url: "http://127.0.0.1:9/", events: ["*"] });
    await expect(
      webhooks.createEndpoint(asApiKey(hooks.services, { partnerId: mine.id, scopes: ["webhooks:read"] }), input),
    ).rejects.toMatchObject({ code: "permission_denied" });
    await expect(
      webhooks.listEndpoints(asUser(hooks.services, "PARTNER_STAFF", [mine.id]), { limit: 25 }),
    ).rejects.toMatchObject({ code: "permission_denied" });
    const staff = asUser(hooks.services, "ACQUIRER_ADMIN");
    await expect(webhooks.createEndpoint(staff, input)).rejects.toMatchObject({ code: "validation_failed" });
    await expect(webhooks.createEndpoint(staff, input, newId("partner"))).rejects.toMatchObject({ code: "not_found" });
    expect((await webhooks.createEndpoint(staff, input, mine.id)).endpoint.status).toBe("enabled");
    await expect(
      webhooks.createEndpoint(asUser(hooks.services, "PARTNER_ADMIN", [mine.id]), input, (await partner()).id),
    ).rejects.toMatchObject({ code: "not_found" });
  });

  it("S30: a private address is refused in live mode, the cloud's metadata in test mode too", async () => {
    const { id } = await partner();
    const live = asApiKey(hooks.services, { partnerId: id, mode: "live" });
    const input = (url: string) => CreateEndpointSchema.parse({ url, events: ["*"] });
    for (const url of ["https://127.0.0.1/", "http://hooks.example.com/", "https://0x7f000001/"]) {
      await expect(webhooks.createEndpoint(live, input(url))).rejects.toMatchObject({ code: "url_not_allowed" });
    }
    await expect(
      webhooks.createEndpoint(
        asApiKey(hooks.services, { partnerId: id }),
        input("http://169.254.169.254/latest/meta-data"),
      ),
    ).rejects.toMatchObject({ code: "url_not_allowed" });
  });

  it("one idempotency key makes one endpoint, and its stored answer is encrypted", async () => {
    const { id } = await partner();
    const intent = {
      partnerId: id,
      mode: "test" as const,
      key: "k1",
      requestHash: "h",
      answer: (object: unknown) => ({ status: 201, body: JSON.stringify(object) }),
    };
    const input = CreateEndpointSchema.parse({ url: "http://127.0.0.1:9/", events: ["*"] });
    const ctx = asApiKey(hooks.services, { partnerId: id, idempotency: intent });
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => webhooks.createEndpoint(ctx, input)));
    expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
    for (const result of results)
      if (result.status === "rejected") expect(result.reason).toBeInstanceOf(IdempotencyConflict);
    expect(
      (await webhooks.listEndpoints(asApiKey(hooks.services, { partnerId: id }), { limit: 25 })).data,
    ).toHaveLength(1);
    const [answer] = await hooks.services.db.query({
      text: "select encode(body, 'escape') as body, body_encrypted from idempotent_answers where partner_id = $1",
      values: [id],
    });
    expect(answer).toMatchObject({ body_encrypted: true });
    expect(JSON.stringify(answer)).not.toContain("whsec_");
  });

  it("a deleted endpoint hears nothing more, keeps its deliveries and loses its secret; each change is in the audit", async () => {
    const { id: partnerId, ctx } = await partner();
    const shop = await receiver();
    const { id } = await endpoint(ctx, shop.url);
    await appendEvent(hooks.services, { partnerId, subjectId: newId("refund"), sequence: 1 });
    await webhooks.relayAll(hooks.services);
    await webhooks.deleteEndpoint(ctx, id);
    await appendEvent(hooks.services, { partnerId, subjectId: newId("refund"), sequence: 1 });
    await webhooks.relayAll(hooks.services);
    await deliverer().drain();
    expect(shop.received).toHaveLength(0);
    expect(await deliveriesOf(id)).toMatchObject([{ state: "FAILED", next_attempt_at: null }]);
    expect(await endpointRow(id)).toMatchObject({ secret: "" });
    await expect(webhooks.getEndpoint(ctx, id)).rejects.toMatchObject({ code: "not_found" });
    const audit = await hooks.services.db.query({
      text: "select action from audit_entries where subject_id = $1 order by position",
      values: [id],
    });
    expect(audit.map((entry) => entry.action)).toEqual(["webhook_endpoint.created", "webhook_endpoint.deleted"]);
  });
});
