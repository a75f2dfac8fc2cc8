import { type ServiceContext, type Services, systemContext } from "@/server/context";
import { AppError, isAppError } from "@/server/core/errors";
import { type QrLook, qrSvg } from "@/server/core/qr";
import { MODES } from "@/server/core/schema";
import type { LogoPicture } from "@/server/domain/partners/service";
import type { PublicPayment } from "@/server/domain/payments/schema";
import { getPayment, getSurroundings, logoFor, PAYMENT_CHANNEL, storedLook } from "@/server/domain/payments/service";
import { eventStreams } from "@/server/observability/metrics";
import { type Call, defineEndpoint } from "../endpoint";
import { chosenLook, type QrQuery, QrQuerySchema, qrPng, requireScannable } from "../qr";
import { changeHub, eventsOf } from "../streams";
import { paymentParams } from "./shared";

/* What a till, a kiosk or the customer's screen needs while the customer pays: the code and the live state. */

const tag = "Payments";
const STREAMS_PER_PAYMENT_MAX = 20;
const STREAMS_MAX = 2_000;

const OPEN = new Set<PublicPayment["status"]>(["processing", "pending", "in_progress", "finalizing"]);

type DisplayCall = Pick<Call<{ id: string }, unknown, unknown>, "services" | "ctx" | "key" | "params">;

/** In a browser in the shop: no token in what scripts can read, and nothing that the Partner noted for itself. */
function forDisplay(payment: PublicPayment): PublicPayment {
  return { ...payment, display_url: payment.display_url.split("?")[0] ?? "", metadata: {} };
}

/**
 * Reads the payment for the holder of a key, or for its display, whose token names the payment but not the mode.
 * `context` is the one in whose mode it was found, once it was read.
 */
function readerOf({ services, ctx, key, params }: DisplayCall): {
  read: () => Promise<PublicPayment>;
  context: () => ServiceContext;
} {
  if (key) return { read: () => getPayment(ctx, params.id), context: () => ctx };
  let found: ServiceContext | null = null;
  const read = async (): Promise<PublicPayment> => {
    if (found) return forDisplay(await getPayment(found, params.id));
    for (const mode of MODES) {
      const inMode = { ...systemContext(services, "display", mode), requestId: ctx.requestId };
      try {
        const payment = await getPayment(inMode, params.id);
        found = inMode;
        return forDisplay(payment);
      } catch (error) {
        if (!isAppError(error) || error.status !== 404) throw error;
      }
    }
    throw new AppError("payment_not_found");
  };
  return { read, context: () => found ?? ctx };
}

/** The code's text with the look that is asked for. Errors: gone, validation_failed, payment_not_found. */
async function qrPicture(
  call: DisplayCall & { query: QrQuery },
): Promise<{ target: string; look: QrLook; logo: LogoPicture | null }> {
  const { read, context } = readerOf(call);
  const payment = await read();
  const target = payment.klarna.qr_code?.target_url;
  if (target === undefined || (payment.status !== "pending" && payment.status !== "in_progress")) {
    throw new AppError("gone", { detail: "The payment no longer waits for a customer, or has no QR code." });
  }
  const surroundings = await getSurroundings(context(), payment.id);
  const stored = storedLook(surroundings.settings, target);
  const wantsLogo = (call.query.logo ?? (stored.logo === null ? "none" : "brand")) === "brand";
  const logo = wantsLogo ? await logoFor(context(), { logo: 1 }, surroundings) : null;
  // A logo that is asked for is judged even where the brand has none yet.
  requireScannable(target, chosenLook(call.query, stored, wantsLogo));
  return { target, look: chosenLook(call.query, stored, logo !== null), logo };
}

const LOOKS =
  "What is left out is as the payment's terminal is set. A look that cameras could not read is refused: less than four modules of margin, colours too close or inverted, less than two pixels a module, a logo that hides more than the error correction makes good.";

