import { afterAll, beforeAll, expect, it } from "vitest";
import type { Services } from "@/server/context";
import { saveTerminalSettings } from "@/server/domain/partners/service";
import { CreatePaymentSchema } from "@/server/domain/payments/schema";
import { cancelPayment, createPayment } from "@/server/domain/payments/service";
import { changeTerminal, createTerminal } from "@/server/domain/terminals/service";
import { asSystem, type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { classicControl, makeClassicPartner } from "@/server/testing/classic";
import { asApiKey, asUser, type TestServices, testServices } from "@/server/testing/context";
import { getClassicCredential, openClassicHost, removeClassicCredential, saveClassicCredential } from "./service";

let test: TestServices;
let services: Services;
let partner: BuiltPartner;

beforeAll(async () => {
  test = await testServices();
  services = test.services;
  partner = await makeClassicPartner(services, test.simulator);
});
afterAll(() => test.close());

const staff = () => asUser(services, "ACQUIRER_ADMIN");
const sale = (of: BuiltPartner, terminalId = of.terminal.id) =>
  CreatePaymentSchema.parse({
    amount: 5_000,
    currency: "SEK",
    reference: unique("order"),
    store: { id: of.store.id },
    terminal: { id: terminalId },
  });

it("S60: the password is stored sealed, never told again, and stays where a change leaves it out", async () => {
  const own = await makePartner(services);
  const secret = `planted-${unique("secret")}`;
  await saveClassicCredential(staff(), own.partner.id, { region: "OC", username: "PK1_first", password: secret });
  const view = await getClassicCredential(staff(), own.partner.id);
  expect(view).toMatchObject({ region: "OC", username: "PK1_first", refusedAt: null });
  expect(JSON.stringify(view)).not.toContain(secret);
  const stored = await services.db.query({ text: "select * from classic_credentials", values: [] });
  expect(JSON.stringify(stored)).not.toContain(secret);
  const audit = await services.db.query({
    text: "select * from audit_entries where action like 'classic%'",
    values: [],
  });
  expect(audit.length).toBeGreaterThan(0);
  expect(JSON.stringify(audit)).not.toContain(secret);
  await saveClassicCredential(staff(), own.partner.id, { region: "EU", username: "PK1_second" });
  const host = await openClassicHost(services, { partnerId: own.partner.id, mode: "test" });
  expect(Buffer.from(host?.authorization.slice(6) ?? "", "base64").toString()).toBe(`PK1_second:${secret}`);
});

it("S1: only acquirer staff set it, in the mode they look at; a Partner's people and other Partners' never see it", async () => {
  const input = { region: "EU" as const, username: "PK1_x", password: "secret-of-x" };
  for (const role of ["PARTNER_ADMIN", "PARTNER_STAFF", "ACQUIRER_FINANCE", "READ_ONLY"] as const) {
    const ctx = asUser(services, role, role.startsWith("PARTNER") ? [partner.partner.id] : "all");
    await expect(saveClassicCredential(ctx, partner.partner.id, input)).rejects.toMatchObject({
      code: "permission_denied",
    });
    await expect(getClassicCredential(ctx, partner.partner.id)).rejects.toMatchObject({ code: "permission_denied" });
    await expect(removeClassicCredential(ctx, partner.partner.id)).rejects.toMatchObject({ code: "permission_denied" });
  }
  const live = asUser(services, "ACQUIRER_ADMIN", "all", "live");
  await expect(saveClassicCredential(live, partner.partner.id, input)).rejects.toMatchObject({ code: "not_found" });
  await expect(saveClassicCredential(staff(), "ptn_unknown", input)).rejects.toMatchObject({ code: "not_found" });
});

it("another user is refused while sessions of the present one are open", async () => {
  const ctx = asApiKey(services, { partnerId: partner.partner.id });
  const { id } = await createPayment(ctx, sale(partner));
  const known = await getClassicCredential(staff(), partner.partner.id);
  const other = { region: "EU" as const, username: "PK9_other", password: "secret-of-other" };
  await expect(saveClassicCredential(staff(), partner.partner.id, other)).rejects.toMatchObject({
    code: "rule_broken",
  });
  await expect(removeClassicCredential(staff(), partner.partner.id)).rejects.toMatchObject({ code: "rule_broken" });
  await cancelPayment(ctx, id);
  await saveClassicCredential(staff(), partner.partner.id, other);
  expect((await getClassicCredential(staff(), partner.partner.id))?.username).not.toBe(known?.username);
});

it("a terminal goes the way that it is set to, else its store, else its Partner", async () => {
  const own = await makePartner(services);
  const { username, password } = await classicControl(test.simulator).credential(own.account.id);
  await saveClassicCredential(staff(), own.partner.id, { region: "EU", username, password });
  const ctx = asApiKey(services, { partnerId: own.partner.id });
  const railOf = async (terminalId?: string): Promise<string> => {
    const { id } = await createPayment(ctx, sale(own, terminalId));
    await cancelPayment(ctx, id);
    const [row] = await services.db.query<{ rail: string }>({
      text: "select rail from payments where id = $1",
      values: [id],
    });
    return row?.rail ?? "";
  };
  expect(await railOf()).toBe("NETWORK");
  await saveTerminalSettings(staff(), own.partner.id, { rail: "CLASSIC" });
  expect(await railOf()).toBe("CLASSIC");
  const second = await createTerminal(asSystem(services), {
    partnerId: own.partner.id,
    storeId: own.store.id,
    reference: unique("till"),
    label: "Till 2",
  });
  const changed = await changeTerminal(staff(), second.id, { settings: { rail: "network" } });
  expect(changed).toMatchObject({ settings: { rail: "network" } });
  expect(await railOf(second.id)).toBe("NETWORK");
  expect(await railOf()).toBe("CLASSIC");
});

it("users that are replaced at the same moment are each kept for their sales", async () => {
  for (let round = 0; round < 6; round += 1) {
    const own = await makePartner(services);
    const owner = { partnerId: own.partner.id, mode: "test" as const };
    const users = ["PK1_a", "PK1_b", "PK1_c", "PK1_d"].map((username) => ({ region: "EU" as const, username }));
    const save = (user: (typeof users)[number]) =>
      saveClassicCredential(staff(), own.partner.id, { ...user, password: `of-${user.username}` });
    await Promise.all(users.map(save));
    for (const user of users) {
      const host = await openClassicHost(services, owner, user);
      const known = Buffer.from(host?.authorization.slice(6) ?? "", "base64").toString();
      expect(known).toBe(`${user.username}:of-${user.username}`);
    }
  }
});
