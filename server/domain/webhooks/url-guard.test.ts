import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSender } from "./send";
import { isAllowedAddress, type Resolve, requireAllowedUrl, urlPolicy, urlRefusal } from "./url-guard";

const LIVE = urlPolicy("live", { WEBHOOK_ALLOW_PRIVATE_IN_TEST: true, isProduction: false });
const TEST = urlPolicy("test", { WEBHOOK_ALLOW_PRIVATE_IN_TEST: true, isProduction: false });
const TEST_IN_PRODUCTION = urlPolicy("test", { WEBHOOK_ALLOW_PRIVATE_IN_TEST: true, isProduction: true });

const SPELLINGS =
  `127.0.0.1 127.1 127.0.1 127.255.255.254 2130706433 0x7f000001 0x7f.0x0.0x0.0x1 0177.0.0.1 017700000001 0x7f.1 00000177.0.0.1
 １２７.0.0.1 127。0。0。1 127.0.0.1. ①②⑦.⓪.⓪.① 0 0.0.0.0 0x0 10.0.0.1 10.1 012.0.0.1 167772161 100.64.0.1 169.254.169.254 2852039166 0xa9fea9fe
 0xa9.0xfe.0xa9.0xfe 0251.0376.0251.0376 169.254.43518 172.16.0.1 172.31.255.255 192.0.0.1 192.168.0.1 192.168.257 3232235521 198.18.0.1 224.0.0.1
 240.0.0.1 255.255.255.255 203.0.113.7 [::] [::1] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1] [64:ff9b::7f00:1]
 [64:ff9b::169.254.169.254] [64:ff9b:1::a00:1] [2002:7f00:1::] [2002:a9fe:a9fe::1] [2001::1] [2001:db8::1] [fc00::1] [fd00:ec2::254] [fe80::1] [fe80::1%25eth0]
 [ff02::1] [::1%25lo] localhost LOCALHOST localhost. foo.localhost ｌｏｃａｌｈｏｓｔ 127.0.0.1.nip.io 127-0-0-1.sslip.io a9fea9fe.nip.io localtest.me app.lvh.me
 metadata metadata.google.internal printer.local intranet db.corp router.home.arpa example.com. xn--.com 1.2.3.4.5 256.256.256.256 0x8.8.8.8 134744072 08.8.8.8`
    .split(/\s+/)
    .filter((text) => text !== "");

describe("S30: odd and private addresses", () => {
  it("there are sixty spellings and more", () => expect(SPELLINGS.length).toBeGreaterThanOrEqual(60));

  it.each(SPELLINGS)("S30: %s is refused in live mode when saved and when sent", async (host) => {
    const url = `https://${host}/hook`;
    expect(urlRefusal(url, LIVE)).not.toBeNull();
    await expect(requireAllowedUrl(url, LIVE, async () => [{ address: "8.8.8.8", family: 4 }])).rejects.toMatchObject({
      code: "url_not_allowed",
      status: 422,
    });
    const sender = createSender(LIVE, { resolve: async () => [{ address: "8.8.8.8", family: 4 }] });
    expect(await sender.post({ url, headers: {}, body: "{}" })).toMatchObject({
      outcome: "address_refused",
      status: null,
    });
    await sender.close();
  });

  it.each([
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "[fe80::1]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[fd00:ec2::254]",
    "0.0.0.0",
    "224.0.0.1",
    "100.100.100.200",
    "2130706433",
  ])("S30: %s is refused in test mode too", (host) => expect(urlRefusal(`http://${host}/`, TEST)).not.toBeNull());

  it("loopback and private networks may be called in test mode, but never by a production installation", () => {
    for (const url of [
      "http://127.0.0.1:8080/hook",
      "http://localhost:9999/",
      "https://192.168.1.7/x",
      "http://[::1]:4000/",
      "http://receiver:3000/",
    ]) {
      expect(urlRefusal(url, TEST), url).toBeNull();
      expect(urlRefusal(url, TEST_IN_PRODUCTION), url).not.toBeNull();
    }
  });

  it.each([
    ["http://hooks.example.com/", "not https"],
    ["https://hooks.example.com:22/", "another port"],
    ["https://hooks.example.com:444/", "another port"],
    ["https://user:secret@hooks.example.com/", "credentials"],
    ["https://@hooks.example.com/", "empty credentials"],
    ["https://hooks.example.com\\@127.0.0.1/", "a backslash"],
    ["https://hooks.example.com/#part", "a fragment"],
    ["https:hooks.example.com", "no slashes"],
    ["https:///hooks.example.com", "no host"],
    ["ftp://hooks.example.com/", "another protocol"],
    ["javascript:alert(1)", "a script"],
    ["https://hooks.example.com/a b", "a space"],
    ["https://hooks.exam\tple.com/", "a control character"],
    [" https://hooks.example.com/", "a space before it"],
  ])("%s is refused in live mode: %s", (url) => expect(urlRefusal(url, LIVE)).not.toBeNull());

  it.each([
    "https://hooks.example.com/a?b=c",
    "https://hooks.example.com:8443/",
    "https://8.8.8.8/",
    "https://bücher.example.com/",
    "https://[2606:4700::1111]/",
  ])("%s may be called in live mode", (url) => expect(urlRefusal(url, LIVE)).toBeNull());

  it("only global unicast IPv6 is public", () => {
    expect(isAllowedAddress("2606:4700::1111", LIVE)).toBe(true);
    for (const address of [
      "4000::1",
      "::ffff:8.8.8.8",
      "::ffff:808:808",
      "64:ff9b::808:808",
      "2002:808:808::1",
      "fe80::1%eth0",
      "",
      "not an address",
    ]) {
      expect(isAllowedAddress(address, LIVE), address).toBe(false);
    }
  });
});

