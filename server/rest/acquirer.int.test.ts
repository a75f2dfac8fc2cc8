import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { continueImports } from "@/server/domain/imports/service";
import { syncPartners } from "@/server/domain/partners/service";
import { asSystem, makePartner, unique } from "@/server/testing/builders";
import { type TestServices, testServices } from "@/server/testing/context";
import {
  ACQUIRING_ID,
  berlin,
  CONTACT,
  fillDraft,
  makeOperational,
  PROFILE_ID,
  wien,
} from "@/server/testing/onboarding";
import { callRest, makeAcquirerKey, type RestAnswer, type RestCall } from "@/server/testing/rest";
import { until } from "@/server/testing/shop";
import { ENDPOINTS } from "./endpoints";
import { createRouter } from "./router";
import { createRest, type Rest } from "./run";

/* A Partner's way from nothing to its first brand at Klarna and back out, by the acquirer's systems alone. */

const IBAN = "DE89370400440532013000";

let test: TestServices;
let rest: Rest;
let key: string;

beforeAll(async () => {
  test = await testServices();
  rest = createRest(test.services);
  key = (await makeAcquirerKey(test.services)).key;
});
afterAll(async () => {
  await rest.close();
  await test.close();
});

const route = createRouter(ENDPOINTS);
/** What was called with success; each answer is exactly what its endpoint declares. */
const seen = new Set<string>();
async function call(method: string, path: string, body?: unknown, options: RestCall = {}): Promise<RestAnswer> {
  const answer = await callRest(rest, method, `/api/v1${path}`, {
    key,
    ...(body === undefined ? {} : { body }),
    ...options,
  });
  const found = route(method, `/api/v1${path.split("?")[0]}`);
  if (answer.status < 300 && found && "endpoint" in found) {
    const schema = found.endpoint.responses[answer.status]?.schema;
    if (!schema) throw new Error(`${found.endpoint.operation} answered ${answer.status}`);
    expect(schema.parse(answer.json)).toEqual(answer.json);
    seen.add(found.endpoint.operation);
  }
  return answer;
}
// biome-ignore lint/suspicious/noExplicitAny: answers are looked into field by field, and a wrong field fails the test
const json = (answer: RestAnswer): any => answer.json;
const codeOf = (answer: RestAnswer) => [answer.status, json(answer).code];

const ENTITIES = [
  {
    reference: "entity-de",
    legal_name: "Blumen Berlin GmbH",
    country: "DE",
    registration_number: "HRB 12345 B",
    entity_type: "LIMITED_LIABILITY_COMPANY",
    address: berlin,
    stakeholders: [{ given_name: "Ada", family_name: "Owner", date_of_birth: "1980-12-31", roles: ["OWNER"] }],
    payout: { bank_accounts: [{ holder: "Blumen Berlin GmbH", bic: "COBADEFFXXX", iban: IBAN }] },
  },
  {
    reference: "entity-at",
    legal_name: "Blumen Wien GmbH",
    country: "AT",
    registration_number: "FN 123456a",
    entity_type: "LIMITED_LIABILITY_COMPANY",
    address: wien,
    stakeholders: [{ given_name: "Eva", family_name: "Muster", date_of_birth: "1975-01-02", roles: ["DIRECTOR"] }],
  },
];
const brand = (name: string) => ({
  reference: `brand-${name.toLowerCase()}`,
  name,
  website: `https://${name.toLowerCase()}.example`,
  logo_url: `https://static.example/${name.toLowerCase()}.png`,
  icon_url: `https://static.example/${name.toLowerCase()}-icon.png`,
});
const group = (name: string) => ({
  reference: `group-${name}`,
  name: `All of ${name}`,
  brand: `brand-${name}`,
  support_email: `help@${name}.example`,
  support_phone: "+493012345678",
});
const sections = (reference: string) => ({
  contact: CONTACT,
  business_entities: ENTITIES,
  brands: [brand("Rose"), brand("Tulip")],
  store_groups: [group("rose"), group("tulip")],
  payments: {
    payment_profile_id: PROFILE_ID,
    payment_accounts: [
      {
        reference: `${reference}-de`,
        acquiring_account_id: ACQUIRING_ID,
        category_code: "5992",
        business_entity: "entity-de",
        store_group: "group-rose",
        is_default: true,
      },
      {
        reference: `${reference}-at`,
        acquiring_account_id: ACQUIRING_ID,
        category_code: "5992",
        business_entity: "entity-at",
        store_group: "group-tulip",
      },
    ],
  },
});