export const qrSvgEndpoint = defineEndpoint({
  method: "GET",
  path: "/api/v1/payments/{id}/qr.svg",
  operation: "getPaymentQrSvg",
  summary: "The QR code as SVG",
  description: LOOKS,
  tag,
  access: "key_or_display",
  scope: "payments:read",
  notFound: "payment_not_found",
  params: paymentParams,
  query: QrQuerySchema,
  responses: { 200: { description: "The picture", content: "image/svg+xml" } },
  errors: ["gone"],
  handle: async (call) => {
    const { target, look, logo } = await qrPicture(call);
    return qrSvg(target, look, logo?.dataUri ?? null);
  },
  answer: (body) => ({
    status: 200,
    bytes: { type: "image/svg+xml; charset=utf-8", body },
    headers: { "content-security-policy": "default-src 'none'; img-src data:; frame-ancestors 'none'" },
  }),
});

export const qrPngEndpoint = defineEndpoint({
  method: "GET",
  path: "/api/v1/payments/{id}/qr.png",
  operation: "getPaymentQrPng",
  summary: "The QR code as PNG",
  description: LOOKS,
  tag,
  access: "key_or_display",
  scope: "payments:read",
  notFound: "payment_not_found",
  params: paymentParams,
  query: QrQuerySchema,
  responses: { 200: { description: "The picture", content: "image/png" } },
  errors: ["gone"],
  handle: async (call) => {
    const { target, look, logo } = await qrPicture(call);
    return qrPng(target, look, logo);
  },
  answer: (body) => ({ status: 200, bytes: { type: "image/png", body } }),
});

const openStreams = new WeakMap<Services["db"], Map<string, number>>();

function takeStream(services: Services, paymentId: string): () => void {
  const counts = openStreams.get(services.db) ?? new Map<string, number>();
  openStreams.set(services.db, counts);
  const here = counts.get(paymentId) ?? 0;
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (here >= STREAMS_PER_PAYMENT_MAX || all >= STREAMS_MAX) {
    throw new AppError("rate_limited", { detail: "Too many event streams are open.", retryAfterSeconds: 5 });
  }
  counts.set(paymentId, here + 1);
  eventStreams.inc();
  return () => {
    eventStreams.dec();
    const left = (counts.get(paymentId) ?? 1) - 1;
    if (left > 0) counts.set(paymentId, left);
    else counts.delete(paymentId);
  };
}

/** A state is said once: two of the same moment differ in what they say. */
function versionOf(payment: PublicPayment): string {
  return `${Date.parse(payment.updated_at)}-${payment.status}-${payment.amount_captured}-${payment.amount_refunded}`;
}

export const paymentEventsEndpoint = defineEndpoint({
  method: "GET",
  path: "/api/v1/payments/{id}/events",
  operation: "streamPayment",
  summary: "Follow a payment live",
  description:
    "Server-sent events: each message is the whole payment, the first one at once. The stream ends when the payment is authorized, completed or final; a browser that comes back after that gets 204.",
  tag,
  access: "key_or_display",
  scope: "payments:read",
  notFound: "payment_not_found",
  params: paymentParams,
  responses: {
    200: { description: "The stream", content: "text/event-stream", message: "Payment" },
    204: { description: "Nothing new will come" },
  },
  handle: async (call) => {
    const { read } = readerOf(call);
    const first = await read();
    if (!OPEN.has(first.status) && call.request.headers["last-event-id"] === versionOf(first)) return null;
    const { services, params, request } = call;
    let isFirst = true;
    const stream = eventsOf({
      read: async () => {
        if (isFirst) {
          isFirst = false;
          return first;
        }
        await call.recheck();
        return read();
      },
      isOver: (payment) => !OPEN.has(payment.status),
      versionOf,
      subscribe: (heard) => {
        const release = request.method === "HEAD" ? () => undefined : takeStream(services, params.id);
        const stop = changeHub(services, PAYMENT_CHANNEL).subscribe(params.id, heard);
        return () => {
          stop();
          release();
        };
      },
      signal: request.signal,
    });
    return stream;
  },
  answer: (stream) =>
    stream === null ? { status: 204 } : { status: 200, stream, headers: { "x-accel-buffering": "no" } },
});
