import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { createBrand, createStoreGroup } from "@/server/domain/stores/service";
import { addressIn, asSystem, type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { type TestServices, testServices } from "@/server/testing/context";
import { callRest, makeKey, type RestAnswer, type RestCall } from "@/server/testing/rest";
import { createRest, type Rest } from "./run";

/* Section 4 of the Partner API over HTTP: what a Partner's system sends and gets. */

let test: TestServices;
let rest: Rest;
let own: BuiltPartner;
let key: string;

beforeAll(async () => {
  test = await testServices({ clock: "movable" });
  rest = createRest(test.services);
});
afterEach(() => rest.close());
afterAll(() => test.close());

async function fresh(): Promise<void> {
  own = await makePartner(test.services);
  key = (await makeKey(test.services, own.partner.id)).key;
}
const call = (method: string, target: string, options: RestCall = {}): Promise<RestAnswer> =>
  callRest(rest, method, `/api/v1${target}`, { key, ...options });
const fields = (answer: RestAnswer) => answer.json as Record<string, unknown> & { id: string };
const pageOf = (answer: RestAnswer) =>
  answer.json as { data: { id: string }[]; has_more: boolean; next_cursor: string | null };
const pointerOf = (answer: RestAnswer) => (fields(answer).errors as { pointer: string }[] | undefined)?.[0]?.pointer;

async function groups(count: number): Promise<{ id: string; reference: string }[]> {
  const ctx = asSystem(test.services);
  const brand = await createBrand(ctx, { partnerId: own.partner.id, name: unique("brand") });
  const made = [];
  for (let n = 0; n < count; n += 1) {
    const group = await createStoreGroup(ctx, { partnerId: own.partner.id, brandId: brand.id, name: unique("group") });
    made.push({ id: group.id, reference: group.id });
  }
  return made;
}
async function eventsOf(id: string): Promise<{ type: string; sequence: number; payload: Record<string, unknown> }[]> {
  return test.services.db.query({
    text: "select type, sequence, payload from outbox_events where subject_id = $1 order by sequence",
    values: [id],
  });
}
async function queuedFor(id: string): Promise<string[]> {
  const rows = await test.services.db.query<{ kind: string }>({
    text: "select kind from klarna_changes where subject_id = $1 order by position",
    values: [id],
  });
  return rows.map((row) => row.kind);
}
const paymentAt = (place: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  call("POST", "/payments", {
    body: { amount: 10_000, currency: "SEK", reference: newId("request"), ...place, ...more },
  });

describe("stores", () => {
  it("are made once for one key, with what their type needs, and are queued for Klarna", async () => {
    await fresh();
    const [group] = await groups(1);
    const body = { reference: "S-1", name: "Kiosk", address: addressIn("SE"), opening_state: "opening_soon" };
    const idempotencyKey = newId("request");
    const made = await call("POST", "/stores", { body, idempotencyKey });
    expect(made.status, made.text).toBe(201);
    expect(fields(made)).toMatchObject({
      object: "store",
      mode: "test",
      reference: "S-1",
      name: "Kiosk",
      type: "physical",
      status: "active",
      source: "registered",
      address: addressIn("SE"),
      url: null,
      store_group: group,
      opening_state: "opening_soon",
      klarna_store_id: null,
    });
    const again = await call("POST", "/stores", { body, idempotencyKey });
    expect([again.status, fields(again).id, again.headers["idempotency-replayed"]]).toEqual([
      201,
      fields(made).id,
      "true",
    ]);
    expect((await call("POST", "/stores", { body, idempotencyKey: null })).status).toBe(400);
    const taken = await call("POST", "/stores", { body });
    expect([taken.status, fields(taken).code]).toEqual([409, "reference_taken"]);
    expect(await queuedFor(fields(made).id)).toEqual(["ONBOARD"]);
    expect(fields(await call("GET", `/stores/${fields(made).id}`))).toEqual(fields(made));
  });

  it("S5: refuse what their type lacks, and fields that nobody may write", async () => {
    await fresh();
    const refused: [Record<string, unknown>, number, string | undefined][] = [
      [{ type: "physical" }, 422, "/address"],
      [{ type: "website" }, 422, "/url"],
      [{ type: "mobile_app" }, 422, "/app"],
      [{ type: "website", url: "https://a.example", app: { platform: "ios", bundle_names: ["a"] } }, 422, "/app"],
      [{ type: "website", url: "https://u:p@a.example" }, 400, "/url"],
      [{ type: "website", url: "javascript:alert(1)" }, 400, "/url"],
      [{ type: "kiosk" }, 400, "/type"],
      [{ address: { ...addressIn("SE"), country: "Sweden" } }, 400, "/address/country"],
      [{ address: addressIn("SE"), store_group: { id: "stg_none" } }, 422, "/store_group"],
      [{ address: addressIn("SE"), partner_id: "x" }, 400, "/partner_id"],
      [{ address: addressIn("SE"), partnerId: "x" }, 400, "/partnerId"],
      [{ address: addressIn("SE"), status: "archived" }, 400, "/status"],
      [{ address: addressIn("SE"), klarna_store_id: "krn:x" }, 400, "/klarna_store_id"],
      [{ address: addressIn("SE"), constructor: {} }, 400, "/constructor"],
    ];
    for (const [body, status, pointer] of refused) {
      const answer = await call("POST", "/stores", { body: { reference: unique("s"), name: "A", ...body } });
      expect([answer.status, pointerOf(answer)], answer.text).toEqual([status, pointer]);
    }
    const polluted = await call("POST", "/stores", {
      raw: '{"reference":"p","name":"P","type":"website","url":"https://p.example","__proto__":{"status":"ARCHIVED"}}',
    });
    expect(polluted.status).toBe(400);
    await groups(2);
    const vague = await call("POST", "/stores", {
      body: { reference: unique("s"), name: "A", address: addressIn("SE") },
    });
    expect([vague.status, pointerOf(vague)]).toEqual([422, "/store_group"]);
  });

  it("are changed field by field; Partners hear of it, Klarna of what it knows", async () => {
    await fresh();
    const [first, second] = await groups(2);
    const { id } = fields(
      await call("POST", "/stores", {
        body: { reference: "S-2", name: "Old", address: addressIn("SE"), store_group: { id: first?.id } },
      }),
    );
    const address = { ...addressIn("SE"), street_address: "Kungsgatan 1" };
    const changed = await call("PATCH", `/stores/${id}`, {
      body: { name: "New", address, store_group: { reference: second?.reference }, support: { email: "a@b.example" } },
    });
    expect(changed.status, changed.text).toBe(200);
    expect(fields(changed)).toMatchObject({
      name: "New",
      address,
      store_group: second,
      support: { email: "a@b.example" },
    });
    expect(await queuedFor(id)).toEqual(["ONBOARD", "STORE_UPDATE"]);
    const events = await eventsOf(id);
    expect(events.map((event) => [event.type, event.sequence])).toEqual([["store.updated", 1]]);
    expect(events[0]?.payload).toMatchObject({
      object: { id, object: "store", name: "New" },
      previous: { name: "Old", address: addressIn("SE"), store_group: first },
    });
    // What Klarna has no field for is ours alone, and nothing changed is nothing told.
    await call("PATCH", `/stores/${id}`, { body: { opening_state: "closed" } });
    await call("PATCH", `/stores/${id}`, { body: { opening_state: "closed" } });
    expect(await queuedFor(id)).toEqual(["ONBOARD", "STORE_UPDATE"]);
    expect(await eventsOf(id)).toHaveLength(2);
    expect((await call("PATCH", `/stores/${id}`, { body: { reference: "other" } })).status).toBe(400);
  });

  it("take no payments once they are archived, and neither do their terminals", async () => {
    await fresh();
    const place = { store: { id: own.store.id }, terminal: { id: own.terminal.id } };
    expect((await paymentAt(place)).status).toBe(201);
    const archived = await call("POST", `/stores/${own.store.id}/archive`, { body: {} });
    expect(archived.status, archived.text).toBe(200);
    expect(fields(archived)).toMatchObject({ status: "archived", archived_at: expect.any(String) });
    const refused = await paymentAt(place);
    expect([refused.status, pointerOf(refused)]).toEqual([422, "/store"]);
    expect(fields(await call("GET", `/terminals/${own.terminal.id}`))).toMatchObject({ status: "archived" });
    expect((await call("PATCH", `/stores/${own.store.id}`, { body: { name: "x" } })).status).toBe(409);
    expect(fields(await call("POST", `/stores/${own.store.id}/archive`, { body: {} }))).toEqual(fields(archived));
    expect((await eventsOf(own.store.id)).map((event) => event.type)).toEqual(["store.updated"]);
  });

  it("come with a payment, show up in the list, and are taken over by a store group", async () => {
    await fresh();
    const [group] = await groups(1);
    const details = { reference: "inline-1", name: "Market stall", address: addressIn("SE") };
    const sale = await paymentAt({ store: { details }, terminal: { reference: "stall-1" } });
    expect(sale.status, sale.text).toBe(201);
    const [store] = pageOf(await call("GET", "/stores?reference=inline-1")).data;
    expect(store).toMatchObject({ source: "payment", store_group: null, name: "Market stall" });
    const taken = await call("PATCH", `/stores/${store?.id}`, { body: { store_group: { id: group?.id } } });
    expect(fields(taken)).toMatchObject({ source: "payment", store_group: group });
    expect(await queuedFor(store?.id ?? "")).toEqual(["ONBOARD"]);
    expect((await paymentAt({ store: { details }, terminal: { reference: "stall-1" } })).status).toBe(201);
  });

  it("are listed by page and filter, and only the key's own", async () => {
    await fresh();
    const made: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      test.clock.advance(1_000);
      made.push(
        fields(
          await call("POST", "/stores", {
            body: { reference: `W-${n}`, name: `Web ${n}`, type: "website", url: `https://w${n}.example` },
          }),
        ).id,
      );
    }
    const first = pageOf(await call("GET", "/stores?limit=2"));
    expect(first.data.map((row) => row.id)).toEqual([made[2], made[1]]);
    const rest2 = pageOf(await call("GET", `/stores?limit=2&cursor=${first.next_cursor}`));
    expect(rest2.data.map((row) => row.id)).toEqual([made[0], own.store.id]);
    expect(rest2.has_more).toBe(false);
    expect(pageOf(await call("GET", "/stores?type=physical")).data.map((row) => row.id)).toEqual([own.store.id]);
    expect(pageOf(await call("GET", "/stores?reference=W-1")).data.map((row) => row.id)).toEqual([made[1]]);
    expect(pageOf(await call("GET", "/stores?status=archived")).data).toEqual([]);
    expect((await call("GET", "/stores?typ=physical")).status).toBe(400);
    const other = await makePartner(test.services);
    const otherKey = (await makeKey(test.services, other.partner.id)).key;
    expect(pageOf(await call("GET", "/stores", { key: otherKey })).data.map((row) => row.id)).toEqual([other.store.id]);
    expect(pageOf(await call("GET", "/terminals", { key: otherKey })).data.map((row) => row.id)).toEqual([
      other.terminal.id,
    ]);
    expect(pageOf(await call("GET", `/terminals?store=${own.store.id}`, { key: otherKey })).data).toEqual([]);
    const live = (await makeKey(test.services, own.partner.id, { mode: "live" })).key;
    expect(pageOf(await call("GET", "/stores", { key: live })).data).toEqual([]);
  });
});

describe("terminals", () => {
  it("are made in a physical store, once for each reference there", async () => {
    await fresh();
    const body = {
      reference: "T-7",
      label: "Till 7",
      store: { reference: own.store.reference },
      device: "tablet",
      can_show_qr: false,
    };
    const made = await call("POST", "/terminals", { body });
    expect(made.status, made.text).toBe(201);
    expect(fields(made)).toMatchObject({
      object: "terminal",
      reference: "T-7",
      label: "Till 7",
      store: { id: own.store.id, reference: own.store.reference },
      device: "tablet",
      can_show_qr: false,
      status: "active",
      connection: "never",
      last_seen_at: null,
    });
    expect(fields(await call("POST", "/terminals", { body })).code).toBe("reference_taken");
    const web = fields(
      await call("POST", "/stores", {
        body: { reference: "web", name: "Web", type: "website", url: "https://w.example" },
      }),
    );
    const refused: [Record<string, unknown>, number, string][] = [
      [{ store: { id: web.id } }, 422, "/store"],
      [{ store: { id: newId("store") } }, 404, "/store"],
      [{ store: { id: (await makePartner(test.services)).store.id } }, 404, "/store"],
      [{ store: { id: own.store.id }, device: "phone" }, 400, "/device"],
      [{ store: { id: own.store.id }, status: "archived" }, 400, "/status"],
      [{ store: { id: own.store.id }, settings: { qr_margin: 2 } }, 400, "/settings/qr_margin"],
      [{ store: { id: own.store.id }, settings: { qr_dark: "#ffffff" } }, 422, "/settings/qr_dark"],
    ];
    for (const [more, status, pointer] of refused) {
      const answer = await call("POST", "/terminals", { body: { reference: unique("t"), ...more } });
      expect([answer.status, pointerOf(answer)], answer.text).toEqual([status, pointer]);
    }
  });

  it("beat: online for five minutes, then offline; written about once a minute", async () => {
    await fresh();
    const path = `/terminals/${own.terminal.id}`;
    const beaten = await call("POST", `${path}/heartbeat`, { body: {}, idempotencyKey: null });
    expect(beaten.status, beaten.text).toBe(200);
    expect(fields(beaten)).toMatchObject({ connection: "online", last_seen_at: test.clock.now().toISOString() });
    const first = test.clock.now().toISOString();
    test.clock.advance(30_000);
    expect(fields(await call("POST", `${path}/heartbeat`, { body: {} })).last_seen_at).toBe(first);
    test.clock.advance(30_000);
    expect(fields(await call("POST", `${path}/heartbeat`, { body: {} })).last_seen_at).toBe(
      test.clock.now().toISOString(),
    );
    test.clock.advance(301_000);
    expect(fields(await call("GET", path))).toMatchObject({ connection: "offline" });
    const [row] = await test.services.db.query<{ version: number; audits: number }>({
      text: "select version, (select count(*)::int from audit_entries where subject_id = t.id) as audits from terminals t where id = $1",
      values: [own.terminal.id],
    });
    expect(row).toEqual({ version: 1, audits: 1 });
  });

  it("move with history; payments stay with the store where they were taken", async () => {
    await fresh();
    const there = fields(
      await call("POST", "/stores", { body: { reference: "there", name: "There", address: addressIn("SE") } }),
    );
    const sale = fields(await paymentAt({ terminal: { id: own.terminal.id } }));
    const moved = await call("POST", `/terminals/${own.terminal.id}/move`, {
      body: { store: { reference: "there" }, reason: "Reopened" },
    });
    expect(moved.status, moved.text).toBe(200);
    expect(fields(moved)).toMatchObject({ store: { id: there.id, reference: "there" } });
    expect(fields(await call("GET", `/payments/${sale.id}`))).toMatchObject({ store: { id: own.store.id } });
    expect(fields(await paymentAt({ terminal: { id: own.terminal.id } }))).toMatchObject({ store: { id: there.id } });
    const moves = await test.services.db.query({
      text: "select from_store_id, to_store_id, reason from terminal_moves where terminal_id = $1",
      values: [own.terminal.id],
    });
    expect(moves).toEqual([{ from_store_id: own.store.id, to_store_id: there.id, reason: "Reopened" }]);
    const twin = await call("POST", "/terminals", {
      body: { reference: own.terminal.reference, store: { id: own.store.id } },
    });
    const clash = await call("POST", `/terminals/${own.terminal.id}/move`, { body: { store: { id: own.store.id } } });
    expect([twin.status, clash.status, fields(clash).code]).toEqual([201, 409, "reference_taken"]);
    expect((await call("POST", `/terminals/${own.terminal.id}/archive`, { body: {} })).status).toBe(200);
    const refused = await paymentAt({ store: { id: there.id }, terminal: { id: own.terminal.id } });
    expect([refused.status, pointerOf(refused)]).toEqual([422, "/terminal"]);
    // The archived one no longer makes its reference ambiguous.
    expect((await paymentAt({ terminal: { reference: own.terminal.reference } })).status).toBe(201);
  });

  it("hold what the Partner, the store and they themselves say, and payments follow it", async () => {
    await fresh();
    await test.services.db.query({
      text: `update partner_accounts set settings = '{"capture":"MANUAL","expires_in":600}' where partner_id = $1`,
      values: [own.partner.id],
    });
    const path = `/terminals/${own.terminal.id}`;
    const at = { terminal: { id: own.terminal.id } };
    const seconds = (payment: Record<string, unknown>): number =>
      (Date.parse(String(payment.expires_at)) - Date.parse(String(payment.created_at))) / 1_000;
    const byPartner = fields(await paymentAt(at));
    expect([byPartner.capture, seconds(byPartner)]).toEqual(["manual", 600]);
    await call("PATCH", `/stores/${own.store.id}`, {
      body: { settings: { expires_in: 300, receipt_footer: "Tack!" } },
    });
    const own1 = await call("PATCH", path, { body: { settings: { capture: "automatic", qr_dark: "#112233" } } });
    expect(fields(own1)).toMatchObject({
      settings: { capture: "automatic", qr_dark: "#112233" },
      effective_settings: {
        capture: "automatic",
        expires_in: 300,
        receipt_header: "",
        receipt_footer: "Tack!",
        qr_dark: "#112233",
        qr_light: "#ffffff",
        qr_margin: 4,
        qr_error_correction: "M",
      },
    });
    const byTerminal = fields(await paymentAt(at));
    expect([byTerminal.capture, seconds(byTerminal)]).toEqual(["automatic", 300]);
    const said = fields(await paymentAt(at, { capture: "manual", expires_in: 120 }));
    expect([said.capture, seconds(said)]).toEqual(["manual", 120]);
    await call("PATCH", path, { body: { settings: { capture: null } } });
    expect(fields(await paymentAt(at)).capture).toBe("manual");
  });
});
