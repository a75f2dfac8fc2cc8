import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startTotp } from "@/server/auth/second-factor";
import { createServices, type Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import { activateCredential, createCredential } from "@/server/domain/credentials/service";
import { readKeyUse, resealAll, resealSecrets } from "@/server/domain/encryption/service";
import { uploadImport } from "@/server/domain/imports/service";
import { queueMail } from "@/server/domain/mail/service";
import { getDraft } from "@/server/domain/partners/service";
import { CreatePaymentSchema } from "@/server/domain/payments/schema";
import { createPayment, getPayment } from "@/server/domain/payments/service";
import { CreateEndpointSchema } from "@/server/domain/webhooks/schema";
import { createEndpoint } from "@/server/domain/webhooks/service";
import { readEnv } from "@/server/env";
import { createLog } from "@/server/observability/log";
import { type BuiltPartner, makeApiKey, makePartner, unique } from "@/server/testing/builders";
import { asApiKey, asUser, type TestServices, testServices } from "@/server/testing/context";
import { dumpTexts } from "@/server/testing/instance-database";
import { receiveKlarnaWebhooks } from "@/server/testing/klarna-webhooks";
import { makePerson } from "@/server/testing/people";
import { plantOnboarding } from "@/server/testing/planted";
import { keyIdSql, SEALED } from "./sealed";
import { createSecretBox } from "./secrets";

const key = (): string => randomBytes(32).toString("base64");
const OLD = `old:${key()}`;
const NEW = `new:${key()}`;

let test: TestServices;
let shop: BuiltPartner;
const others: Services[] = [];

/** A process of its own on the same database, with these keys. */
function processWith(keys: string): Services {
  const { env } = test.services;
  const services = createServices({
    env: { ...env, TILLGATE_ENCRYPTION_KEYS: readKeys(keys) },
    name: "other",
    log: createLog({ level: "silent", name: "other", destination: { write: () => undefined } }),
    nudge: () => undefined,
    connections: 2,
  });
  others.push(services);
  return services;
}
const readKeys = (keys: string) =>
  readEnv({
    DATABASE_URL: test.services.env.DATABASE_URL,
    TILLGATE_SESSION_SECRET: "x".repeat(32),
    TILLGATE_KEY_PEPPER: "x".repeat(32),
    TILLGATE_ENCRYPTION_KEYS: keys,
  }).TILLGATE_ENCRYPTION_KEYS;

const sell = (services: Services, customer: Record<string, unknown>) =>
  createPayment(
    asApiKey(services, { partnerId: shop.partner.id }),
    CreatePaymentSchema.parse({
      amount: 11_850,
      currency: "SEK",
      reference: unique("order"),
      store: { id: shop.store.id },
      terminal: { id: shop.terminal.id },
      customer,
    }),
  );

/** Values of each kind, written by the services; each by its name. */
async function plant(services: Services): Promise<{ canaries: Map<string, string>; partnerId: string }> {
  const mark = `canary${randomBytes(5).toString("hex")}`;
  const admin = asUser(services, "ACQUIRER_ADMIN");
  const onboarding = await plantOnboarding({ ...services, close: async () => undefined });
  const canaries = new Map(onboarding.canaries);
  const add = (name: string, value: string): string => {
    canaries.set(name, value);
    return value;
  };
  await sell(services, {
    given_name: add("a customer's first name", `${mark}first`),
    family_name: add("a customer's family name", `${mark}family`),
    email: add("a customer's e-mail", `${mark}@customer.example`),
    phone: add("a customer's phone", `+46${BigInt(`0x${randomBytes(5).toString("hex")}`)}`),
    address: {
      street_address: add("a customer's street", `${mark} Lane 9`),
      postal_code: "111 22",
      city: add("a customer's city", `${mark}stad`),
      country: "SE",
    },
  });
  const endpoint = await createEndpoint(
    asApiKey(services, { partnerId: shop.partner.id }),
    CreateEndpointSchema.parse({
      url: "http://127.0.0.1:9/hook",
      events: ["partner.*"],
      headers: { "X-Shop": add("a header of a receiver", `${mark}header`) },
    }),
  );
  add("a receiver's signing secret", endpoint.secret);
  add("an API key", (await makeApiKey(services, shop.partner.id)).key);
  const person = await makePerson(services, { role: "PARTNER_STAFF", partners: [shop.partner.id] });
  add("a secret of an authenticator app", (await startTotp(services, { id: person.id, email: person.email })).secret);
  await services.db.transaction((tx) =>
    queueMail(tx, services, {
      kind: "invitation",
      to: `${randomBytes(4).toString("hex")}@mail.example`,
      partnerId: null,
      subject: "Hello",
      text: add("the text of a mail", `${mark} in a mail`),
    }),
  );
  await uploadImport(admin, {
    kind: "STORES",
    partnerId: shop.partner.id,
    fileName: "rows.csv",
    contentType: "text/csv",
    bytes: new TextEncoder().encode(`reference,name\nS-1,${add("a cell of a file", `${mark} cell`)}\n`),
  });
  return { canaries, partnerId: onboarding.partnerId };
}

/** A change that Klarna was told of. */
async function tell(): Promise<string> {
  const id = newId("klarnaChange");
  await test.services.db.query({
    text: `insert into klarna_changes (id, partner_id, mode, kind, subject_kind, subject_id, payload_secret, state, idempotency_key, next_attempt_at, settled_at, created_by)
      values ($1, $2, 'test', 'STORE_UPDATE', 'store', $3, $4, 'DONE', $1, null, now(), 'test')`,
    values: [
      id,
      shop.partner.id,
      shop.store.id,
      test.services.secrets.seal("{}", `klarna_changes|payload_secret|${id}`),
    ],
  });
  return id;
}

const query = (text: string, ...values: unknown[]) => test.services.db.query<Record<string, string>>({ text, values });

beforeAll(async () => {
  test = await testServices({ environment: { TILLGATE_ENCRYPTION_KEYS: OLD }, connections: 6 });
  shop = await makePartner(test.services);
});
afterEach(async () => {
  await Promise.all(others.splice(0).flatMap((services) => [services.klarna.close(), services.db.close()]));
});
afterAll(() => test.close());

/** `table.column` of every field of the schema that is sealed by its name, its type or its words. */
function sealedBySchema(): string[] {
  const folder = path.resolve(import.meta.dirname, "../../prisma/schema");
  const found: string[] = [];
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".prisma"))) {
    for (const [, body = ""] of readFileSync(path.join(folder, file), "utf8").matchAll(
      /^model \w+ \{\n([\s\S]*?)^\}/gm,
    )) {
      const table = /@@map\("([^"]+)"\)/.exec(body)?.[1] ?? "";
      let words = "";
      for (const line of body.split("\n").map((text) => text.trim())) {
        if (line.startsWith("///")) {
          words += line;
          continue;
        }
        const [, field = "", type = ""] = /^(\w+)\s+(\w+)/.exec(line) ?? [];
        const column = /@map\("([^"]+)"\)/.exec(line)?.[1] ?? field;
        if (/(^|_)secret$/.test(column) || type === "Bytes" || /\/\/\/ (Sealed|Encrypted)\b/.test(words))
          found.push(`${table}.${column}`);
        words = "";
      }
    }
  }
  return found.sort();
}