describe("names that lead elsewhere", () => {
  let port = 0;
  let hits = 0;
  const server = createServer((_request, response) => {
    hits += 1;
    response.setHeader("connection", "close").end();
  });
  beforeAll(async () => {
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => server.close());

  it("S31: a name that is public when saved and loopback when called is never connected to", async () => {
    const before = hits;
    let asked = 0;
    const rebinding: Resolve = async () => [{ address: asked++ === 0 ? "93.184.215.14" : "127.0.0.1", family: 4 }];
    const anyPort = { ...LIVE, isHttpsOnly: false, ports: null };
    await requireAllowedUrl(`http://rebind.example.com:${port}/`, anyPort, rebinding);
    const sender = createSender(anyPort, { resolve: rebinding, timeoutMs: 1_000 });
    expect(await sender.post({ url: `http://rebind.example.com:${port}/`, headers: {}, body: "{}" })).toMatchObject({
      outcome: "address_refused",
    });
    await sender.close();
    expect({ hits, asked }).toEqual({ hits: before, asked: 2 });
  });

  it("S31: each connection resolves once and goes to the address that was checked", async () => {
    let asked = 0;
    const once: Resolve = async () => {
      asked += 1;
      return [{ address: "127.0.0.1", family: 4 }];
    };
    const sender = createSender(TEST, { resolve: once, timeoutMs: 1_000 });
    expect(await sender.post({ url: `http://receiver.example.com:${port}/`, headers: {}, body: "{}" })).toMatchObject({
      outcome: "delivered",
    });
    await sender.close();
    expect(asked).toBe(1);
  });

  it("S32: a name with one public and one private address is refused when saved and when sent", async () => {
    const mixed: Resolve = async () => [
      { address: "93.184.215.14", family: 4 },
      { address: "10.0.0.8", family: 4 },
    ];
    await expect(requireAllowedUrl("https://mixed.example.com/", LIVE, mixed)).rejects.toMatchObject({
      code: "url_not_allowed",
    });
    const sender = createSender(LIVE, { resolve: mixed, timeoutMs: 1_000 });
    expect(await sender.post({ url: "https://mixed.example.com/", headers: {}, body: "{}" })).toMatchObject({
      outcome: "address_refused",
    });
    await sender.close();
  });

  it("a name that does not resolve yet can be saved: each send asks again", async () => {
    const unknown: Resolve = async () => {
      throw new Error("ENOTFOUND");
    };
    await requireAllowedUrl("https://soon.example.com/", LIVE, unknown);
    const sender = createSender(LIVE, { resolve: unknown, timeoutMs: 1_000 });
    expect(await sender.post({ url: "https://soon.example.com/", headers: {}, body: "{}" })).toMatchObject({
      outcome: "connection_failed",
    });
    await sender.close();
  });
});
