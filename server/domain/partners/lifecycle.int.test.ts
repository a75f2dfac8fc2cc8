import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AppError } from "@/server/core/errors";
import { processInbox } from "@/server/domain/inbox/service";
import { CreatePaymentSchema } from "@/server/domain/payments/schema";
import { createPayment } from "@/server/domain/payments/service";
import { RegisterStoreSchema } from "@/server/domain/stores/schema";
import { archiveStore, changeStore, listStores, registerStore } from "@/server/domain/stores/service";
import { RegisterTerminalSchema } from "@/server/domain/terminals/schema";
import { registerTerminal } from "@/server/domain/terminals/service";
import { unique } from "@/server/testing/builders";
import { asApiKey, asUser, type TestServices, testServices } from "@/server/testing/context";
import { receiveKlarnaWebhooks, type WebhookReceiver } from "@/server/testing/klarna-webhooks";
import { fillDraft, makeOperational, onboardPartner } from "@/server/testing/onboarding";
import { until } from "@/server/testing/shop";
import {
  approveDraft,
  getDraft,
  handleDecision,
  listComplianceDecisions,
  listStateChanges,
  offboardPartner,
  resumePartner,
  saveBrand,
  setArchived,
  suspendPartner,
  syncPartners,
} from "./service";

let test: TestServices;
let webhooks: WebhookReceiver;
beforeAll(async () => {
  test = await testServices();
  webhooks = await receiveKlarnaWebhooks(test.services, test.simulator, ["partner.*", "payment.*"]);
});
afterAll(async () => {
  await webhooks.close();
  await test.close();
});

const admin = () => asUser(test.services, "ACQUIRER_ADMIN");