async function begin(reference = unique("api")): Promise<{ id: string; version: number; reference: string }> {
  const answer = await call("POST", "/partners", { name: "Blumen", reference, country: "DE", currency: "EUR" });
  expect(answer.status, answer.text).toBe(201);
  return { id: json(answer).partner.id, version: json(answer).version, reference };
}
async function atKlarna(accountId: string): Promise<unknown> {
  const answer = await fetch(`${test.simulator.url}/_control/accounts/${encodeURIComponent(accountId)}/resources`);
  expect(answer.ok).toBe(true);
  return answer.json();
}
const count = async (text: string, values: unknown[]): Promise<number> =>
  (await test.services.db.query<{ count: number }>({ text, values }))[0]?.count ?? -1;

describe("onboarding by the API", () => {
  it("fills, approves and extends an account, and the simulator holds exactly that", async () => {
    const { id, version, reference } = await begin();
    const filled = await call("PATCH", `/partners/${id}/draft`, { version, ...sections(reference) });
    expect(filled.status, filled.text).toBe(200);
    expect(json(filled).business_entities[0].payout_hint).toBe("IBAN DE••3000");

    const store = await call("POST", `/partners/${id}/stores`, {
      reference: "S-1",
      name: "Berlin Mitte",
      store_group: { reference: "group-rose" },
      address: berlin,
    });
    expect(store.status, store.text).toBe(201);
    expect(json(store)).toMatchObject({ status: "draft", store_group: { reference: "group-rose" } });
    const lines = ["reference,name,store_group,street_address,postal_code,city,country"];
    for (let number = 2; number <= 5; number += 1)
      lines.push(`S-${number},Store ${number},group-tulip,Graben ${number},1010,Wien,AT`);
    lines.push("S-6,,group-tulip,Graben 6,1010,Wien,AT");
    const imported = await call("POST", "/imports", { kind: "stores", partner: id, csv: lines.join("\n") });
    expect(imported.status, imported.text).toBe(201);
    expect(json(imported)).toMatchObject({
      status: "checked",
      rows: { total: 5, valid: 4, invalid: 1 },
      actions: { create: 4 },
    });
    const bad = await call("GET", `/imports/${json(imported).id}/rows?status=invalid`);
    expect(json(bad).data).toMatchObject([{ reference: "S-6", problems: [{ field: "name" }] }]);
    expect((await call("POST", `/imports/${json(imported).id}/start`)).status).toBe(202);
    while ((await continueImports(test.services)) !== null);
    expect(json(await call("GET", `/imports/${json(imported).id}`))).toMatchObject({
      status: "done",
      rows: { done: 4 },
    });
    expect(json(await call("GET", `/partners/${id}/stores?limit=10`)).data).toHaveLength(5);

    const ready = json(await call("GET", `/partners/${id}/draft`));
    expect(ready.completeness, JSON.stringify(ready.completeness.missing)).toMatchObject({ is_ready: true });
    const submitted = await call("POST", `/partners/${id}/draft/submit`, { version: ready.version });
    expect(json(submitted).status, submitted.text).toBe("submitted");
    const approved = await call("POST", `/partners/${id}/draft/approve`, { version: json(submitted).version });
    expect(approved.status, approved.text).toBe(200);
    expect(json(approved).status, approved.text).toBe("onboarded");
    const accountId = json(approved).account.klarna_partner_account_id;
    await makeOperational(test.services, test.simulator.url, accountId);
    expect(json(await call("GET", `/partners/${id}`))).toMatchObject({
      status: "operational",
      account: { status: "operational", product_status: "enabled", klarna_partner_account_id: accountId },
      store_count: 5,
    });

    const lily = await call("POST", `/partners/${id}/brands`, brand("Lily"));
    expect(lily.status, lily.text).toBe(201);
    const renamed = await call("PATCH", `/partners/${id}/brands/${json(lily).id}`, { name: "Lily & Co" });
    expect(json(renamed), renamed.text).toMatchObject({ name: "Lily & Co", website: "https://lily.example" });
    const lilies = await call("POST", `/partners/${id}/store-groups`, group("lily"));
    expect(lilies.status, lilies.text).toBe(201);
    const added = await call("POST", `/partners/${id}/stores`, {
      reference: "S-9",
      name: "Lily store",
      store_group: { id: json(lilies).id },
      address: berlin,
    });
    expect(json(added).status, added.text).toBe("active");
    // The account may still be within the second that follows its last call.
    await until("Klarna to hear of it all", 60_000, async () => {
      await syncPartners(asSystem(test.services), { partnerId: id, paceMs: 0, rounds: 10 });
      return (
        (await count(
          "select count(*)::int as count from klarna_changes where partner_id = $1 and state in ('PENDING', 'SENT', 'UNKNOWN')",
          [id],
        )) === 0
      );
    });
    const held = (await atKlarna(accountId)) as {
      brands: { brand_reference: string }[];
      store_groups: { store_group_reference: string; stores: { store_reference: string }[] }[];
    };
    expect(held.brands.map((one) => one.brand_reference).sort()).toEqual(["brand-lily", "brand-rose", "brand-tulip"]);
    expect(
      held.store_groups
        .flatMap((one) => one.stores.map((each) => `${one.store_group_reference} ${each.store_reference}`))
        .sort(),
    ).toEqual([
      "group-lily S-9",
      "group-rose S-1",
      ...["S-2", "S-3", "S-4", "S-5"].map((each) => `group-tulip ${each}`),
    ]);

    const suspended = await call("POST", `/partners/${id}/suspend`, { reason: "They asked for it" });
    expect([suspended.status, json(suspended).status, json(suspended).account.product_status], suspended.text).toEqual([
      200,
      "suspended",
      "disabled",
    ]);
    expect(codeOf(await call("POST", `/partners/${id}/suspend`, { reason: "Once more" }))).toEqual([
      409,
      "state_conflict",
    ]);
    expect(json(await call("POST", `/partners/${id}/resume`)).status).toBe("operational");
    // Closed only when Klarna has confirmed; until then the answer is "try again soon".
    await until("Klarna to have disabled payments", 60_000, async () => {
      const closed = await call("POST", `/partners/${id}/offboard`, { reason: "They left" });
      if (closed.status === 200) return json(closed).status === "closed";
      expect(codeOf(closed)).toEqual([409, "state_conflict"]);
      await syncPartners(asSystem(test.services), { partnerId: id, paceMs: 0, rounds: 10 });
      return false;
    });
  });

  it("S60: keeps the bank account out of every answer, log and row in plain", async () => {
    const { id, version, reference } = await begin();
    const filled = await call("PATCH", `/partners/${id}/draft`, { version, ...sections(reference) });
    expect(filled.text).not.toContain(IBAN);
    await rest.close();
    const rows = await test.services.db.query<{ text: string }>({
      text: `select (select string_agg(l::text, '') from request_log l) || (select string_agg(a::text, '') from audit_entries a)
        || (select string_agg(e::text, '') from business_entities e) || (select string_agg(i::text, '') from idempotent_answers i) as text`,
      values: [],
    });
    expect(rows[0]?.text).toContain(id);
    for (const secret of [IBAN, CONTACT.email]) {
      expect(rows[0]?.text).not.toContain(secret);
      expect(test.log.join("\n")).not.toContain(secret);
    }
  });
});

