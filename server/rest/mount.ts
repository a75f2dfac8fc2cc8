import { webServices } from "@/server/auth/web";
import { ENDPOINTS } from "./endpoints";
import { BODY_MAX_BYTES, type RestRequest, type RestResponse } from "./http";
import { createRest, type Rest } from "./run";

/*
 * The declared endpoints as route handlers of the Next app, so that the app alone is complete. The front door normally
 * serves them itself.
 */

type Handler = (request: Request) => Promise<Response>;
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
type Handlers = Readonly<Record<(typeof METHODS)[number], Handler>>;

const HOLDER = Symbol.for("tillgate.web.rest");
type Holder = typeof globalThis & { [HOLDER]?: Rest };

/** One for all routes of this process, made on first use: a build must not open connections. */
function rest(): Rest {
  const holder: Holder = globalThis;
  holder[HOLDER] ??= createRest(webServices());
  return holder[HOLDER];
}

/** All methods of one declared path. Methods that it does not have are answered with 405 by the same code. */
export function mount(path: string): Handlers {
  if (!path.includes("*") && !ENDPOINTS.some((endpoint) => endpoint.path === path))
    throw new Error(`${path} is not declared`);
  const handler: Handler = async (request) => toWebResponse(await rest().handle(await toRestRequest(request)));
  return {
    GET: handler,
    HEAD: handler,
    POST: handler,
    PUT: handler,
    PATCH: handler,
    DELETE: handler,
    OPTIONS: handler,
  };
}

async function toRestRequest(request: Request): Promise<RestRequest> {
  const url = new URL(request.url);
  return {
    method: request.method,
    target: `${url.pathname}${url.search}`,
    headers: Object.fromEntries(request.headers),
    // Next does not tell the address of the connection, and a header can be made up: keys with a list of addresses are refused.
    address: null,
    body: await readAtMost(request.body, BODY_MAX_BYTES),
    signal: request.signal,
  };
}

/** The bytes of a stream, null when there are more than wanted. */
export async function readAtMost(
  stream: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<Uint8Array | null> {
  if (!stream) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.byteLength;
    if (size > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function toWebResponse(answer: RestResponse): Response {
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) {
    for (const line of value.split("\n")) headers.append(name, line);
  }
  return new Response(toBody(answer.body), { status: answer.status, headers });
}

function toBody(body: RestResponse["body"]): BodyInit | null {
  if (body === null || typeof body === "string") return body;
  if (body instanceof Uint8Array) return new Uint8Array(body);
  const parts = body[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const next = await parts.next();
      if (next.done) controller.close();
      else controller.enqueue(encoder.encode(next.value));
    },
    cancel: async () => {
      await parts.return?.();
    },
  });
}
