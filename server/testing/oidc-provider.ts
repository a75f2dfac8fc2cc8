import { createHash, createPublicKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";

/*
 * A provider of single sign-on on this machine: OpenID Connect with authorization code and PKCE, and every part open to
 * be done wrongly. It asks nobody anything: `person` says who sits at the browser.
 */

export type OidcPerson = {
  sub: string;
  email?: string;
  email_verified?: boolean;
  amr?: readonly string[];
};

export type OidcFaults = {
  /** Says another nonce, issuer or audience than it was asked for. */
  nonce?: string;
  issuer?: string;
  audience?: string;
  /** Signs with a key that it does not publish. */
  isForged?: boolean;
  isExpired?: boolean;
};

export type TestOidcProvider = {
  issuer: string;
  clientId: string;
  clientSecret: string;
  person: OidcPerson;
  faults: OidcFaults;
  /** What the browser does at the provider: the address that it is sent back to. */
  authorize(url: URL): URL;
  /** How often a code was exchanged. */
  exchanges(): number;
  close(): Promise<void>;
};

const base64url = (data: string | Uint8Array): string => Buffer.from(data).toString("base64url");
const KEY_ID = "key-1";

async function bodyOf(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return new URLSearchParams(Buffer.concat(chunks).toString("utf8"));
}

export async function testOidcProvider(): Promise<TestOidcProvider> {
  const keys = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const stranger = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const codes = new Map<string, { challenge: string; nonce: string; redirectUri: string; person: OidcPerson }>();
  let exchanges = 0;
  const clientId = "tillgate-test";
  const clientSecret = randomBytes(24).toString("base64url");
  const provider = { issuer: "", person: { sub: "nobody" }, faults: {} } as Pick<
    TestOidcProvider,
    "issuer" | "person" | "faults"
  >;

  const idToken = (grant: { nonce: string; person: OidcPerson }): string => {
    const now = Math.floor(Date.now() / 1_000);
    const { faults } = provider;
    const head = base64url(JSON.stringify({ alg: "RS256", kid: KEY_ID, typ: "JWT" }));
    const body = base64url(
      JSON.stringify({
        ...grant.person,
        iss: faults.issuer ?? provider.issuer,
        aud: faults.audience ?? clientId,
        nonce: faults.nonce ?? grant.nonce,
        iat: faults.isExpired === true ? now - 7_200 : now,
        exp: faults.isExpired === true ? now - 3_600 : now + 300,
      }),
    );
    const key = faults.isForged === true ? stranger.privateKey : keys.privateKey;
    return `${head}.${body}.${base64url(sign("sha256", Buffer.from(`${head}.${body}`), key))}`;
  };

  const authorize = (url: URL): URL => {
    const asked = (name: string): string => url.searchParams.get(name) ?? "";
    if (asked("code_challenge_method") !== "S256" || asked("code_challenge") === "") throw new Error("no PKCE");
    if (asked("response_type") !== "code" || asked("client_id") !== clientId) throw new Error("another client");
    const code = randomBytes(16).toString("base64url");
    codes.set(code, {
      challenge: asked("code_challenge"),
      nonce: asked("nonce"),
      redirectUri: asked("redirect_uri"),
      person: provider.person,
    });
    const back = new URL(asked("redirect_uri"));
    back.searchParams.set("code", code);
    back.searchParams.set("state", asked("state"));
    return back;
  };

  const server = createServer((request, response) => {
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    const url = new URL(request.url ?? "/", "http://provider.invalid");
    const { pathname } = url;
    if (pathname === "/.well-known/openid-configuration") {
      answer(200, {
        issuer: provider.issuer,
        authorization_endpoint: `${provider.issuer}/authorize`,
        token_endpoint: `${provider.issuer}/token`,
        jwks_uri: `${provider.issuer}/keys`,
        response_types_supported: ["code"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["RS256"],
        token_endpoint_auth_methods_supported: ["client_secret_post", "client_secret_basic"],
        code_challenge_methods_supported: ["S256"],
      });
    } else if (pathname === "/authorize") {
      response.writeHead(302, { location: authorize(url).href }).end();
    } else if (pathname === "/keys") {
      const jwk = createPublicKey(keys.privateKey).export({ format: "jwk" });
      answer(200, { keys: [{ ...jwk, kid: KEY_ID, alg: "RS256", use: "sig" }] });
    } else if (pathname === "/token") {
      void bodyOf(request).then((form) => {
        exchanges += 1;
        const grant = codes.get(form.get("code") ?? "");
        codes.delete(form.get("code") ?? "");
        const challenge = createHash("sha256")
          .update(form.get("code_verifier") ?? "")
          .digest("base64url");
        const isClient = form.get("client_id") === clientId && form.get("client_secret") === clientSecret;
        if (!isClient) answer(401, { error: "invalid_client" });
        else if (!grant || grant.challenge !== challenge || grant.redirectUri !== form.get("redirect_uri"))
          answer(400, { error: "invalid_grant" });
        else answer(200, { access_token: "none", token_type: "Bearer", expires_in: 60, id_token: idToken(grant) });
      });
    } else answer(404, {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return Object.assign(provider, {
    issuer: `http://127.0.0.1:${address.port}`,
    clientId,
    clientSecret,
    authorize,
    exchanges: () => exchanges,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