/** Bytes that are no secret: public halves and hashes. */
const PLAIN = ["passkeys.public_key", "webhook_attempts.body_hash"];

describe("what is sealed", () => {
  it("S60: every column that holds a secret by name, type or description is one that keys are changed in", () => {
    const listed = SEALED.map(({ table, column }) => `${table}.${column}`);
    expect(sealedBySchema()).toEqual([...listed, ...PLAIN].sort());
  });
});

describe("a ciphertext", () => {
  const box = createSecretBox(new Map([["k1", randomBytes(32)]]), "p".repeat(32));
  const place = "payments|purchase_secret|pay_1|ptn_1";

  it("S60: no bit can be turned, of key name, nonce, text or tag, in either form", () => {
    const sealed = box.seal("what nobody may change", place);
    const [, , body = ""] = sealed.split(".");
    const bytes = Buffer.from(body, "base64url");
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const turned = Buffer.from(bytes);
      turned.writeUInt8(turned.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(() => box.open(`v1.k1.${turned.toString("base64url")}`, place), `bit ${bit}`).toThrow();
    }
    const binary = box.sealBytes(Buffer.from("what nobody may change"), place);
    for (let bit = 0; bit < binary.length * 8; bit += 1) {
      const turned = Buffer.from(binary);
      turned.writeUInt8(turned.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(() => box.unsealBytes(turned, place), `bit ${bit}`).toThrow();
    }
    expect(box.open(sealed, place)).toBe("what nobody may change");
  });

  it.each([
    ["another row", "payments|purchase_secret|pay_2|ptn_1"],
    ["another column", "payments|klarna_token_secret|pay_1|ptn_1"],
    ["another table", "mails|purchase_secret|pay_1|ptn_1"],
    ["another Partner", "payments|purchase_secret|pay_1|ptn_2"],
  ])("S60: at the place of %s it does not open", (_what, other) => {
    expect(() => box.open(box.seal("text", place), other)).toThrow();
    expect(() => box.unsealBytes(box.sealBytes(Buffer.from("text"), place), other)).toThrow();
  });

  it("S60: of an unknown version or key, or cut short, it does not open", () => {
    const sealed = box.seal("text", place);
    for (const wrong of [
      sealed.replace("v1.", "v0."),
      sealed.replace("v1.", "v2."),
      sealed.replace(".k1.", ".k2."),
      sealed.slice(0, -6),
      "v1.k1.AAAA",
      "v1.k1",
      "",
      "text",
    ])
      expect(() => box.open(wrong, place), wrong).toThrow(/stored secret|authenticate/);
    const binary = box.sealBytes(Buffer.from("text"), place);
    for (const version of [0, 2, 255])
      expect(() => box.unsealBytes(Buffer.concat([Buffer.from([version]), binary.subarray(1)]), place)).toThrow();
  });

  it("S60: a million have as many nonces", () => {
    // Each is 96 bits of crypto.randomBytes: that any two of a million agree has a chance of about 6e-18. A counter that
    // starts anew or fewer random bits (32 of them repeat after some 80,000) would be found here.
    const text = Buffer.alloc(0);
    const seen = new Set<string>();
    for (let count = 0; count < 1_000_000; count += 1) seen.add(box.sealBytes(text, "p").toString("latin1", 4, 16));
    expect(seen.size).toBe(1_000_000);
  });
});

describe("in the database", () => {
  it("S60: a payment with the ciphertext of another row, column or Partner is refused, and the right one still opens", async () => {
    const { services } = test;
    const [one, two] = await Promise.all([
      sell(services, { given_name: "One" }),
      sell(services, { given_name: "Two" }),
    ]);
    const secretOf = async (id: string) =>
      (await query("select purchase_secret, partner_id from payments where id = $1", id))[0]?.purchase_secret ?? "";
    const [first, second] = [await secretOf(one.id), await secretOf(two.id)];
    const at = (id: string, partnerId: string) => {
      const column = SEALED.find(({ table, column: name }) => table === "payments" && name === "purchase_secret");
      return column?.place({ id, partner_id: partnerId }) ?? "";
    };
    expect(services.secrets.open(first, at(one.id, shop.partner.id))).toContain("One");
    expect(() => services.secrets.open(second, at(one.id, shop.partner.id))).toThrow();
    const stranger = await makePartner(services);
    expect(() => services.secrets.open(first, at(one.id, stranger.partner.id))).toThrow();
  });

  it("S60: a dump of every table holds none of fifty planted secrets and personal values, as text or in hex", async () => {
    const canaries = new Map<string, string>();
    for (let round = 1; round <= 3; round += 1)
      for (const [name, value] of (await plant(test.services)).canaries) canaries.set(`${name}, ${round}`, value);
    expect(canaries.size).toBeGreaterThanOrEqual(50);
    expect(new Set(canaries.values()).size).toBe(canaries.size);
    const dump = await dumpTexts(test.services.db);
    expect(dump.length).toBeGreaterThan(20);
    // The dump does hold what was written: what is not secret is found in it.
    expect(dump.some(({ text }) => text.includes(shop.partner.reference))).toBe(true);
    const leaks: string[] = [];
    for (const { table, text } of dump)
      for (const [name, value] of canaries)
        for (const form of [value, Buffer.from(value).toString("hex"), Buffer.from(value).toString("base64")])
          if (text.includes(form)) leaks.push(`${name} is in ${table}`);
    expect(leaks).toEqual([]);
    const wrote = test.log.join("\n");
    expect([...canaries].filter(([, value]) => wrote.includes(value)).map(([name]) => name)).toEqual([]);
  });
});

describe("a change of keys", () => {
  const keysInUse = async (): Promise<Set<string>> => {
    const found = new Set<string>();
    for (const column of SEALED)
      for (const { id } of await query(`select distinct ${keyIdSql(column)} as id from ${column.table}`))
        if (id) found.add(id);
    return found;
  };

  it("S60: goes on while payments are made and read, without a failure; then the old key is not needed", async () => {
    const { partnerId } = await plant(test.services);
    await tell();
    const both = processWith(`${OLD},${NEW}`);
    const klarna = await receiveKlarnaWebhooks(both, test.simulator);
    const admin = asUser(test.services, "ACQUIRER_ADMIN");
    const credential = await createCredential(admin, { kind: "API_KEY", purpose: "rotation", domains: [] });
    await activateCredential(admin, credential.id);
    const tables = new Set<string>();
    for (const column of SEALED) {
      const [row] = await query(`select count(${keyIdSql(column)})::text as count from ${column.table}`);
      if (row?.count !== "0") tables.add(`${column.table}.${column.column}`);
    }
    // What the test moves is of nearly every kind.
    expect(tables.size).toBeGreaterThanOrEqual(11);

    const failures: unknown[] = [];
    let done = 0;
    const traffic = (services: Services) => {
      let isOver = false;
      const work = (async () => {
        while (!isOver) {
          try {
            const payment = await sell(services, { given_name: "Buyer" });
            await test.simulator.control.play(payment.klarna.payment_request_id ?? "", "complete");
            await getPayment(asApiKey(services, { partnerId: shop.partner.id }), payment.id);
            await getDraft(asUser(services, "ACQUIRER_ADMIN"), partnerId);
            done += 1;
          } catch (error) {
            failures.push(error);
          }
        }
      })();
      return async () => {
        isOver = true;
        await work;
      };
    };
    const more = async () => {
      const before = done;
      await expect.poll(() => done + failures.length, { timeout: 30_000 }).toBeGreaterThan(before + 5);
    };

    // One process after the other: old; old and new; new and old; new alone.
    const endOld = traffic(test.services);
    const endBoth = traffic(both);
    await more();
    await endOld();
    const ready = processWith(`${NEW},${OLD}`);
    const endReady = traffic(ready);
    await more();
    expect(await keysInUse()).toEqual(new Set(["old", "new"]));
    expect((await resealAll(ready)).changed).toBeGreaterThan(tables.size);
    await more();
    await endBoth();
    // Klarna's webhooks are taken by the process that still encrypts with the old key: it ends here.
    await test.simulator.control.idle();
    await klarna.close();
    const [left] = await Promise.all([resealAll(ready), more()]);
    expect(left.unreadable).toEqual([]);
    await endReady();
    const last = await resealAll(ready);
    expect(last).toMatchObject({ busy: 0, unreadable: [] });
    expect(failures).toEqual([]);
    expect(await keysInUse()).toEqual(new Set(["new"]));
    expect(await readKeyUse(ready)).toMatchObject([
      { keyId: "new", mayGo: false },
      { keyId: "old", rows: 0, mayGo: true },
    ]);

    const alone = processWith(NEW);
    const endAlone = traffic(alone);
    await more();
    await endAlone();
    expect(failures).toEqual([]);
    for (const column of SEALED) {
      const names = [...new Set([...column.key.map(({ name }) => name), ...column.reads])].join(", ");
      const rows = await alone.db.query<Record<string, string | null> & { value: string | Buffer }>({
        text: `select ${names}, ${column.column} as value from ${column.table} where ${keyIdSql(column)} is not null`,
        values: [],
      });
      for (const row of rows) {
        const place = column.place(row);
        if (typeof row.value === "string") alone.secrets.open(row.value, place);
        else alone.secrets.unsealBytes(row.value ?? Buffer.alloc(0), place);
      }
    }
  });

  it("S60: what is broken off goes on; a row that is held is left alone; a damaged one is told and stays", async () => {
    const third = `third:${key()}`;
    const ready = processWith(`${third},${NEW},${OLD}`);
    let cursor = null;
    let slices = 0;
    do {
      const slice: Awaited<ReturnType<typeof resealSecrets>> = await resealSecrets(ready, cursor, 0);
      cursor = slice.next;
      slices += 1;
    } while (cursor !== null);
    expect(slices).toBeGreaterThanOrEqual(SEALED.length);
    expect(await keysInUse()).toEqual(new Set(["third"]));

    const fourth = processWith(`fourth:${key()},${third}`);
    const [held] = await query("select id from mails where body_secret is not null order by id limit 1");
    await query("update klarna_signing_keys set secret = overlay(secret placing 'AAAA' from 30 for 4)");
    const result = await test.services.db.transaction(async (tx) => {
      await tx.query({ text: "select id from mails where id = $1 for update", values: [held?.id] });
      return resealAll(fourth);
    });
    expect(result.busy).toBe(1);
    expect(result.unreadable).toEqual([expect.stringMatching(/^klarna_signing_keys\.secret /)]);
    expect((await resealAll(fourth)).changed).toBe(1);
    expect((await readKeyUse(fourth)).find(({ keyId }) => keyId === "third")).toMatchObject({ rows: 1, mayGo: false });
  });

  it("S60: what Klarna is to be told cannot be exchanged, but for the key that it is encrypted with", async () => {
    const id = await tell();
    const change = (text: string) => test.services.db.query({ text, values: [id] });
    await expect(
      change("update klarna_changes set payload_secret = replace(payload_secret, '.old.', '.new.') where id = $1"),
    ).rejects.toThrow(/stays as it is/);
    await expect(
      test.services.db.transaction(async (tx) => {
        await tx.query({ text: "select set_config('tillgate.reseal', 'on', true)", values: [] });
        await tx.query({
          text: "update klarna_changes set payload_secret = payload_secret || 'A' where id = $1",
          values: [id],
        });
      }),
    ).rejects.toThrow(/stays as it is/);
  });
});
