import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from "node:crypto";
import {
  bits,
  childrenOf,
  DerError,
  der,
  explicit,
  fromPem,
  integer,
  octets,
  oid,
  readDer,
  sequence,
  set,
  text,
  time,
  toPem,
  yes,
} from "./der";

/** The simulator's own certificate authority: signs the acquirer's requests, and the simulator's TLS address. */

const COMMON_NAME = "2.5.4.3";
const ECDSA_SHA256 = "1.2.840.10045.4.3.2";
const DIGESTS: Readonly<Record<string, string>> = {
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
};
const RSA_BITS_MIN = 2_048;
const DAY_MS = 86_400_000;
const CA_YEARS_MS = 20 * 365 * DAY_MS;

const nameOf = (commonName: string): Buffer => sequence(set(sequence(oid(COMMON_NAME), text(commonName))));
const extension = (id: string, value: Buffer, isCritical = false): Buffer =>
  isCritical ? sequence(oid(id), yes(), octets(value)) : sequence(oid(id), octets(value));

type CertificateInput = {
  subject: Buffer;
  spki: Buffer;
  issuer: Buffer;
  issuerKey: KeyObject;
  notBefore: number;
  notAfter: number;
  extensions: Buffer[];
};

/** Which key it holds and which one signed it: strict readers want both. */
function keyIds(input: CertificateInput): Buffer[] {
  const idOf = (spki: Buffer): Buffer => createHash("sha1").update(spki).digest();
  const issuerSpki = createPublicKey(input.issuerKey).export({ format: "der", type: "spki" });
  return [
    extension("2.5.29.14", octets(idOf(input.spki))),
    extension("2.5.29.35", sequence(der(0x80, idOf(issuerSpki)))),
  ];
}

function writeCertificate(input: CertificateInput): string {
  const algorithm = sequence(oid(ECDSA_SHA256));
  const body = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    input.issuer,
    sequence(time(input.notBefore), time(input.notAfter)),
    input.subject,
    input.spki,
    explicit(3, sequence(...input.extensions, ...keyIds(input))),
  );
  const signature = sign("sha256", body, input.issuerKey);
  return toPem(sequence(body, algorithm, bits(signature)), "CERTIFICATE");
}

const CA_NAME = "Simulator Client CA";

export function createAuthority(now: number): { key: string; certificate: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const certificate = writeCertificate({
    subject: nameOf(CA_NAME),
    issuer: nameOf(CA_NAME),
    issuerKey: privateKey,
    spki: publicKey.export({ format: "der", type: "spki" }),
    notBefore: now - DAY_MS,
    notAfter: now + CA_YEARS_MS,
    extensions: [
      extension("2.5.29.19", sequence(yes()), true),
      extension("2.5.29.15", bits(Buffer.from([0x06]), 1), true),
    ],
  });
  return { key: privateKey.export({ format: "pem", type: "pkcs8" }).toString(), certificate };
}

export type SigningRequest = { subject: Buffer; spki: Buffer };

/** Reads a PKCS #10 request and checks that its sender holds the key. Throws a DerError whose message is the reason. */
export function readSigningRequest(pem: string): SigningRequest {
  const [info, algorithm, signature] = childrenOf(readDer(fromPem(pem, "CERTIFICATE REQUEST")));
  if (info === undefined || algorithm === undefined || signature === undefined) throw new DerError("is not complete");
  const [version, subject, spki] = childrenOf(info);
  const algorithmId = childrenOf(algorithm)[0];
  if (version === undefined || subject === undefined || spki === undefined || algorithmId === undefined) {
    throw new DerError("is not complete");
  }
  const digest = Object.entries(DIGESTS).find(([id]) => oid(id).equals(algorithmId.raw))?.[1];
  if (digest === undefined) throw new DerError("is signed in a way that is not accepted");
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(spki.raw), format: "der", type: "spki" });
  } catch {
    throw new DerError("holds no usable public key");
  }
  const isSmall = key.asymmetricKeyType === "rsa" && (key.asymmetricKeyDetails?.modulusLength ?? 0) < RSA_BITS_MIN;
  if (isSmall) throw new DerError(`needs an RSA key of at least ${RSA_BITS_MIN} bits`);
  if (!verify(digest, info.raw, key, signature.content.subarray(1))) throw new DerError("has a wrong signature");
  return { subject: Buffer.from(subject.raw), spki: Buffer.from(spki.raw) };
}

type Authority = { key: string; certificate: string };

export function issueClientCertificate(
  authority: { privateKey: KeyObject },
  request: SigningRequest,
  notBefore: number,
  notAfter: number,
): string {
  return writeCertificate({
    subject: request.subject,
    spki: request.spki,
    issuer: nameOf(CA_NAME),
    issuerKey: authority.privateKey,
    notBefore,
    notAfter,
    extensions: [
      extension("2.5.29.19", sequence(), true),
      extension("2.5.29.15", bits(Buffer.from([0x80]), 7), true),
      extension("2.5.29.37", sequence(oid("1.3.6.1.5.5.7.3.2"))),
    ],
  });
}

/** A key and a certificate for this machine's names, for an address that speaks TLS. */
export function issueServerCertificate(authority: { privateKey: KeyObject }, now: number): Authority {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const certificate = writeCertificate({
    subject: nameOf("localhost"),
    spki: publicKey.export({ format: "der", type: "spki" }),
    issuer: nameOf(CA_NAME),
    issuerKey: authority.privateKey,
    notBefore: now - DAY_MS,
    notAfter: now + 365 * DAY_MS,
    extensions: [
      extension("2.5.29.19", sequence(), true),
      extension("2.5.29.37", sequence(oid("1.3.6.1.5.5.7.3.1"))),
      extension(
        "2.5.29.17",
        sequence(der(0x82, Buffer.from("localhost", "latin1")), der(0x87, Buffer.from([127, 0, 0, 1]))),
      ),
    ],
  });
  return { key: privateKey.export({ format: "pem", type: "pkcs8" }).toString(), certificate };
}

/** A signing request, as an acquirer's software would make it. For tests and for trying things out. */
export function createSigningRequest(
  commonName: string,
  keys: { privateKey: KeyObject; publicKey: KeyObject },
): string {
  const info = sequence(
    integer(Buffer.from([0])),
    nameOf(commonName),
    keys.publicKey.export({ format: "der", type: "spki" }),
    der(0xa0),
  );
  const signature = sign("sha256", info, keys.privateKey);
  return toPem(sequence(info, sequence(oid(ECDSA_SHA256)), bits(signature)), "CERTIFICATE REQUEST");
}
