import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ssh2, { type ConnectConfig, type SFTPWrapper } from "ssh2";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { at, type Client, createClient, createReceiver, finalBody } from "./fixtures";

const DAY_MS = 86_400_000;

let client: Client;
beforeEach(async () => {
  client = await createClient();
});
afterEach(async () => {
  await client.close();
});

/** Opens a session, runs the work and ends it; rejects when the server does not let it in. */
async function withSftp<T>(config: ConnectConfig, work: (sftp: SFTPWrapper) => Promise<T>): Promise<T> {
  const connection = new ssh2.Client();
  try {
    const sftp = await new Promise<SFTPWrapper>((resolve, reject) => {
      connection.on("error", reject);
      connection.on("ready", () => connection.sftp((error, made) => (error ? reject(error) : resolve(made))));
      connection.connect(config);
    });
    return await work(sftp);
  } finally {
    connection.end();
  }
}

const namesIn = (sftp: SFTPWrapper): Promise<string[]> =>
  new Promise((resolve, reject) => {
    sftp.readdir("/", (error, list) => (error ? reject(error) : resolve(list.map((entry) => entry.filename))));
  });

const contentOf = (sftp: SFTPWrapper, path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    sftp.readFile(path, (error, content) => (error ? reject(error) : resolve(content.toString("utf8"))));
  });

async function enabled(): Promise<{ host: string; port: number; username: string; password: string }> {
  const answer = await client.call("POST", "/_control/sftp", { is_enabled: true });
  expect(answer.status).toBe(200);
  return {
    host: String(answer.body.host),
    port: Number(answer.body.port),
    username: String(answer.body.user),
    password: String(answer.body.password),
  };
}

async function settle(): Promise<unknown> {
  await client.control.fault({ operation: "authorize", kind: "approve" });
  await client.authorize(finalBody(10_000, {}, "NOW"));
  const made = await client.call("POST", "/_control/settlements", {});
  return at(made.body, "settlements", 0);
}

describe("the SFTP server", () => {
  it("is off until it is asked for", async () => {
    const answer = await client.call("GET", "/_control/sftp");
    expect(answer.body).toMatchObject({ is_running: false, port: null, files: [] });
  });

  it("delivers the same CSV as the API, under Klarna's name, and sends the event", async () => {
    const config = await enabled();
    const receiver = await createReceiver();
    await client.control.webhook(receiver.url, ["settlement.report.uploaded-to-sftp"]);
    const settlement = await settle();
    await receiver.waitFor(1);
    const event: unknown = JSON.parse(receiver.received[0]?.body ?? "{}");
    const name = String(at(event, "payload", "file_name"));
    expect(name).toMatch(new RegExp(`^${String(at(settlement, "payment_reference"))}\\.\\d{8}T000000\\+0000\\.csv$`));
    const path = `/v2/distribution/settlements/${String(at(settlement, "settlement_id"))}/csv`;
    await withSftp(config, async (sftp) => {
      expect(await namesIn(sftp)).toEqual([name]);
      expect(await contentOf(sftp, `/${name}`)).toBe((await client.call("GET", path)).text);
    });
    await receiver.close();
  });

  it("puts up what was settled before it was on, and takes files away after 90 days", async () => {
    const settlement = await settle();
    const config = await enabled();
    await withSftp(config, async (sftp) => {
      expect(await namesIn(sftp)).toEqual([expect.stringContaining(String(at(settlement, "payment_reference")))]);
    });
    await client.control.advance(91 * DAY_MS);
    await withSftp(config, async (sftp) => expect(await namesIn(sftp)).toEqual([]));
  });

  it("lets in nobody with another password, user or key, and nobody writes", async () => {
    const config = await enabled();
    const none = async () => undefined;
    await expect(withSftp({ ...config, password: "wrong" }, none)).rejects.toThrow("authentication");
    await expect(withSftp({ ...config, username: "root" }, none)).rejects.toThrow("authentication");
    const key = ssh2.utils.generateKeyPairSync("ecdsa", { bits: 256 });
    const { password: _password, ...byKey } = config;
    await expect(withSftp({ ...byKey, privateKey: key.private }, none)).rejects.toThrow("authentication");
    await client.call("POST", "/_control/sftp", { is_enabled: true, public_key: key.public });
    await settle();
    await withSftp({ ...byKey, privateKey: key.private }, async (sftp) => {
      const [name] = await namesIn(sftp);
      await expect(
        new Promise<void>((resolve, reject) => {
          sftp.writeFile(`/${name}`, "x", (error) => (error ? reject(error) : resolve()));
        }),
      ).rejects.toThrow();
      await expect(
        new Promise<void>((resolve, reject) => {
          sftp.unlink(`/${name}`, (error) => (error ? reject(error) : resolve()));
        }),
      ).rejects.toThrow();
      await expect(contentOf(sftp, "/../../etc/passwd")).rejects.toThrow();
    });
  });

  it("cuts a file in half when a fault asks for it", async () => {
    const config = await enabled();
    await settle();
    await client.control.fault({ operation: "sftp", kind: "malformed" });
    await withSftp(config, async (sftp) => {
      const [name] = await namesIn(sftp);
      const half = await contentOf(sftp, `/${name}`);
      const whole = await contentOf(sftp, `/${name}`);
      expect(half.length).toBe(Math.floor(whole.length / 2));
      expect(whole.startsWith(half)).toBe(true);
    });
  });

  it("has the same host key, user, password and files after a restart, and ends with open sessions", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "simulator-"));
    await client.close();
    client = await createClient({ dataDir });
    const config = await enabled();
    await settle();
    const hosts: string[] = [];
    const seen = async (): Promise<string[]> =>
      await withSftp(
        {
          ...config,
          hostHash: "sha256",
          hostVerifier: (hash: string) => {
            hosts.push(hash);
            return true;
          },
        },
        namesIn,
      );
    const before = await seen();
    const open = new ssh2.Client();
    await new Promise<void>((resolve) => open.on("ready", () => resolve()).connect(config));
    const closed = new Promise<void>((resolve) => open.on("close", () => resolve()));
    open.on("error", () => undefined);
    await client.close();
    await closed;
    client = await createClient({ dataDir });
    expect(await seen()).toEqual(before);
    expect(hosts[1]).toBe(hosts[0]);
    rmSync(dataDir, { recursive: true });
  });
});
