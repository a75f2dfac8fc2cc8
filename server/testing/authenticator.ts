import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

/*
 * A passkey in software: what a phone or a security key does, with every part open to be done wrongly.
 */

type Cbor = number | string | Buffer | Map<Cbor, Cbor>;

function head(major: number, value: number): Buffer {
  if (value < 24) return Buffer.from([(major << 5) | value]);
  if (value < 256) return Buffer.from([(major << 5) | 24, value]);
  return Buffer.from([(major << 5) | 25, value >> 8, value & 255]);
}

/** The little of CBOR (RFC 8949) that an attestation and a COSE key need. */
function cbor(value: Cbor): Buffer {
  if (typeof value === "number") return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === "string") return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  return Buffer.concat([head(5, value.size), ...[...value].flatMap(([key, item]) => [cbor(key), cbor(item)])]);
}

const sha256 = (data: Uint8Array | string): Buffer => createHash("sha256").update(data).digest();
const base64url = (data: Uint8Array | string): string => Buffer.from(data).toString("base64url");

export type Faults = {
  origin?: string;
  rpId?: string;
  /** Answers another challenge than the one that was asked. */
  challenge?: string;
  counter?: number;
  /** Leaves out that the device has checked the person. */
  isUserVerified?: boolean;
  /** Signs with another key. */
  isForged?: boolean;
};

export type SoftPasskey = {
  readonly credentialId: string;
  create(options: { challenge: string }, faults?: Faults): unknown;
  get(options: { challenge: string }, faults?: Faults): unknown;
};

const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const HAS_CREDENTIAL = 0x40;

/** A passkey of its own key pair (ES256), for one site. */
export function softPasskey(site: { origin: string; rpId: string }): SoftPasskey {
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const id = randomBytes(32);
  let counter = 0;

  function authData(faults: Faults, flags: number, credential: Buffer): Buffer {
    counter = faults.counter ?? counter + 1;
    const count = Buffer.alloc(4);
    count.writeUInt32BE(counter);
    const verified = faults.isUserVerified === false ? 0 : USER_VERIFIED;
    const flag = Buffer.from([USER_PRESENT | verified | flags]);
    return Buffer.concat([sha256(faults.rpId ?? site.rpId), flag, count, credential]);
  }
  const clientData = (type: string, asked: { challenge: string }, faults: Faults): string =>
    JSON.stringify({
      type,
      challenge: faults.challenge ?? asked.challenge,
      origin: faults.origin ?? site.origin,
      crossOrigin: false,
    });

  return {
    credentialId: base64url(id),
    create: (options, faults = {}) => {
      const jwk = keys.publicKey.export({ format: "jwk" });
      const cose = new Map<Cbor, Cbor>([
        [1, 2],
        [3, -7],
        [-1, 1],
        [-2, Buffer.from(jwk.x ?? "", "base64url")],
        [-3, Buffer.from(jwk.y ?? "", "base64url")],
      ]);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(id.length);
      const data = authData(faults, HAS_CREDENTIAL, Buffer.concat([Buffer.alloc(16), length, id, cbor(cose)]));
      const attestation = new Map<Cbor, Cbor>([
        ["fmt", "none"],
        ["attStmt", new Map<Cbor, Cbor>()],
        ["authData", data],
      ]);
      return {
        id: base64url(id),
        rawId: base64url(id),
        type: "public-key",
        response: {
          clientDataJSON: base64url(clientData("webauthn.create", options, faults)),
          attestationObject: base64url(cbor(attestation)),
          transports: ["internal"],
        },
        clientExtensionResults: {},
      };
    },
    get: (options, faults = {}) => {
      const data = authData(faults, 0, Buffer.alloc(0));
      const client = clientData("webauthn.get", options, faults);
      const key = faults.isForged === true ? stranger.privateKey : keys.privateKey;
      return {
        id: base64url(id),
        rawId: base64url(id),
        type: "public-key",
        response: {
          clientDataJSON: base64url(client),
          authenticatorData: base64url(data),
          signature: base64url(sign("sha256", Buffer.concat([data, sha256(client)]), key)),
        },
        clientExtensionResults: {},
      };
    },
  };
}
