import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { takeRefusedTargets } from "@/server/testing/egress";
import { allowedTargets, askedTarget } from "./egress.mjs";

const run = promisify(execFile);
const EGRESS = path.join(import.meta.dirname, "egress.mjs");

describe("S36: what may be reached", () => {
  it("S36: is what the settings name, this machine in all its spellings, and nothing beside", () => {
    const targets = allowedTargets({
      DATABASE_URL: "postgresql://u:p@db.internal/tillgate",
      SMTP_URL: "smtps://mail.example.com",
      KLARNA_TEST_BASE_URL: "http://127.0.0.1:4010",
      ENGINE_PORT: "4002",
      OTHER_URL: "https://elsewhere.example.com",
    });
    expect([...targets].sort()).toEqual([
      "api-global.klarna.com:443",
      "api-global.test.klarna.com:443",
      "api-na.klarna.com:443",
      "api-na.playground.klarna.com:443",
      "api-oc.klarna.com:443",
      "api-oc.playground.klarna.com:443",
      "api.klarna.com:443",
      "api.playground.klarna.com:443",
      "db.internal:5432",
      "loopback:3000",
      "loopback:3001",
      "loopback:4002",
      "loopback:4010",
      "mail.example.com:465",
    ]);
  });

  it("S36: every form of connect is understood", () => {
    expect(askedTarget([443, "example.com"])).toMatchObject({ host: "example.com", port: 443 });
    expect(askedTarget([443])).toMatchObject({ host: "localhost", port: 443 });
    expect(askedTarget([{ host: "example.com", port: 1 }])).toMatchObject({ host: "example.com", port: 1 });
    expect(askedTarget([[{ port: 1 }, null]])).toMatchObject({ host: "localhost", port: 1 });
    expect(askedTarget(["/run/postgresql/.s.PGSQL.5432"])).toBeNull();
    expect(askedTarget([{ path: "/run/socket" }])).toBeNull();
  });
});

describe("S36: a process under guard", () => {
  let server: http.Server;
  let other: http.Server;
  let folder: string;
  const portOf = (each: http.Server): number => {
    const address = each.address();
    return typeof address === "object" && address ? address.port : 0;
  };
  beforeAll(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), "tillgate-egress-"));
    const answer: http.RequestListener = (_request, response) => void response.end("here");
    server = http.createServer(answer);
    other = http.createServer(answer);
    for (const each of [server, other]) await new Promise<void>((resolve) => each.listen(0, "127.0.0.1", resolve));
  });
  afterAll(() => {
    for (const each of [server, other]) {
      each.closeAllConnections();
      each.close();
    }
    rmSync(folder, { recursive: true, force: true });
  });

  const script = (target: string): string => `
    const results = {};
    const note = (name, work) => work.then((text) => { results[name] = text; }, (error) => { results[name] = error.cause?.code ?? error.code; });
    const http = await import("node:http"), net = await import("node:net"), tls = await import("node:tls");
    const undici = await import("undici");
    const url = "http://${target}/";
    const viaHttp = () => new Promise((ok, no) => http.get(url, (r) => { r.resume(); ok("here"); }).on("error", no));
    const viaNet = () => new Promise((ok, no) => net.connect(new URL(url).port, new URL(url).hostname, () => ok("here")).on("error", no));
    const viaTls = () => new Promise((ok, no) => tls.connect({ host: new URL(url).hostname, port: Number(new URL(url).port) }).on("error", no));
    await Promise.all([note("fetch", fetch(url).then((r) => r.text())), note("http", viaHttp()), note("net", viaNet()), note("tls", viaTls()),
      note("undici", undici.request(url).then((r) => r.body.text()))]);
    console.log(JSON.stringify(results));
    process.exit(0);`;
  const attempt = async (
    target: string,
    mode: string,
  ): Promise<{ results: Record<string, string>; stderr: string }> => {
    const { stdout, stderr } = await run(
      process.execPath,
      ["--import", EGRESS, "--input-type=module", "-e", script(target)],
      {
        cwd: path.resolve(import.meta.dirname, "../.."),
        env: {
          PATH: process.env.PATH,
          TILLGATE_EGRESS: mode,
          DATA_DIR: folder,
          KLARNA_TEST_BASE_URL: `http://localhost:${portOf(server)}`,
        } as unknown as NodeJS.ProcessEnv,
      },
    );
    return { results: JSON.parse(stdout) as Record<string, string>, stderr };
  };

  it("S36: reaches what its settings name, by any client", async () => {
    const { results, stderr } = await attempt(`127.0.0.1:${portOf(server)}`, "refuse");
    expect(results).toMatchObject({ fetch: "here", http: "here", net: "here", undici: "here" });
    expect(results.tls).not.toBe("EEGRESS");
    expect(stderr).toBe("");
  });

  it("S36: reaches nothing else, by no client, and the target is written down once", async () => {
    const target = `127.0.0.1:${portOf(other)}`;
    const { results, stderr } = await attempt(target, "refuse");
    expect(results).toEqual({ fetch: "EEGRESS", http: "EEGRESS", net: "EEGRESS", tls: "EEGRESS", undici: "EEGRESS" });
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(readFileSync(path.join(folder, "egress.log"), "utf8")).toContain(`loopback:${portOf(other)}`);
  });

  it("S36: by default the connection is made and the target written down", async () => {
    const { results, stderr } = await attempt(`127.0.0.1:${portOf(other)}`, "log");
    expect(results).toMatchObject({ fetch: "here", http: "here", net: "here", undici: "here" });
    expect(stderr).toContain("which no setting names");
  });
});

describe("S36: a test run", () => {
  it("S36: refuses a connection that leaves this machine, and knows of it whatever the code makes of the refusal", async () => {
    const refused = new Promise((resolve) => net.connect(80, "192.0.2.1").on("error", resolve));
    expect(await refused).toMatchObject({ code: "EEGRESS" });
    await fetch("http://elsewhere.example.com/").catch(() => undefined);
    expect(takeRefusedTargets()).toEqual(["192.0.2.1:80", "elsewhere.example.com:80"]);
  });
});