describe("repeats", () => {
  it("the same key begins one onboarding, one after another and at once", async () => {
    const reference = unique("once");
    const body = { name: "Once", reference, country: "DE", currency: "EUR" };
    const idempotencyKey = unique("key");
    const together = await Promise.all(
      Array.from({ length: 4 }, () => call("POST", "/partners", body, { idempotencyKey })),
    );
    for (const answer of together) expect([201, 409]).toContain(answer.status);
    const again = await call("POST", "/partners", body, { idempotencyKey });
    expect([again.status, again.headers["idempotency-replayed"]]).toEqual([201, "true"]);
    expect(await count("select count(*)::int as count from partners where reference = $1", [reference])).toBe(1);
    expect(codeOf(await call("POST", "/partners", { ...body, name: "Else" }, { idempotencyKey }))).toEqual([
      422,
      "idempotency_key_reused",
    ]);
    expect(codeOf(await call("POST", "/partners", body, { idempotencyKey: null }))).toEqual([
      400,
      "idempotency_key_required",
    ]);
    expect(codeOf(await call("POST", "/partners", body))).toEqual([409, "reference_taken"]);
  });

  it("a repeated approval is one call at Klarna and the same answer", async () => {
    const { partnerId, draft } = await fillDraft(test.services, { reference: unique("approve") });
    const idempotencyKey = unique("key");
    const approve = () =>
      call("POST", `/partners/${partnerId}/draft/approve`, { version: draft.version }, { idempotencyKey });
    const first = await approve();
    expect(first.status, first.text).toBe(200);
    const second = await approve();
    expect(second.headers["idempotency-replayed"]).toBe("true");
    expect(second.text).toBe(first.text);
    expect(
      await count("select count(*)::int as count from klarna_changes where partner_id = $1 and kind = 'ONBOARD'", [
        partnerId,
      ]),
    ).toBe(1);
  });

  it("what was refused may be tried again with the same key", async () => {
    const { id, version } = await begin();
    const idempotencyKey = unique("key");
    const cancel = () => call("POST", `/partners/${id}/draft/reject`, { reason: "Not now" }, { idempotencyKey });
    expect(codeOf(await cancel())).toEqual([409, "state_conflict"]);
    expect(codeOf(await cancel())).toEqual([409, "state_conflict"]);
    expect(version).toBe(1);
    const gone = await call("POST", `/partners/${id}/draft/cancel`);
    expect([gone.status, json(gone).status]).toEqual([200, "canceled"]);
  });

  it("a repeated import makes its rows once; a refused one leaves none open", async () => {
    const { id } = await begin();
    const csv = "reference,name,street_address,postal_code,city,country\nS-1,One,Street 1,10119,Berlin,DE";
    const idempotencyKey = unique("key");
    const send = () => call("POST", "/imports", { kind: "stores", partner: id, csv }, { idempotencyKey });
    const [first, second] = [await send(), await send()];
    expect(json(second).id).toBe(json(first).id);
    const imports = (state: string) =>
      count("select count(*)::int as count from imports where partner_id = $1 and state = $2", [id, state]);
    expect(await imports("CHECKED")).toBe(1);
    const strange = { kind: "stores", partner: id, csv, columns: { reference: "nothing" } };
    const refused = await call("POST", "/imports", strange);
    expect(codeOf(refused)).toEqual([400, "validation_failed"]);
    expect(json(refused).errors[0].pointer).toBe("/columns/reference");
    expect(await imports("CANCELED")).toBe(1);
    const cancelled = await call("POST", `/imports/${json(first).id}/cancel`);
    expect(json(cancelled).status).toBe("canceled");
  });
});

