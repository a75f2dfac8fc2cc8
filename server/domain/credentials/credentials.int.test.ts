import { X509Certificate } from "node:crypto";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createContext, createServices, type ServiceContext, type Services } from "@/server/context";
import { SECOND_MS } from "@/server/core/time";
import { createLog } from "@/server/observability/log";
import { asUser, type TestServices, testServices } from "@/server/testing/context";
import { CreateCredentialSchema, IpListInputSchema } from "./schema";
import {
  activateCredential,
  changeDomains,
  changeIpList,
  createCredential,
  disableCredential,
  disableForeignCredential,
  enforceCertificate,
  getAccess,
  listCredentials,
  resumeCredential,
} from "./service";
import { IDLE_MS } from "./states";

let test: TestServices;
let ctx: ServiceContext;
let clock: TestServices["clock"];
const others: Services[] = [];

/** A process of its own on the same database. */
function anotherProcess(): Services {
  const services = createServices({
    env: test.services.env,
    name: "other",
    log: createLog({ level: "silent", name: "other", destination: { write: () => undefined } }),
    nudge: () => undefined,
    connections: 2,
  });
  others.push(services);
  return services;
}

beforeEach(async () => {
  test = await testServices({ clock: "movable" });
  clock = test.clock;
  ctx = asUser(test.services, "ACQUIRER_ADMIN");
});
afterEach(async () => {
  await Promise.all(others.splice(0).flatMap((services) => [services.klarna.close(), services.db.close()]));
  await test.close();
});

const key = (purpose = "payments") => createCredential(ctx, { kind: "API_KEY", purpose, domains: [] });
const ask = (services: Services) =>
  services.klarna.call({
    mode: "test",
    operation: "account_read",
    method: "GET",
    path: "/v2/account/acquiring/accounts",
    sessionReference: "test",
  });
const rows = (text: string) => test.services.db.query({ text, values: [] });

describe("rotation", () => {
  it("create, use, disable: two processes that call all the while never get a refusal, and end on the new key", async () => {
    const other = anotherProcess();
    const outcomes: string[] = [];
    let isOver = false;
    const traffic = async (services: Services): Promise<void> => {
      while (!isOver) {
        const outcome = await ask(services);
        outcomes.push(outcome.kind);
      }
    };
    const running = Promise.all([traffic(test.services), traffic(other)]);
    const first = await key("first");
    await activateCredential(ctx, first.id);
    const second = await key("second");
    await activateCredential(ctx, second.id);
    clock.advance(31 * SECOND_MS);
    await disableCredential(ctx, first.id);
    // The other process may still hold the first key: Klarna's 401 makes it read again and repeat.
    const after = outcomes.length;
    await expect.poll(() => outcomes.length).toBeGreaterThan(after + 40);
    isOver = true;
    await running;
    expect(new Set(outcomes)).toEqual(new Set(["answered"]));
    const items = await listCredentials(ctx);
    expect(items.map(({ purpose, state, isInUse }) => ({ purpose, state, isInUse }))).toEqual([
      { purpose: "second", state: "ACTIVE", isInUse: true },
      { purpose: "first", state: "DISABLED", isInUse: false },
    ]);
    const [held] = await rows("select secret from klarna_credentials where purpose = 'first'");
    expect(held).toEqual({ secret: null });
  });

  it("a process follows within seconds without a restart", async () => {
    const other = anotherProcess();
    expect((await ask(other)).kind).toBe("answered");
    const made = await key();
    await activateCredential(ctx, made.id);
    await expect
      .poll(
        async () => {
          await ask(other);
          const [row] = await test.services.db.query<{ lastUsedAt: Date | null }>({
            text: `select last_used_at as "lastUsedAt" from klarna_credentials where id = $1`,
            values: [made.id],
          });
          return row?.lastUsedAt ?? null;
        },
        { timeout: 15_000, interval: 200 },
      )
      .not.toBeNull();
  });

  it("the one in use cannot be disabled, nor the one before it within half a minute", async () => {
    const first = await key("first");
    await activateCredential(ctx, first.id);
    await expect(disableCredential(ctx, first.id)).rejects.toMatchObject({ code: "state_conflict" });
    const second = await key("second");
    await activateCredential(ctx, second.id);
    await expect(disableCredential(ctx, first.id)).rejects.toMatchObject({ code: "state_conflict" });
    clock.advance(31 * SECOND_MS);
    expect(await disableCredential(ctx, first.id)).toMatchObject({ state: "DISABLED" });
  });

  it("a key that Klarna does not take is not taken into use", async () => {
    const made = await key();
    await createCredential(ctx, { kind: "API_KEY", purpose: "another", domains: [] });
    const gone = await ask(test.services);
    expect(gone.kind).toBe("answered");
    await test.services.klarna.call({
      mode: "test",
      operation: "account_write",
      method: "DELETE",
      path: `/v2/account/integration/credentials/api-key/${encodeURIComponent(made.klarnaCredentialId ?? "")}`,
      sessionReference: "test",
    });
    await expect(activateCredential(ctx, made.id)).rejects.toMatchObject({ code: "state_conflict" });
    expect((await ask(test.services)).kind).toBe("answered");
    expect((await listCredentials(ctx)).find(({ id }) => id === made.id)).toMatchObject({
      state: "READY",
      isInUse: false,
    });
  });

  it("an answer that was lost is asked for again: the same key at Klarna, not a second one", async () => {
    await test.simulator.control.fault({ operation: "create_api_key", kind: "cut_after", times: 4 });
    await expect(key("lost")).rejects.toMatchObject({ code: "klarna_unavailable" });
    await test.simulator.control.clearFaults();
    const [waiting] = await listCredentials(ctx);
    expect(waiting).toMatchObject({ state: "REQUESTED", purpose: "lost" });
    const made = await resumeCredential(ctx, waiting?.id ?? "");
    expect(made).toMatchObject({ state: "READY" });
    const { foreign } = await getAccess(ctx);
    expect(foreign.filter(({ purpose }) => purpose === "lost")).toEqual([]);
    expect(await activateCredential(ctx, made.id)).toMatchObject({ isInUse: true });
  });

  it("the first key is seen as made elsewhere and can be disabled once one of ours is in use", async () => {
    const first = (await getAccess(ctx)).foreign.find(({ kind, state }) => kind === "API_KEY" && state === "ACTIVE");
    await expect(disableForeignCredential(ctx, first?.id ?? "")).rejects.toMatchObject({ code: "state_conflict" });
    expect((await getAccess(ctx)).keySource).toBe("SETTINGS");
  });
});

