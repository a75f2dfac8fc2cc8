import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  AcquiringAccountSchema,
  listPaymentProfiles,
  listProducts,
  OnboardAnswerSchema,
  onboardPartner,
  PaymentProfileSchema,
  PricePlanSchema,
  switchProduct,
  WireAccountSchema,
  WireBrandSchema,
  WireDecisionSchema,
  WireEntitySchema,
  WirePaymentAccountSchema,
  WireProductSchema,
  WireStoreGroupSchema,
  WireStoreSchema,
} from "./accounts";
import type { KlarnaClient, KlarnaOutcome, KlarnaRequest } from "./client";
import { listStores, updateStore } from "./stores";

const FOLDER = path.join(process.cwd(), "server/simulator/fixtures/management");
const FixtureSchema = z.looseObject({
  request: z.looseObject({ method: z.string(), path: z.string() }),
  response: z.looseObject({ status: z.number(), body: z.unknown() }),
});
const fixture = (name: string) =>
  // Fixtures write what changes from run to run as a word in angle brackets, and what a list holds besides as dots.
  FixtureSchema.parse(
    JSON.parse(
      readFileSync(path.join(FOLDER, `${name}.json`), "utf8").replaceAll('"<time>"', '"2030-01-01T10:00:00.000Z"'),
      (_key, value: unknown) => (Array.isArray(value) ? value.filter((item) => item !== "...") : value),
    ),
  );

const list = (key: string, schema: z.ZodType) => z.looseObject({ [key]: z.array(schema).min(1) });
const ANSWERS: Readonly<Record<string, z.ZodType>> = {
  "onboard.success": OnboardAnswerSchema,
  "read_account.success": WireAccountSchema,
  "update_account.success": WireAccountSchema,
  "create_business_entity.success": WireEntitySchema,
  "list_business_entities.success": list("partner_business_entities", WireEntitySchema),
  "create_brand.success": WireBrandSchema,
  "list_brands.success": list("brands", WireBrandSchema),
  "create_store_group.success": WireStoreGroupSchema,
  "list_store_groups.success": list("store_groups", WireStoreGroupSchema),
  "create_store.success": WireStoreSchema,
  "list_stores.success": list("stores", WireStoreSchema),
  "list_products.success": list("payment_products", WireProductSchema),
  "disable_product.success": WireProductSchema,
  "disable_product.takes-its-time": WireProductSchema,
  "enable_product.success": WireProductSchema,
  "create_payment_account.success": WirePaymentAccountSchema,
  "list_payment_profiles.success": list("payment_profiles", PaymentProfileSchema),
  "list_acquiring_accounts.success": list("payment_acquiring_accounts", AcquiringAccountSchema),
  "list_price_plans.success": list("price_plans", PricePlanSchema),
  "list_compliance_decisions.success": list("compliance_decisions", WireDecisionSchema),
};

describe("answers of the management API", () => {
  it.each(Object.entries(ANSWERS))("%s is understood", (name, schema) => {
    const { response } = fixture(name);
    expect(response.status).toBeLessThan(300);
    expect(schema.safeParse(response.body).error?.issues ?? []).toEqual([]);
  });

  it("every answer that we read stands in a fixture", () => {
    const names = new Set(readdirSync(FOLDER).map((file) => file.replace(/\.json$/, "")));
    expect(Object.keys(ANSWERS).filter((name) => !names.has(name))).toEqual([]);
  });
});

/** Hears what would be sent, and answers. */
function recording(answer: (request: KlarnaRequest) => unknown) {
  const requests: KlarnaRequest[] = [];
  const client: Pick<KlarnaClient, "call"> = {
    call: async (request): Promise<KlarnaOutcome> => {
      requests.push(request);
      return { kind: "answered", status: 200, body: answer(request), calls: [] };
    },
  };
  const unused = () => {
    throw new Error("not used here");
  };
  return {
    requests,
    client: { ...client, isOpen: unused, breakers: unused, isConfigured: unused, close: unused },
  };
}

const target = { mode: "test" as const, accountId: "krn:a/b", sessionReference: "op_1" };

describe("calls of the management API", () => {
  it("paths are those of the fixtures, ids are opaque, and writes carry the key of their intent", async () => {
    const { client, requests } = recording(() => ({}));
    await onboardPartner(client, target, { idempotencyKey: "key-1", body: { a: 1 } });
    await switchProduct(client, target, "krn:product", "disable", "key-2");
    await updateStore(client, target, "krn:store", { idempotencyKey: "key-3", body: {} });
    await listProducts(client, target);
    expect(requests.map(({ method, path: sent, idempotencyKey }) => [method, sent, idempotencyKey])).toEqual([
      ["POST", fixture("onboard.success").request.path, "key-1"],
      ["POST", "/v2/accounts/krn%3Aa%2Fb/products/payment/krn%3Aproduct/disable", "key-2"],
      ["PATCH", "/v2/accounts/krn%3Aa%2Fb/stores/krn%3Astore", "key-3"],
      ["GET", "/v2/accounts/krn%3Aa%2Fb/products/payment", undefined],
    ]);
  });

  it("a list is read to its end, and a page that cannot be read gives nothing rather than a part", async () => {
    const pages = [
      { stores: [{ store_id: "s1" }], pagination: { last_item: "s1" } },
      { stores: [{ store_id: "s2" }], pagination: { last_item: null } },
    ];
    const { client, requests } = recording((request) => pages[request.path.includes("starting_after=s1") ? 1 : 0]);
    expect((await listStores(client, target))?.map((store) => store.store_id)).toEqual(["s1", "s2"]);
    expect(requests).toHaveLength(2);
    const broken = recording(() => ({ payment_profiles: "none" }));
    expect(await listPaymentProfiles(broken.client, target)).toBeNull();
  });
});