async function control(path: string, body: unknown): Promise<unknown> {
  const answer = await fetch(`${test.simulator.url}/_control${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer.json();
}

async function productAtKlarna(accountId: string): Promise<string> {
  const answer = await fetch(`${test.simulator.url}/_control/accounts/${encodeURIComponent(accountId)}/resources`);
  const body = (await answer.json()) as { products: { state: string }[] };
  return body.products[0]?.state ?? "";
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
}

function pay(partnerId: string) {
  return createPayment(
    asApiKey(test.services, { partnerId }),
    CreatePaymentSchema.parse({
      amount: 1200,
      currency: "EUR",
      reference: unique("order"),
      channel: "in_store",
      launch: "qr",
      capture: "automatic",
      store: { reference: "S-0001" },
      terminal: { reference: "T-1" },
    }),
  );
}

async function eventsOf(partnerId: string): Promise<string[]> {
  const rows = await test.services.db.query<{ type: string }>({
    text: "select type from outbox_events where partner_id = $1 and subject_kind = 'partner' order by position",
    values: [partnerId],
  });
  return rows.map((row) => row.type);
}

/** Works off what Klarna sends until this holds. */
async function following(check: () => Promise<boolean>): Promise<void> {
  await until("what Klarna does", 60_000, async () => {
    await processInbox(test.services);
    return check();
  });
}

async function accountRow(partnerId: string) {
  const [row] = await test.services.db.query<{ state: string; product: string; partner: string }>({
    text: `select a.state, a.product_state as product, p.state as partner from partner_accounts a join partners p on p.id = a.partner_id where a.partner_id = $1 and a.mode = 'test'`,
    values: [partnerId],
  });
  return row;
}

describe("suspending and closing", () => {
  it("a suspended Partner is refused here, disabled at Klarna, and comes back by resuming", async () => {
    const { partnerId, accountId } = await onboardPartner(test.services, test.simulator.url, {
      reference: unique("suspend"),
    });
    expect(await codeOf(pay(partnerId))).toBe("none");
    const suspended = await suspendPartner(admin(), partnerId, "Chargebacks");
    expect(suspended).toEqual({
      state: "SUSPENDED",
      products: [{ mode: "test", state: "DISABLED", isConfirmed: true }],
    });
    expect(await productAtKlarna(accountId)).toBe("DISABLED");
    expect(await codeOf(pay(partnerId))).toBe("partner_not_operational");
    const resumed = await resumePartner(admin(), partnerId);
    await until("what Klarna does", 60_000, async () => {
      await test.services.db.query({
        text: "update klarna_changes set next_attempt_at = now() where partner_id = $1 and next_attempt_at is not null",
        values: [partnerId],
      });
      await syncPartners(test.services, { partnerId });
      return (await productAtKlarna(accountId)) === "ENABLED";
    });
    expect(resumed.state).toBe("OPERATIONAL");
    await following(async () => (await accountRow(partnerId))?.product === "ENABLED");
    expect(await codeOf(pay(partnerId))).toBe("none");
    expect(await eventsOf(partnerId)).toEqual(["partner.operational", "partner.disabled", "partner.enabled"]);
    const history = await listStateChanges(admin(), partnerId);
    expect(history.filter((row) => row.what === "PARTNER").map((row) => row.to)).toEqual([
      "OPERATIONAL",
      "SUSPENDED",
      "OPERATIONAL",
    ]);
  });

  it("a Partner that is resumed before Klarna was told is not disabled there afterwards", async () => {
    const { partnerId, accountId } = await onboardPartner(test.services, test.simulator.url, {
      reference: unique("quick"),
    });
    const reachable = (state: string) =>
      test.services.db.query({
        text: "update partner_accounts set state = $2 where partner_id = $1",
        values: [partnerId, state],
      });
    // Klarna lets nobody manage the account just now: the wish to disable waits.
    await reachable("PARTIALLY_OPERATIONAL");
    await suspendPartner(admin(), partnerId, "A mistake");
    await resumePartner(admin(), partnerId);
    await reachable("OPERATIONAL");
    await test.services.db.query({
      text: "update klarna_changes set next_attempt_at = now() where partner_id = $1 and next_attempt_at is not null",
      values: [partnerId],
    });
    await syncPartners(test.services, { partnerId, paceMs: 0 });
    expect(await productAtKlarna(accountId)).toBe("ENABLED");
    expect(await codeOf(pay(partnerId))).toBe("none");
  });

  it("a Partner is closed only after Klarna has disabled its product", async () => {
    const { partnerId, accountId } = await onboardPartner(test.services, test.simulator.url, {
      reference: unique("close"),
    });
    await control("/management", { product_change_ms: 600_000 });
    try {
      expect(await codeOf(offboardPartner(admin(), partnerId, "Left"))).toBe("state_conflict");
      expect(await accountRow(partnerId)).toMatchObject({ partner: "SUSPENDED", product: "ENABLED" });
      expect(await codeOf(pay(partnerId))).toBe("partner_not_operational");
    } finally {
      await control("/management", { product_change_ms: 0 });
    }
    await control("/steps/now", { account: accountId });
    expect(await productAtKlarna(accountId)).toBe("DISABLED");
    await makeOperational(test.services, test.simulator.url, accountId);
    expect((await offboardPartner(admin(), partnerId, "Left")).state).toBe("CLOSED");
    expect(await codeOf(suspendPartner(admin(), partnerId, "again"))).toBe("state_conflict");
    // Nothing of it changes any more, by nobody and in no way.
    const { brands, storeGroups } = await getDraft(admin(), partnerId);
    const [store] = (await listStores(admin(), { partner: partnerId }, { limit: 1 })).items;
    const brand = {
      reference: "late",
      name: "Late",
      website: null,
      logoUrl: null,
      iconUrl: null,
      featureImageUrl: null,
    };
    const shop = { reference: "late", name: "Late", type: "website", url: "https://late.example" } as const;
    const group = { reference: storeGroups[0]?.reference ?? "" };
    for (const work of [
      () => saveBrand(admin(), partnerId, brand),
      () => setArchived(admin(), partnerId, { kind: "brand", id: brands[0]?.id ?? "" }, true),
      () => registerStore(admin(), RegisterStoreSchema.parse({ ...shop, store_group: group }), partnerId),
      () => changeStore(admin(), store?.id ?? "", { name: "Renamed" }),
      () => archiveStore(admin(), store?.id ?? ""),
      () =>
        registerTerminal(
          admin(),
          RegisterTerminalSchema.parse({ reference: "T-late", store: { id: store?.id } }),
          partnerId,
        ),
    ])
      expect([String(work), await codeOf(work())]).toEqual([String(work), "state_conflict"]);
  });

  it("S1: only the acquirer suspends", async () => {
    const { partnerId } = await onboardPartner(test.services, test.simulator.url, { reference: unique("who") });
    const partner = asUser(test.services, "PARTNER_ADMIN", [partnerId]);
    expect(await codeOf(suspendPartner(partner, partnerId, "no"))).toBe("permission_denied");
    expect(await codeOf(resumePartner(partner, partnerId))).toBe("permission_denied");
    expect(await codeOf(offboardPartner(partner, partnerId, "no"))).toBe("permission_denied");
  });
});

describe("what Klarna does", () => {
  it("makes an account operational, told by its event", async () => {
    const { partnerId, draft } = await fillDraft(test.services, { reference: unique("event") });
    const sent = await approveDraft(admin(), partnerId, draft.version);
    await control("/steps/now", { account: sent.klarnaPartnerAccountId, kind: "account_operational" });
    await following(async () => (await getDraft(admin(), partnerId)).state === "OPERATIONAL");
    expect(await eventsOf(partnerId)).toEqual(["partner.operational"]);
  });

  it("terminates a product: payments stop, the decision and an alarm are there, and a person acts on it", async () => {
    const { partnerId, accountId } = await onboardPartner(test.services, test.simulator.url, {
      reference: unique("terminate"),
    });
    await control(`/accounts/${encodeURIComponent(accountId)}/product`, {
      state: "TERMINATED",
      decision: "FRAUDULENT_BEHAVIOUR",
    });
    await following(async () => (await accountRow(partnerId))?.product === "TERMINATED");
    expect(await codeOf(pay(partnerId))).toBe("partner_not_operational");
    expect(await eventsOf(partnerId)).toEqual(["partner.operational", "partner.disabled"]);
    const decisions = await listComplianceDecisions(admin(), { partner: partnerId }, { limit: 10 });
    expect(decisions.items).toEqual([
      expect.objectContaining({ reason: "FRAUDULENT_BEHAVIOUR", outcome: "TERMINATED", state: "OPEN" }),
    ]);
    await handleDecision(admin(), decisions.items[0]?.id ?? "", "Closed the shop");
    const alarms = await test.services.db.query({
      text: "select 1 from alarms where subject_id = $1 and kind = 'partner_stopped_by_klarna' and cleared_at is null",
      values: [partnerId],
    });
    expect(alarms).toHaveLength(1);
    await suspendPartner(admin(), partnerId, "Klarna's decision");
    expect(await codeOf(resumePartner(admin(), partnerId))).toBe("state_conflict");
  });

  it("disables and enables an account, and ours follows whatever the order of its events", async () => {
    const { partnerId, accountId } = await onboardPartner(test.services, test.simulator.url, {
      reference: unique("account"),
    });
    const path = `/accounts/${encodeURIComponent(accountId)}/state`;
    await control(path, { state: "DISABLED" });
    await following(async () => (await accountRow(partnerId))?.state === "DISABLED");
    expect(await codeOf(pay(partnerId))).toBe("partner_not_operational");
    webhooks.hold();
    await control(path, { state: "OPERATIONAL" });
    await control(path, { state: "DISABLED" });
    await control(path, { state: "OPERATIONAL" });
    webhooks.release();
    await control("/webhook-deliveries/now", {});
    await following(async () => (await accountRow(partnerId))?.state === "OPERATIONAL");
    expect(await codeOf(pay(partnerId))).toBe("none");
  });

  it("cannot enable a Partner that is suspended here: it is disabled again", async () => {
    const { partnerId, accountId } = await onboardPartner(test.services, test.simulator.url, {
      reference: unique("again"),
    });
    await suspendPartner(admin(), partnerId, "ours");
    await control(`/accounts/${encodeURIComponent(accountId)}/product`, { state: "ENABLED" });
    await until("what Klarna does", 60_000, async () => {
      await processInbox(test.services);
      await test.services.db.query({
        text: "update klarna_changes set next_attempt_at = now() where partner_id = $1 and next_attempt_at is not null",
        values: [partnerId],
      });
      await syncPartners(test.services, { partnerId });
      return (await productAtKlarna(accountId)) === "DISABLED";
    });
  });

  it("cannot use a brand: the brand says why", async () => {
    const { partnerId } = await onboardPartner(test.services, test.simulator.url, { reference: unique("brand") });
    const brand = (await getDraft(admin(), partnerId)).brands[0];
    await control(`/brands/${encodeURIComponent(brand?.klarnaId ?? "")}/incomplete`, { reason: "the logo is blurred" });
    await following(async () => (await getDraft(admin(), partnerId)).brands[0]?.dataState === "INCOMPLETE");
    expect((await getDraft(admin(), partnerId)).brands[0]?.dataProblem).toContain("blurred");
  });
});