describe("other kinds", () => {
  it("a certificate comes from a request made here; calls show it, Klarna says that it is valid, then it may be enforced", async () => {
    await expect(enforceCertificate(ctx, clock.now())).rejects.toMatchObject({ code: "state_conflict" });
    const made = await createCredential(ctx, { kind: "CLIENT_CERTIFICATE", purpose: "mutual TLS", domains: [] });
    expect(made).toMatchObject({ state: "READY", isInUse: false });
    expect(made.certificateRequest).toContain("BEGIN CERTIFICATE REQUEST");
    expect(new X509Certificate(made.certificate ?? "").fingerprint256.replaceAll(":", "").toLowerCase()).toBe(
      made.fingerprint,
    );
    expect(await activateCredential(ctx, made.id)).toMatchObject({ state: "ACTIVE", isInUse: true });
    await ask(test.services);
    await expect
      .poll(
        async () => {
          await ask(test.services);
          return (await getAccess(ctx)).lastMtlsStatus;
        },
        { timeout: 15_000, interval: 200 },
      )
      .toBe("VALID");
    await enforceCertificate(ctx, clock.now());
    expect((await getAccess(ctx)).mtls?.status).toBe("ENFORCED");
    expect((await ask(test.services)).kind).toBe("answered");
  });

  it("a client identifier is used where its domains say, which can be changed", async () => {
    const made = await createCredential(ctx, {
      kind: "CLIENT_IDENTIFIER",
      purpose: "web shop",
      domains: ["shop.example.com"],
    });
    expect(made).toMatchObject({ state: "ACTIVE", domains: ["shop.example.com"] });
    expect(made.hint).toMatch(/^klarna_test_client_/);
    expect(await changeDomains(ctx, made.id, ["a.example.com", "b.example.com"])).toMatchObject({
      domains: ["a.example.com", "b.example.com"],
    });
  });

  it("addresses are enforced only after Klarna reported that ours is among them", async () => {
    await changeIpList(ctx, { mode: "REPORTING", addresses: ["203.0.113.0/24"] });
    await expect(changeIpList(ctx, { mode: "ENFORCED", addresses: ["203.0.113.0/24"] })).rejects.toMatchObject({
      code: "state_conflict",
    });
    expect(await getAccess(ctx)).toMatchObject({ isReachable: true });
  });

  it.each([
    [{ kind: "API_KEY", purpose: "" }, false],
    [{ kind: "API_KEY", purpose: "with \n newline" }, false],
    [{ kind: "API_KEY", purpose: "payments - Stockholm; till 4" }, true],
    [{ kind: "CLIENT_IDENTIFIER", purpose: "shop", domains: [] }, false],
    [{ kind: "CLIENT_IDENTIFIER", purpose: "shop", domains: ["https://shop.example.com/path"] }, false],
    [{ kind: "CLIENT_IDENTIFIER", purpose: "shop", domains: ["https://shop.example.com", "localhost"] }, true],
  ])("%j is %s", (input, isGood) => {
    expect(CreateCredentialSchema.safeParse(input).success).toBe(isGood);
  });

  it.each([
    [{ mode: "ENFORCED", addresses: [] }, false],
    [{ mode: "REPORTING", addresses: ["10.0.0.0/99"] }, false],
    [{ mode: "REPORTING", addresses: ["203.0.113.7", "203.0.113.0/24", "2001:db8::/32"] }, true],
    [{ mode: "REPORTING", addresses: Array.from({ length: 101 }, () => "203.0.113.7") }, false],
  ])("the list of addresses %j is %s", (input, isGood) => {
    expect(IpListInputSchema.safeParse(input).success).toBe(isGood);
  });
});