describe("refusals", () => {
  it("a patch is saved whole or not at all, and each fault is pointed at", async () => {
    const { id, version } = await begin();
    const wrong = await call("PATCH", `/partners/${id}/draft`, {
      version,
      brands: [brand("Rose")],
      store_groups: [{ ...group("rose"), brand: "brand-nowhere" }],
    });
    expect(codeOf(wrong)).toEqual([400, "validation_failed"]);
    expect(json(wrong).errors).toEqual([expect.objectContaining({ pointer: "/store_groups/0/brand" })]);
    expect(json(await call("GET", `/partners/${id}/draft`))).toMatchObject({ version, brands: [] });

    const shape = await call("PATCH", `/partners/${id}/draft`, {
      version,
      business_entities: [{ reference: "e", legal_name: "", country: "Germany", typo: 1 }],
    });
    expect(
      json(shape)
        .errors.map((error: { pointer: string }) => error.pointer)
        .sort(),
    ).toEqual(["/business_entities/0/country", "/business_entities/0/legal_name", "/business_entities/0/typo"]);
    const twice = await call("PATCH", `/partners/${id}/draft`, { version, brands: [brand("Rose"), brand("Rose")] });
    expect(codeOf(twice)).toEqual([400, "validation_failed"]);
    expect(json(twice).errors[0].pointer).toBe("/brands");
    expect(codeOf(await call("PATCH", `/partners/${id}/draft`, { version }))).toEqual([400, "validation_failed"]);
  });

  it("somebody else's change is not overwritten", async () => {
    const { id, version } = await begin();
    expect((await call("PATCH", `/partners/${id}/draft`, { version, contact: CONTACT })).status).toBe(200);
    expect(codeOf(await call("PATCH", `/partners/${id}/draft`, { version, brands: [brand("Rose")] }))).toEqual([
      409,
      "state_conflict",
    ]);
    const made = await call("POST", `/partners/${id}/brands`, brand("Rose"));
    expect(made.status, made.text).toBe(201);
    expect(codeOf(await call("POST", `/partners/${id}/brands`, { ...brand("Rose"), name: "Other" }))).toEqual([
      409,
      "reference_taken",
    ]);
    expect(
      codeOf(await call("PATCH", `/partners/${id}/brands/${json(made).id}`, { version: 9, name: "Late" })),
    ).toEqual([409, "state_conflict"]);
    const orphan = await call("POST", `/partners/${id}/store-groups`, group("tulip"));
    expect(json(orphan).errors).toEqual([expect.objectContaining({ pointer: "/brand" })]);
    const archived = await call("POST", `/partners/${id}/brands/${json(made).id}/archive`);
    expect(json(archived).status).toBe("archived");
  });

  it("an incomplete draft is refused with pointers to what it lacks", async () => {
    const { id, version } = await begin();
    const filled = await call("PATCH", `/partners/${id}/draft`, {
      version,
      contact: CONTACT,
      business_entities: [{ reference: "bare", legal_name: "Bare GmbH", country: "DE" }],
    });
    const refused = await call("POST", `/partners/${id}/draft/submit`, { version: json(filled).version });
    expect(codeOf(refused)).toEqual([422, "rule_broken"]);
    const pointers = json(refused).errors.map((error: { pointer: string }) => error.pointer);
    expect(pointers).toContain("/business_entities/0/registration_number");
    expect(pointers).toContain("/payments/payment_profile_id");
    expect(json(filled).completeness.missing).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ pointer: "/business_entities/0/address", level: "required", requirement: "KNR-D2" }),
      ]),
    );
  });

  it("S4: test keys see no live Partner, and stop none", async () => {
    const live = await makePartner(test.services, { mode: "live" });
    const liveKey = (await makeAcquirerKey(test.services, { mode: "live" })).key;
    const path = `/partners/${live.partner.id}`;
    expect((await call("GET", path)).status).toBe(404);
    expect((await call("GET", path, undefined, { key: liveKey })).status).toBe(200);
    expect(json(await call("GET", `/partners?search=${live.partner.reference}`)).data).toEqual([]);
    expect((await call("POST", `${path}/suspend`, { reason: "No reason" })).status).toBe(404);
    expect((await call("GET", `${path}/stores/${live.store.id}`)).status).toBe(404);
    // In both modes: the live key alone stops it.
    const { partnerId } = await fillDraft(test.services, { reference: unique("both") });
    await test.services.db.query({
      text: "insert into partner_accounts (partner_id, mode, state, product_state, klarna_partner_account_id) values ($1,'live','OPERATIONAL','ENABLED',$2)",
      values: [partnerId, unique("krn:live")],
    });
    await test.services.db.query({
      text: "update partners set state = 'OPERATIONAL' where id = $1",
      values: [partnerId],
    });
    expect(codeOf(await call("POST", `/partners/${partnerId}/suspend`, { reason: "No reason" }))).toEqual([
      409,
      "state_conflict",
    ]);
    expect((await call("POST", `/partners/${partnerId}/draft`, { copy: true })).status).toBe(404);
  });

  it("a store of another Partner is not there", async () => {
    const [one, two] = [await makePartner(test.services), await makePartner(test.services)];
    const path = `/partners/${one.partner.id}/stores/${two.store.id}`;
    for (const answer of [
      await call("GET", path),
      await call("PATCH", path, { name: "Mine" }),
      await call("POST", `${path}/archive`),
    ])
      expect(codeOf(answer)).toEqual([404, "store_not_found"]);
    const own = await call("PATCH", `/partners/${two.partner.id}/stores/${two.store.id}`, { name: "Mine" });
    expect(json(own), own.text).toMatchObject({ name: "Mine" });
  });

  it("an import needs the scope of what it makes", async () => {
    const poor = (await makeAcquirerKey(test.services, { scopes: ["imports:write"] })).key;
    const csv = `reference,name,country,currency\n${unique("p")},New,DE,EUR`;
    expect(codeOf(await call("POST", "/imports", { kind: "partners", csv }, { key: poor }))).toEqual([
      403,
      "permission_denied",
    ]);
    const made = await call("POST", "/imports", { kind: "partners", csv });
    expect(json(made), made.text).toMatchObject({ rows: { valid: 1 }, partner: null });
  });
});

