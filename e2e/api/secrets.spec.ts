import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { makeApiKey, makePartner } from "@/server/testing/builders";
import { dumpTexts } from "@/server/testing/instance-database";
import { createTill, openReceiver, pause, signInOverHttp } from "@/server/testing/shop";
import { expect, newReference, payBody, test } from "./shop";

test("S61, S60: planted secrets are in no log and in no table, whatever was done with them", async ({
  shop,
  setUp,
}) => {
  const mark = `canary${Date.now().toString(36)}`;
  const canaries = new Map<string, string>();
  const plant = (name: string, value: string): string => {
    canaries.set(name, value);
    return value;
  };
  const { demo } = shop;
  // Secrets that live long: the generated ones, the demo people's passwords, keys of Partners, signing secrets.
  const generated = z
    .record(z.string(), z.string())
    .parse(JSON.parse(readFileSync(path.join(shop.dataDir, "secrets.json"), "utf8")));
  for (const [name, value] of Object.entries(generated)) plant(name, value.replace(/^k1:/, ""));
  for (const user of demo.users) plant(`password of ${user.role}`, user.password);
  plant("the demo API key", demo.api_key);
  const { partner } = await makePartner(setUp);
  const { key } = await makeApiKey(setUp, partner.id);
  plant("a new API key", key);
  await createTill({ url: demo.url, apiKey: key }).once("GET", "/api/v1/payments");
  const receiver = await openReceiver(shop.till, ["*"]);
  plant("a webhook secret", receiver.secret);
  plant("its key part", receiver.secret.replace(/^whsec_/, ""));

  // A person's session, right and wrong passwords.
  const cookie = await signInOverHttp(demo, "PARTNER_ADMIN");
  for (const pair of cookie.split("; ")) {
    const [name = "", value = ""] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
    if (name.endsWith(".session")) plant("a session token", decodeURIComponent(value));
  }
  await fetch(`${demo.url}/payments`, { headers: { cookie } });
  const wrong = demo.users.map((user) => ({ ...user, password: plant("a wrong password", `${mark}-wrong-password`) }));
  await signInOverHttp({ url: demo.url, users: wrong }, "READ_ONLY").catch(() => undefined);

  // Customers' data and tokens, in payments that work and in requests that do not.
  const email = plant("a customer's e-mail", `${mark}@shopper.example`);
  const token = plant("a session token of Klarna's", `${mark}-network-session-token`);
  const phone = plant("a customer's phone", "+46700555123");
  const customer = { given_name: plant("a first name", `${mark}given`), email, phone };
  const secretKey = plant("a mistyped key", `tg_test_sk_${mark}${mark}`);
  const send = (body: string, headers: Record<string, string> = {}, at = "/api/v1/payments") =>
    fetch(`${demo.url}${at}`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${demo.api_key}`,
        "content-type": "application/json",
        "idempotency-key": newReference(),
        ...headers,
      },
      body,
    });
  for (const amount of [11_850, 11_802, 11_801, 11_808]) {
    const body = {
      ...payBody(demo, newReference(), amount),
      customer,
      klarna: { network_session_token: `${token}${amount}` },
    };
    const answer = await send(JSON.stringify(body));
    expect(answer.status, await answer.clone().text()).toBe(201);
    const payment = z
      .looseObject({
        id: z.string(),
        status: z.string(),
        klarna: z.looseObject({ payment_request_id: z.string().nullable() }),
      })
      .parse(await answer.json());
    if (payment.status === "pending") {
      const requests = await shop.books.requests(demo.simulator.partner_account_id, 50);
      await shop.books.play(payment.klarna.payment_request_id ?? "", "complete");
      await shop.waitFor(payment.id, "completed");
      const done = (await shop.books.requests(demo.simulator.partner_account_id, 50)).find(
        (request) => request.payment_request_id === payment.klarna.payment_request_id,
      );
      expect(requests.length).toBeGreaterThan(0);
      for (const name of ["klarna_network_session_token", "payment_token"]) {
        const value = done?.[name];
        if (typeof value === "string" && value !== "") plant(`Klarna's ${name} of ${payment.id}`, value);
      }
    }
  }
  await send(JSON.stringify({ ...payBody(demo, newReference()), customer: { ...customer, unknown: email } }));
  await send(`{"customer":{"email":"${email}"`);
  await send(JSON.stringify({ [email]: token }));
  await send("{}", { authorization: `Bearer ${secretKey}` });
  await send("{}", { "klarna-signature": token, "klarna-signing-key-id": token }, "/api/klarna/webhooks");
  await fetch(`${demo.url}/payments?q=${encodeURIComponent(email)}&token=${token}`, { headers: { cookie } });
  await fetch(`${demo.url}/display/pay_01ARZ3NDEKTSV4RRFFQ69G5FAV?t=${token}`);
  await fetch(`${demo.url}/${secretKey}`);
  await pause(1_500);
  await receiver.close();

  const leaks: string[] = [];
  const logs = path.join(shop.dataDir, "logs");
  for (const file of readdirSync(logs)) {
    const text = readFileSync(path.join(logs, file), "utf8");
    for (const [name, value] of canaries) if (text.includes(value)) leaks.push(`${name} is in the log ${file}`);
  }
  const dump = await dumpTexts(setUp.db);
  expect(dump.length).toBeGreaterThan(20);
  for (const { table, text } of dump) {
    for (const [name, value] of canaries) {
      const hex = Buffer.from(value, "utf8").toString("hex");
      if (text.includes(value) || text.includes(hex)) leaks.push(`${name} is in the table ${table}`);
    }
  }
  expect([...new Set(leaks)]).toEqual([]);
  expect(canaries.size).toBeGreaterThan(20);
});
