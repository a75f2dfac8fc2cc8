import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import ssh2, { type AuthContext, type Connection, type SFTPWrapper } from "ssh2";
import { takeFault } from "./scenarios";
import { settlementCsv } from "./settlements/api";
import type { Settlement, SftpSettings } from "./settlements/model";
import type { Settlements } from "./settlements/settlements";
import type { Simulator } from "./simulator";

/** Klarna's SFTP server for settlement files: read only, this machine only, off until it is asked for. */

const HOST = "127.0.0.1";
const HANDSHAKE_MS = 10_000;
const CONNECTIONS_MAX = 20;
const CONTENTS_KEPT_MAX = 3;
const FILE_MODE = 0o100444;
const FOLDER_MODE = 0o040555;

const { STATUS_CODE, OPEN_MODE } = ssh2.utils.sftp;

export type SftpOptions = {
  port: number;
  user?: string | undefined;
  password?: string | undefined;
  publicKey?: string | undefined;
};

export type SftpServer = ReturnType<typeof createSftpServer>;
export type SftpView = ReturnType<SftpServer["view"]>;

type Handle = { kind: "file"; content: Buffer; at: number } | { kind: "folder"; isListed: boolean };

function isSame(given: string, wanted: string): boolean {
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(wanted));
}

export function createSftpServer(sim: Simulator, settlements: Settlements) {
  let server: InstanceType<typeof ssh2.Server> | null = null;
  let boundPort: number | null = null;
  const connections = new Set<Connection>();

  /** User, password and host key are made once and kept. */
  function settings(): SftpSettings {
    const known = sim.state.sftp.get("sftp");
    if (known !== undefined) return known;
    const made: SftpSettings = {
      id: "sftp",
      // Not ed25519: the library writes about one key of 200 of that kind in a form that it cannot read itself.
      host_key: ssh2.utils.generateKeyPairSync("ecdsa", { bits: 256 }).private,
      user: "klarna-settlements",
      password: randomBytes(18).toString("base64url"),
      public_key: null,
      is_enabled: false,
      port: 0,
    };
    sim.state.sftp.put(made);
    return made;
  }

  function authenticate(context: AuthContext): void {
    const { user, password, public_key } = settings();
    if (!isSame(context.username, user)) {
      context.reject(["password", "publickey"]);
      return;
    }
    if (context.method === "password") {
      if (isSame(context.password, password)) context.accept();
      else context.reject(["password", "publickey"]);
      return;
    }
    if (context.method === "publickey" && public_key !== null) {
      const allowed = ssh2.utils.parseKey(public_key);
      if (!(allowed instanceof Error)) {
        const isTheKey =
          context.key.algo === allowed.type &&
          isSame(context.key.data.toString("base64"), allowed.getPublicSSH().toString("base64"));
        const isProved =
          context.signature === undefined ||
          (context.blob !== undefined && allowed.verify(context.blob, context.signature, context.hashAlgo) === true);
        if (isTheKey && isProved) {
          context.accept();
          return;
        }
      }
    }
    context.reject(["password", "publickey"]);
  }

  /** The one folder holds every file; a path in front of a name is not looked at further than for its shape. */
  function nameOf(path: string): string {
    return path.replace(/^(?:\.?\/)+/, "").replace(/\/+$/, "");
  }

  function findFile(path: string): Settlement | undefined {
    const name = nameOf(path);
    return settlements.files().find((settlement) => settlement.file_name === name);
  }

  /** The files that were asked for last; a large one is asked for its size, opened and read. */
  const contents = new Map<string, Buffer>();
  const sizes = new Map<string, number>();

  function contentOf(settlement: Settlement): Buffer {
    // The payout's day is in the file and may change.
    const key = `${settlement.settlement_id} ${settlement.payout?.paid_at ?? ""}`;
    const known = contents.get(key);
    if (known !== undefined) return known;
    const made = Buffer.from(settlementCsv(settlements, settlement), "utf8");
    const oldest = contents.size >= CONTENTS_KEPT_MAX ? contents.keys().next().value : undefined;
    if (oldest !== undefined) contents.delete(oldest);
    contents.set(key, made);
    sizes.set(key, made.byteLength);
    return made;
  }

  function sizeOf(settlement: Settlement): number {
    return (
      sizes.get(`${settlement.settlement_id} ${settlement.payout?.paid_at ?? ""}`) ?? contentOf(settlement).byteLength
    );
  }

  function attributesOf(size: number, at: number, mode: number) {
    const seconds = Math.floor(at / 1000);
    return { mode, uid: 0, gid: 0, size, atime: seconds, mtime: seconds };
  }

  function attributesAt(path: string) {
    const name = nameOf(path);
    if (name === "" || name === ".") return attributesOf(0, Date.now(), FOLDER_MODE);
    const settlement = findFile(path);
    if (settlement === undefined) return null;
    return attributesOf(sizeOf(settlement), settlement.uploaded_at ?? settlement.created_at, FILE_MODE);
  }

  function serve(sftp: SFTPWrapper, connection: Connection): void {
    const handles = new Map<number, Handle>();
    let lastHandle = 0;
    const handleOf = (raw: Buffer): Handle | undefined =>
      raw.byteLength === 4 ? handles.get(raw.readUInt32BE(0)) : undefined;
    const open = (id: number, handle: Handle): void => {
      lastHandle += 1;
      handles.set(lastHandle, handle);
      const raw = Buffer.alloc(4);
      raw.writeUInt32BE(lastHandle, 0);
      sftp.handle(id, raw);
    };

    sftp.on("REALPATH", (id, path) => {
      const name = nameOf(path);
      const full = name === "" || name === "." ? "/" : `/${name}`;
      sftp.name(id, [{ filename: full, longname: full, attrs: attributesOf(0, 0, 0) }]);
    });
    const stat = (id: number, path: string): void => {
      const attributes = attributesAt(path);
      if (attributes === null) sftp.status(id, STATUS_CODE.NO_SUCH_FILE);
      else sftp.attrs(id, attributes);
    };
    sftp.on("STAT", stat);
    sftp.on("LSTAT", stat);
    sftp.on("FSTAT", (id, raw) => {
      const handle = handleOf(raw);
      if (handle === undefined) sftp.status(id, STATUS_CODE.FAILURE);
      else if (handle.kind === "folder") sftp.attrs(id, attributesOf(0, Date.now(), FOLDER_MODE));
      else sftp.attrs(id, attributesOf(handle.content.byteLength, handle.at, FILE_MODE));
    });
    sftp.on("OPENDIR", (id, path) => {
      const name = nameOf(path);
      if (name === "" || name === ".") open(id, { kind: "folder", isListed: false });
      else sftp.status(id, STATUS_CODE.NO_SUCH_FILE);
    });
    sftp.on("READDIR", (id, raw) => {
      const handle = handleOf(raw);
      if (handle?.kind !== "folder") {
        sftp.status(id, STATUS_CODE.FAILURE);
        return;
      }
      const files = settlements.files();
      if (handle.isListed || files.length === 0) {
        sftp.status(id, STATUS_CODE.EOF);
        return;
      }
      handle.isListed = true;
      sftp.name(
        id,
        files.map((settlement) => {
          const at = settlement.uploaded_at ?? settlement.created_at;
          const size = sizeOf(settlement);
          return {
            filename: settlement.file_name,
            longname: `-r--r--r-- 1 klarna klarna ${size} ${new Date(at).toISOString().slice(0, 16)} ${settlement.file_name}`,
            attrs: attributesOf(size, at, FILE_MODE),
          };
        }),
      );
    });
    sftp.on("OPEN", (id, path, flags) => {
      const forWriting = OPEN_MODE.WRITE | OPEN_MODE.APPEND | OPEN_MODE.CREAT | OPEN_MODE.TRUNC;
      if ((flags & forWriting) !== 0) {
        sftp.status(id, STATUS_CODE.PERMISSION_DENIED);
        return;
      }
      const settlement = findFile(path);
      if (settlement === undefined) {
        sftp.status(id, STATUS_CODE.NO_SUCH_FILE);
        return;
      }
      let content = contentOf(settlement);
      const fault = takeFault(sim, "sftp", null, {});
      if (fault?.kind === "cut_before" || fault?.kind === "cut_after") {
        connection.end();
        return;
      }
      if (fault?.kind === "status_500" || fault?.kind === "status_503") {
        sftp.status(id, STATUS_CODE.FAILURE);
        return;
      }
      if (fault?.kind === "malformed" || fault?.kind === "cut_halfway") {
        content = content.subarray(0, Math.floor(content.byteLength / 2));
      }
      open(id, { kind: "file", content, at: settlement.uploaded_at ?? settlement.created_at });
    });
    sftp.on("READ", (id, raw, offset, length) => {
      const handle = handleOf(raw);
      if (handle?.kind !== "file") sftp.status(id, STATUS_CODE.FAILURE);
      else if (offset >= handle.content.byteLength) sftp.status(id, STATUS_CODE.EOF);
      else sftp.data(id, handle.content.subarray(offset, offset + length));
    });
    sftp.on("CLOSE", (id, raw) => {
      if (raw.byteLength === 4) handles.delete(raw.readUInt32BE(0));
      sftp.status(id, STATUS_CODE.OK);
    });
    const deny = (id: number): void => sftp.status(id, STATUS_CODE.PERMISSION_DENIED);
    for (const name of ["WRITE", "REMOVE", "RENAME", "MKDIR", "RMDIR", "SETSTAT", "FSETSTAT", "SYMLINK"]) {
      sftp.on(name, deny);
    }
  }

  function onConnection(connection: Connection): void {
    if (connections.size >= CONNECTIONS_MAX) {
      connection.end();
      return;
    }
    connections.add(connection);
    const timer = setTimeout(() => connection.end(), HANDSHAKE_MS);
    connection
      .on("authentication", authenticate)
      .on("ready", () => {
        clearTimeout(timer);
        connection.on("session", (accept) => {
          accept().on("sftp", (acceptSftp) => serve(acceptSftp(), connection));
        });
      })
      .on("close", () => {
        clearTimeout(timer);
        connections.delete(connection);
      })
      // A client that goes away in the middle is the client's business.
      .on("error", () => undefined);
  }

  /** Starts listening; resolves with the port. */
  async function start(options: SftpOptions): Promise<number> {
    const known = settings();
    known.user = options.user ?? known.user;
    known.password = options.password ?? known.password;
    if (options.publicKey !== undefined) {
      if (ssh2.utils.parseKey(options.publicKey) instanceof Error) throw new Error("The public key cannot be read.");
      known.public_key = options.publicKey;
    }
    sim.state.sftp.put(known);
    if (server !== null && boundPort !== null && (options.port === 0 || options.port === boundPort)) return boundPort;
    await stop();
    const created = new ssh2.Server({ hostKeys: [known.host_key], ident: "settlements" }, onConnection);
    const port = await new Promise<number>((resolve, reject) => {
      created.once("error", reject);
      created.listen(options.port, HOST, () => {
        const bound = created.address();
        resolve(typeof bound === "object" && bound !== null ? bound.port : options.port);
      });
    });
    server = created;
    boundPort = port;
    settlements.uploadTo(() => server !== null);
    return port;
  }

  async function stop(): Promise<void> {
    const closing = server;
    server = null;
    boundPort = null;
    if (closing === null) return;
    const closed = new Promise<void>((resolve) => closing.close(() => resolve()));
    for (const connection of connections) connection.end();
    await closed;
  }

  return {
    start,
    stop,
    /** Starts it if it was on when the simulator ended. */
    async resume(): Promise<void> {
      const known = sim.state.sftp.get("sftp");
      if (server === null && known?.is_enabled === true) await start({ port: known.port });
    },
    /** On or off, for this run and the next ones. */
    async enable(input: { is_enabled: boolean } & Partial<SftpOptions>): Promise<void> {
      const known = settings();
      known.is_enabled = input.is_enabled;
      if (input.is_enabled) known.port = await start({ ...input, port: input.port ?? known.port });
      else await stop();
      sim.state.sftp.put(known);
    },
    view() {
      const { user, password, public_key } = settings();
      return {
        is_running: server !== null,
        host: HOST,
        port: boundPort,
        user,
        password,
        public_key,
        files: settlements.files().map(({ file_name }) => file_name),
      };
    },
  };
}
