import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import jsQR from "jsqr";
import { PNG } from "pngjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { saveTerminalSettings } from "@/server/domain/partners/service";
import { createStore } from "@/server/domain/stores/service";
import { createTerminal } from "@/server/domain/terminals/service";
import { addressIn, asSystem, type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { type TestServices, testServices } from "@/server/testing/context";
import { callRest, makeKey, type RestAnswer, type RestCall } from "@/server/testing/rest";
import { createRest, type Rest } from "./run";

/* What a payment puts on screens and papers: its QR code and its receipts, as callers of the API get them. */

let test: TestServices;
let rest: Rest;
let own: BuiltPartner;
let key: string;
let asked = 0;
const brandServer = createServer((_request, response) => {
  asked += 1;
  const png = new PNG({ width: 32, height: 32 });
  for (let at = 0; at < 32 * 32; at += 1) png.data.set([200, 0, 60, 255], at * 4);
  response.writeHead(200, { "content-type": "image/png" }).end(PNG.sync.write(png));
});

beforeAll(async () => {
  test = await testServices({ environment: { WEBHOOK_ALLOW_PRIVATE_IN_TEST: "true" } });
  rest = createRest(test.services);
  own = await makePartner(test.services, { country: "SE", currency: "SEK", name: "Nordkap Handel AB" });
  key = (await makeKey(test.services, own.partner.id)).key;
  await new Promise<void>((resolve) => brandServer.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  brandServer.close();
  await rest.close();
  await test.close();
});

const get = (target: string, options: RestCall = {}) => callRest(rest, "GET", target, { key, ...options });
const post = (target: string, body: unknown) => callRest(rest, "POST", target, { key, body });
type Paid = {
  id: string;
  status: string;
  reference: string;
  klarna: { payment_transaction_id: string; qr_code: { target_url: string } | null };
};
async function pay(fields: Record<string, unknown> = {}): Promise<Paid> {
  const answer = await post("/api/v1/payments", {
    amount: 11_800,
    currency: "SEK",
    reference: newId("request"),
    store: { reference: own.store.reference },
    terminal: { reference: own.terminal.reference },
    ...fields,
  });
  expect(answer.status, answer.text).toBe(201);
  return answer.json as Paid;
}
const codeOf = (answer: RestAnswer) => (answer.json as { code?: string } | null)?.code;
function decode(answer: RestAnswer): { text: string | undefined; width: number; corner: number[]; middle: number[] } {
  const { width, height, data } = PNG.sync.read(Buffer.from(answer.bytes));
  const middle = (Math.floor(height / 2) * width + Math.floor(width / 2)) * 4;
  return {
    text: jsQR(new Uint8ClampedArray(data), width, height, { inversionAttempts: "dontInvert" })?.data,
    width,
    corner: [...data.subarray(0, 3)],
    middle: [...data.subarray(middle, middle + 3)],
  };
}

describe("the QR code", () => {
  it("KNR-L5: each payment has a code of its own, and it leads to Klarna's address of this payment only", async () => {
    const payments = await Promise.all(Array.from({ length: 5 }, () => pay()));
    const targets = await Promise.all(
      payments.map(async ({ id }) => decode(await get(`/api/v1/payments/${id}/qr.png`)).text),
    );
    expect(targets).toEqual(payments.map((payment) => payment.klarna.qr_code?.target_url));
    expect(new Set(targets).size).toBe(5);
  });

  it("looks as its terminal is set, over its store, over its Partner; what the request says wins", async () => {
    const payment = await pay();
    const path = `/api/v1/payments/${payment.id}/qr.png`;
    await callRest(rest, "PATCH", `/api/v1/stores/${own.store.id}`, {
      key,
      body: { settings: { qr_light: "#ffb3c7", qr_margin: 6 } },
    });
    await callRest(rest, "PATCH", `/api/v1/terminals/${own.terminal.id}`, {
      key,
      body: { settings: { qr_light: "#ffe9b0" } },
    });
    expect(decode(await get(path))).toMatchObject({
      corner: [0xff, 0xe9, 0xb0],
      width: 480,
      text: payment.klarna.qr_code?.target_url,
    });
    expect(decode(await get(`${path}?light=ffffff&size=300`))).toMatchObject({ corner: [255, 255, 255], width: 300 });
    const svg = await get(`/api/v1/payments/${payment.id}/qr.svg`);
    expect(svg.text).toContain('fill="#ffe9b0"');
    expect(Number(/viewBox="0 0 (\d+)/.exec(svg.text)?.[1]) % 4).toBe((17 + 12) % 4);
    await callRest(rest, "PATCH", `/api/v1/terminals/${own.terminal.id}`, {
      key,
      body: { settings: { qr_light: null } },
    });
    expect(decode(await get(path)).corner).toEqual([0xff, 0xb3, 0xc7]);
  });

  it("a look that cameras could not read is stored at no level: Partner, store or terminal", async () => {
    for (const [settings, pointer] of [
      [{ qr_dark: "#777777", qr_light: "#888888" }, "/settings/qr_dark"],
      [{ qr_dark: "#ffffff", qr_light: "#000000" }, "/settings/qr_dark"],
      [{ qr_logo: "brand", qr_error_correction: "M" }, "/settings/qr_error_correction"],
    ] as const) {
      for (const path of [`/api/v1/stores/${own.store.id}`, `/api/v1/terminals/${own.terminal.id}`]) {
        const answer = await callRest(rest, "PATCH", path, { key, body: { settings } });
        expect([answer.status, codeOf(answer)], path).toEqual([422, "rule_broken"]);
        expect(answer.json).toMatchObject({ errors: [{ pointer }] });
      }
      await expect(saveTerminalSettings(asSystem(test.services), own.partner.id, settings)).rejects.toMatchObject({
        code: "rule_broken",
        errors: [{ pointer }],
      });
    }
    await expect(saveTerminalSettings(asSystem(test.services), own.partner.id, { qr_margin: 3 })).rejects.toMatchObject(
      { errors: [{ pointer: "/settings/qr_margin" }] },
    );
  });

  it("a look that cameras could not read is refused with the parameter that is wrong", async () => {
    const { id } = await pay();
    for (const [query, pointer] of [
      ["dark=777777&light=888888", "/dark"],
      ["dark=ffffff&light=000000", "/light"],
      ["size=120&ecc=H&margin=16", "/size"],
      ["logo=brand&ecc=M", "/ecc"],
      ["margin=2", "/margin"],
      ["logo=https://evil.example", "/logo"],
    ] as const) {
      const answer = await get(`/api/v1/payments/${id}/qr.png?${query}`);
      expect([answer.status, codeOf(answer)], query).toEqual([400, "validation_failed"]);
      expect((answer.json as { errors: { pointer: string }[] }).errors[0]?.pointer, query).toBe(pointer);
    }
  });

  it("S30: the brand's own logo stands in the middle, fetched once under the guard; one that may not be fetched is left out", async () => {
    const port = (brandServer.address() as AddressInfo).port;
    const brand = async (logoUrl: string) => {
      const [brandId, groupId] = [newId("brand"), newId("storeGroup")];
      const { db } = test.services;
      const values = [brandId, own.partner.id, "test", unique("brand"), logoUrl];
      await db.query({
        text: "insert into brands (id, partner_id, mode, reference, name, logo_url, updated_at) values ($1,$2,$3,$4,$4,$5,now())",
        values,
      });
      await db.query({
        text: "insert into store_groups (id, partner_id, mode, brand_id, reference, name, updated_at) values ($1,$2,$3,$4,$5,$5,now())",
        values: [groupId, own.partner.id, "test", brandId, unique("group")],
      });
      await db.query({ text: "update stores set store_group_id = $1 where id = $2", values: [groupId, own.store.id] });
    };
    const payment = await pay();
    const path = `/api/v1/payments/${payment.id}/qr`;
    await brand(`http://127.0.0.1:${port}/logo.png`);
    const [first] = await Promise.all([get(`${path}.png?logo=brand`), get(`${path}.png?logo=brand`)]);
    expect(decode(first)).toMatchObject({ middle: [200, 0, 60], text: payment.klarna.qr_code?.target_url });
    const svg = await get(`${path}.svg?logo=brand&logo_size=24`);
    expect(svg.text).toContain('href="data:image/png;base64,');
    expect(svg.headers["content-security-policy"]).toBe("default-src 'none'; img-src data:; frame-ancestors 'none'");
    expect(asked).toBe(1);
    for (const address of [
      "http://169.254.169.254/logo.png",
      "file:///etc/passwd",
      `http://127.0.0.1:${port + 1}/none.png`,
    ]) {
      await brand(address);
      const plain = await get(`${path}.png?logo=brand`);
      expect(decode(plain).text, address).toBe(payment.klarna.qr_code?.target_url);
      expect((await get(`${path}.svg?logo=brand`)).text, address).not.toContain("<image");
    }
  });

  it("is gone once the payment no longer waits for its customer", async () => {
    const { id } = await pay();
    await post(`/api/v1/payments/${id}/cancel`, {});
    for (const kind of ["png", "svg"]) {
      const answer = await get(`/api/v1/payments/${id}/qr.${kind}`);
      expect([answer.status, codeOf(answer)]).toEqual([410, "gone"]);
    }
  });
});

describe("receipts", () => {
  const accepted = (id: string, accept: string | undefined, query = "") =>
    get(`/api/v1/payments/${id}/receipt${query}`, accept === undefined ? {} : { headers: { accept } });
  const lineItems = [
    {
      name: "Wool jumper",
      quantity: 2,
      unit_price: 5_000,
      total_amount: 10_000,
      total_tax_amount: 2_000,
      tax_rate: 2_500,
    },
    { name: "Coffee <b>", quantity: 1, total_amount: 2_002, total_tax_amount: 214, tax_rate: 1_200 },
  ];
  const sell = () =>
    pay({
      amount: 12_002,
      line_items: lineItems,
      customer: { given_name: "Alva", family_name: "Testperson", email: "alva@example.com", phone: "+46701740615" },
      metadata: { note: "secretnote" },
    });

  it("KNR-L8: a sale's receipt comes in each form that is asked for, with the references to find it again", async () => {
    const sale = await sell();
    expect(sale.status).toBe("completed");
    for (const accept of [undefined, "*/*", "text/plain", "text/plain;q=0.9, application/json"]) {
      const answer = await accepted(sale.id, accept);
      expect([answer.status, answer.headers["content-type"], answer.headers.vary]).toEqual([
        200,
        "text/plain; charset=utf-8",
        "Accept",
      ]);
      expect(answer.text).toContain(sale.id);
      expect(answer.text.replace(/\s/g, "")).toContain(sale.klarna.payment_transaction_id);
      expect(answer.text).toContain(sale.reference);
      expect(answer.text).toContain("Drottninggatan 50");
      expect(answer.text).toContain("Till 1");
      expect(answer.text).toMatch(/Totalt +120,02 SEK/);
      expect(answer.text).toContain("*** TEST, inget kvitto ***");
    }
    const html = await accepted(sale.id, "text/html,application/xhtml+xml,*/*;q=0.8");
    expect(html.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(html.headers["content-security-policy"]).toMatch(/^default-src 'none'; style-src 'sha256-/);
    expect(html.text).toContain("Coffee &lt;b&gt;");
    const pdf = await accepted(sale.id, "application/pdf");
    expect([pdf.headers["content-type"], Buffer.from(pdf.bytes.subarray(0, 5)).toString()]).toEqual([
      "application/pdf",
      "%PDF-",
    ]);
    const printer = await accepted(sale.id, "application/vnd.escpos");
    expect([printer.headers["content-type"], ...printer.bytes.subarray(0, 2)]).toEqual([
      "application/vnd.escpos",
      0x1b,
      0x40,
    ]);
    expect(Buffer.from(printer.bytes).includes(Buffer.from(sale.id))).toBe(true);
    const english = await accepted(sale.id, "text/plain", "?locale=en-GB");
    expect(english.text).toMatch(/Total +SEK 120\.02/);
    for (const text of [html.text, english.text, Buffer.from(printer.bytes).toString("latin1")]) {
      expect(text).not.toMatch(/Alva|Testperson|alva@|46701740615|secretnote/);
    }
  });

  it("says the Partner's own words, the nearest that are set, in the language and the time of the place", async () => {
    const settings = {
      receipt_header: "Org. no. 556677-8899",
      receipt_footer: "Tack!\nVälkommen åter",
      language: "fi",
      time_zone: "Europe/Helsinki",
    };
    await callRest(rest, "PATCH", `/api/v1/stores/${own.store.id}`, { key, body: { settings } });
    await callRest(rest, "PATCH", `/api/v1/terminals/${own.terminal.id}`, {
      key,
      body: { settings: { receipt_footer: "Kassa 7" } },
    });
    const { text } = await accepted((await sell()).id, "text/plain");
    expect(text).toContain("Org. no. 556677-8899");
    expect(text).toContain("Kassa 7");
    expect(text).not.toContain("Tack!");
    expect(text).toContain("Kuitti");
    expect(text).toMatch(/EET|UTC\+2|GMT\+2/);
    await callRest(rest, "PATCH", `/api/v1/stores/${own.store.id}`, {
      key,
      body: { settings: { language: null, time_zone: null } },
    });
    for (const time_zone of ["Mars/Olympus", "../etc", ""]) {
      const refused = await callRest(rest, "PATCH", `/api/v1/stores/${own.store.id}`, {
        key,
        body: { settings: { time_zone } },
      });
      expect(refused.status, time_zone).toBe(400);
    }
  });

  it("KNR-L3: a return has a receipt of its own, of the place where it was taken", async () => {
    const sale = await sell();
    const ctx = asSystem(test.services);
    const store = await createStore(ctx, {
      partnerId: own.partner.id,
      reference: unique("store"),
      name: "Göteborg",
      type: "PHYSICAL",
      address: { ...addressIn("SE"), street_address: "Avenyn 1", city: "Göteborg" },
    });
    const terminal = await createTerminal(ctx, {
      partnerId: own.partner.id,
      storeId: store.id,
      reference: unique("till"),
      label: "Return desk",
    });
    const refund = await post(`/api/v1/payments/${sale.id}/refunds`, {
      amount: 5_000,
      reason: "Too small for Alva",
      line_items: [{ name: "Wool jumper", quantity: 1, total_amount: 5_000, total_tax_amount: 1_000, tax_rate: 2_500 }],
      store: { id: store.id },
      terminal: { id: terminal.id },
    });
    const { id, status } = refund.json as { id: string; status: string };
    expect(status, refund.text).toBe("succeeded");
    const { text } = await accepted(sale.id, "text/plain", `?refund=${id}`);
    for (const part of ["Retur", "Göteborg", "Avenyn 1", "Return desk", id, sale.id, sale.reference])
      expect(text).toContain(part);
    expect(text).toMatch(/Retur +50,00 SEK/);
    expect(text).toMatch(/Kvar efter returer +70,02 SEK/);
    expect(text).not.toContain("Alva");
    expect((await accepted(sale.id, "text/plain")).text).toMatch(/Retur \S+ +[-−]50,00 SEK/);
    const other = await sell();
    for (const query of [`?refund=${id}`, `?refund=${newId("refund")}`]) {
      expect((await accepted(other.id, "text/plain", query)).status).toBe(404);
    }
    expect((await accepted(sale.id, "text/plain", "?refund=nonsense")).status).toBe(400);
  });

  it("a form that there is not is 406, a payment that was not approved has none, another Partner's does not exist", async () => {
    const sale = await sell();
    for (const accept of ["application/json", "image/png", "text/plain;q=0", "nonsense", "*/*;q=0"]) {
      const answer = await accepted(sale.id, accept);
      expect([answer.status, codeOf(answer)], accept).toEqual([406, "not_acceptable"]);
    }
    for (const payment of [await pay(), await pay({ amount: 11_801 })]) {
      const answer = await accepted(payment.id, "text/plain");
      expect([answer.status, codeOf(answer)], payment.status).toEqual([409, "state_conflict"]);
    }
    const stranger = await makePartner(test.services, { country: "SE", currency: "SEK" });
    const strange = (await makeKey(test.services, stranger.partner.id)).key;
    const foreign = await get(`/api/v1/payments/${sale.id}/receipt`, { key: strange });
    expect([foreign.status, codeOf(foreign)]).toEqual([404, "payment_not_found"]);
    const lesser = (await makeKey(test.services, own.partner.id, { scopes: ["stores:write"] })).key;
    expect((await get(`/api/v1/payments/${sale.id}/receipt`, { key: lesser })).status).toBe(403);
    expect((await accepted(sale.id, "text/plain", "?locale=xx_YY;drop")).status).toBe(400);
  });
});