it("S5: every answer is exactly what its endpoint declares", async () => {
  const { id } = await begin();
  const one = json(await call("POST", `/partners/${id}/brands`, brand("Rose")));
  await call("PATCH", `/partners/${id}/brands/${one.id}`, { website: null });
  const stores = json(await call("POST", `/partners/${id}/store-groups`, group("rose")));
  const renamed = await call("PATCH", `/partners/${id}/store-groups/${stores.id}`, { name: "Roses", version: 1 });
  expect(json(renamed)).toMatchObject({ name: "Roses", support_phone: "+493012345678", brand: "brand-rose" });
  const store = json(await call("POST", `/partners/${id}/stores`, { reference: "S-1", name: "One", address: berlin }));
  await call("GET", `/partners/${id}/stores/${store.id}`);
  await call("GET", `/partners/${id}/brands`);
  await call("GET", `/partners/${id}/store-groups`);
  await call("GET", "/partners?limit=3&account_status=not_onboarded,operational");
  await call("GET", "/onboarding-choices");
  expect(codeOf(await call("POST", `/partners/${id}/store-groups/${stores.id}/archive`))).toEqual([422, "rule_broken"]);
  expect(json(await call("POST", `/partners/${id}/stores/${store.id}/archive`)).status).toBe("archived");
  expect(json(await call("POST", `/partners/${id}/store-groups/${stores.id}/archive`)).status).toBe("archived");
  const { partnerId, draft } = await fillDraft(test.services, { reference: unique("back") });
  const submitted = json(await call("POST", `/partners/${partnerId}/draft/submit`, { version: draft.version }));
  expect(submitted.status).toBe("submitted");
  const back = json(await call("POST", `/partners/${partnerId}/draft/reject`, { reason: "The logo is too small." }));
  expect(back).toMatchObject({ status: "draft", reject_reason: "The logo is too small." });
  const liveKey = (await makeAcquirerKey(test.services, { mode: "live" })).key;
  const live = await call("POST", `/partners/${partnerId}/draft`, { copy: true }, { key: liveKey });
  expect(json(live), live.text).toMatchObject({ mode: "live", store_count: 6, brands: [{}, {}, {}] });
  const declared = ENDPOINTS.filter((endpoint) => endpoint.access === "acquirer_key").map((each) => each.operation);
  expect([...seen].sort()).toEqual(declared.sort());
});