describe("secrets at rest", () => {
  it("S60: neither a dump of every table nor audit nor log holds a key; the screen's list has no secret", async () => {
    const made = await key();
    await activateCredential(ctx, made.id);
    const [row] = await test.services.db.query<{ secret: string }>({
      text: "select secret from klarna_credentials where id = $1",
      values: [made.id],
    });
    const plain = test.services.secrets.open(row?.secret ?? "", `klarna_credentials|secret|${made.id}|test`);
    expect(plain).toMatch(/^klarna_test_api_/);
    const tables = await test.services.db.query<{ name: string }>({
      text: "select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'",
      values: [],
    });
    for (const { name } of tables) {
      const [found] = await test.services.db.query<{ count: number }>({
        text: `select count(*)::int as count from ${pg.escapeIdentifier(name)} t where t::text like '%' || $1 || '%'`,
        values: [plain],
      });
      expect(found?.count, name).toBe(0);
    }
    expect(test.log.join("\n")).not.toContain(plain);
    expect(JSON.stringify(await listCredentials(ctx))).not.toContain(plain.slice(0, -4));
  });

  it.each([
    [
      "one bit turned",
      "set secret = overlay(secret placing (case when substr(secret, 40, 1) = 'A' then 'B' else 'A' end) from 40 for 1)",
    ],
    ["the secret of another row", "set secret = (select secret from klarna_credentials o where o.purpose = 'another')"],
    ["an unknown key id", "set secret = replace(secret, 'v1.test.', 'v1.gone.')"],
    ["an unknown form", "set secret = replace(secret, 'v1.', 'v0.')"],
  ])(
    "S60: a row with %s is not opened: the key of the settings is used, and the log says so once",
    async (_what, change) => {
      const made = await key("in use");
      await key("another");
      await activateCredential(ctx, made.id);
      await test.services.db.query({ text: `update klarna_credentials ${change} where id = $1`, values: [made.id] });
      const other = anotherProcess();
      expect((await ask(other)).kind).toBe("answered");
      await test.services.klarna.reloadKeys?.("test");
      expect((await ask(test.services)).kind).toBe("answered");
      expect(test.log.filter((line) => line.includes("a credential cannot be opened"))).toHaveLength(1);
    },
  );
});

it("S1: only who holds the permission reads or changes credentials, and each mode has its own", async () => {
  const made = await key();
  for (const role of ["READ_ONLY", "ACQUIRER_FINANCE", "PARTNER_ADMIN", "PARTNER_STAFF"] as const) {
    const who = asUser(test.services, role);
    await expect(listCredentials(who)).rejects.toMatchObject({ code: "permission_denied" });
    await expect(getAccess(who)).rejects.toMatchObject({ code: "permission_denied" });
  }
  const reader = asUser(test.services, "ACQUIRER_OPERATIONS");
  expect(await listCredentials(reader)).toHaveLength(1);
  for (const attempt of [
    () => activateCredential(reader, made.id),
    () => disableCredential(reader, made.id),
    () => createCredential(reader, { kind: "API_KEY", purpose: "x", domains: [] }),
    () => changeIpList(reader, { mode: "NOT_ENABLED", addresses: [] }),
  ])
    await expect(attempt()).rejects.toMatchObject({ code: "permission_denied" });
  const live = createContext(test.services, {
    actor: ctx.actor,
    scope: { partners: "all", mode: "live" },
    way: "SCREEN",
  });
  await expect(activateCredential(live, made.id)).rejects.toMatchObject({ code: "not_found" });
});

it("a key that nobody used for six weeks warns before Klarna disables it, and an old one asks to be rotated", async () => {
  await key();
  clock.advance(IDLE_MS - 5 * 86_400 * SECOND_MS);
  expect((await listCredentials(ctx))[0]?.warnings).toEqual([{ kind: "IDLE", days: 55 }]);
  clock.advance(150 * 86_400 * SECOND_MS);
  expect((await listCredentials(ctx))[0]?.warnings.map(({ kind }) => kind)).toEqual(["IDLE", "OLD"]);
});
