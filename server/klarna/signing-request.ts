import { generateKeyPairSync, sign } from "node:crypto";

/*
 * A certificate signing request (PKCS #10) for a new key on the curve P-256. Node makes keys and signatures; the few
 * structures around them are written here. Source: RFC 2986, RFC 5480.
 */

function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
const sequence = (...parts: Uint8Array[]): Buffer => der(0x30, ...parts);
/** 2.5.4.3 */
const COMMON_NAME = Buffer.from([0x06, 0x03, 0x55, 0x04, 0x03]);
/** 1.2.840.10045.4.3.2 */
const ECDSA_WITH_SHA256 = Buffer.from([0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]);

/** A new key and the request for its certificate, both PEM. The private key never leaves us but sealed. */
export function createSigningRequest(commonName: string): { privateKey: string; request: string } {
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const subject = sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(commonName.slice(0, 64), "utf8")))));
  const info = sequence(
    der(0x02, Buffer.from([0])),
    subject,
    keys.publicKey.export({ format: "der", type: "spki" }),
    der(0xa0),
  );
  const signature = sign("sha256", info, keys.privateKey);
  const request = sequence(info, sequence(ECDSA_WITH_SHA256), der(0x03, Buffer.from([0]), signature));
  const lines = request.toString("base64").match(/.{1,64}/g) ?? [];
  return {
    privateKey: keys.privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
    request: `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join("\n")}\n-----END CERTIFICATE REQUEST-----\n`,
  };
}
