import { createPrivateKey } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { TLSSocket } from "node:tls";
import type { Simulator } from "../simulator";
import { issueServerCertificate } from "./certificates";
import { authorityOf } from "./credentials";

/** A second address, which speaks TLS 1.2 or newer and asks for a client certificate, as Klarna's own does. */
export function createTlsServer(
  sim: Simulator,
  onRequest: (incoming: IncomingMessage, outgoing: ServerResponse) => void,
): Server {
  const authority = authorityOf(sim);
  const own = issueServerCertificate({ privateKey: createPrivateKey(authority.key) }, Date.now());
  return createServer(
    {
      key: own.key,
      cert: own.certificate,
      ca: authority.certificate,
      minVersion: "TLSv1.2",
      requestCert: true,
      // A missing or wrong certificate is told by header, and refused only once that is enforced.
      rejectUnauthorized: false,
    },
    onRequest,
  );
}

/** The certificate that the other end of a connection showed, as DER. */
export function peerCertificateOf(incoming: IncomingMessage): Uint8Array | undefined {
  const { socket } = incoming;
  if (!(socket instanceof TLSSocket)) return undefined;
  const certificate = socket.getPeerX509Certificate();
  return certificate?.raw;
}
