import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { addMs } from "@/server/core/time";
import type { KlarnaOutcome } from "@/server/klarna/client";
import {
  InteroperabilitySchema,
  type KlarnaPaymentOption,
  type KlarnaPresentation,
  PresentationSchema,
  readInteroperability,
  readPresentation,
  type SessionHeaders,
} from "@/server/klarna/payments";
import { unknownWords } from "@/server/observability/metrics";
import { findPresentationPlace } from "./point-of-sale";

/* What a checkout or a kiosk may offer this customer: Klarna's own instruction, words and pictures. */

export type PaymentMethodsQuery = {
  /** Minor units of `currency`. */
  amount?: number | undefined;
  currency: string;
  country?: string | undefined;
  locale?: string | undefined;
  /** Id or reference. */
  store?: string | undefined;
  terminal?: string | undefined;
  intent?: "pay" | "subscribe" | "add_to_wallet" | undefined;
  networkSessionToken?: string | undefined;
  interoperabilityToken?: string | undefined;
};
export type PaymentMethod = {
  type: "klarna";
  available: boolean;
  reason: "temporarily_unavailable" | "not_available_here" | null;
  instruction: "show" | "preselect" | "show_only" | "hide";
  customer_action: "required" | "confirm_now";
  payment_option_id: string | null;
  texts: {
    header: string | null;
    subheader: string | null;
    message: string | null;
    badge: string | null;
    button: string | null;
    terms_url: string | null;
  };
  images: { badge: string | null; square: string | null; rectangle: string | null; alt: string | null };
  expires_at: string;
};

const METHOD_TTL_MS = 120_000;
/** Where Klarna did not answer nobody should wait two minutes to ask again. */
const RETRY_AFTER_MS = 5_000;
const METHODS_CACHED_MAX = 2_000;

type Asked = { until: number; answer: Promise<PaymentMethod> };
/** By the services, so that two of them in one process never share an answer. */
const caches = new WeakMap<ServiceContext["klarna"], Map<string, Asked>>();

/**
 * What Klarna says about showing itself here: availability by country, currency and amount, instruction, texts and images.
 * One call for many who ask the same at once; kept for two minutes at the most, and not at all where a session token makes it
 * personal. Honest when Klarna is down: `available` false with `temporarily_unavailable`, never an error.
 * A device names its Partner by itself; a person names one within its scope.
 * Errors: permission_denied, not_found, partner_not_operational, store_not_found, terminal_not_found. Source: KNR-F4, KNR-G3.
 */
export async function listPaymentMethods(
  ctx: ServiceContext,
  query: PaymentMethodsQuery,
  options: { partnerId?: string } = {},
): Promise<PaymentMethod[]> {
  requirePermission(ctx, "payments:read");
  const place = await findPresentationPlace(ctx, partnerOf(ctx, options.partnerId), query);
  const asked = { ...query, country: query.country ?? place.country ?? undefined };
  const session: SessionHeaders = {
    ...(query.networkSessionToken === undefined ? {} : { networkSessionToken: query.networkSessionToken }),
    ...(query.interoperabilityToken === undefined ? {} : { interoperabilityToken: query.interoperabilityToken }),
  };
  const isPersonal = Object.keys(session).length > 0;
  const { amount, currency, country, locale, intent } = asked;
  const key = JSON.stringify([
    ctx.scope.mode,
    place.accountId,
    [amount, currency, country, locale, intent],
    isPersonal ? ctx.secrets.hash(JSON.stringify(session), "session_token") : null,
  ]);
  const cache = caches.get(ctx.klarna) ?? new Map<string, Asked>();
  caches.set(ctx.klarna, cache);
  const known = cache.get(key);
  const now = ctx.clock.now().getTime();
  if (known && known.until > now) return [await known.answer];

  const answer = ask(ctx, place.accountId, asked, session);
  // While it is under way others wait for the same answer; a personal one is forgotten as soon as it is there.
  remember(cache, key, { until: now + METHOD_TTL_MS, answer });
  try {
    const method = await answer;
    if (isPersonal) forget(cache, key, answer);
    else if (method.reason === "temporarily_unavailable")
      remember(cache, key, { until: ctx.clock.now().getTime() + RETRY_AFTER_MS, answer });
    return [method];
  } catch (error) {
    forget(cache, key, answer);
    throw error;
  }
}

function remember(cache: Map<string, Asked>, key: string, asked: Asked): void {
  cache.delete(key);
  // The oldest goes first: a map keeps the order in which its keys came.
  for (const oldest of cache.keys()) {
    if (cache.size < METHODS_CACHED_MAX) break;
    cache.delete(oldest);
  }
  cache.set(key, asked);
}

function forget(cache: Map<string, Asked>, key: string, answer: Promise<PaymentMethod>): void {
  if (cache.get(key)?.answer === answer) cache.delete(key);
}

function partnerOf(ctx: ServiceContext, named: string | undefined): string {
  if (ctx.actor.kind === "DEVICE") return ctx.actor.partnerId;
  if (ctx.actor.kind === "API_KEY" && ctx.actor.partnerId !== null) return ctx.actor.partnerId;
  if (named === undefined) throw new AppError("permission_denied");
  if (ctx.scope.partners !== "all" && !ctx.scope.partners.includes(named)) throw new AppError("not_found");
  return named;
}

/** Both of Klarna's questions at once; the older one only adds to what the newer one says. */
async function ask(
  ctx: ServiceContext,
  accountId: string,
  query: PaymentMethodsQuery,
  session: SessionHeaders,
): Promise<PaymentMethod> {
  const target = { mode: ctx.scope.mode, accountId, sessionReference: ctx.requestId };
  const { amount, currency, country, locale } = query;
  const [presented, eligible] = await Promise.all([
    readPresentation(ctx.klarna, target, { currency, amount, locale, intent: query.intent?.toUpperCase() }, session),
    readInteroperability(ctx.klarna, target, { currency, amount, country }, session),
  ]);
  return toMethod(readPresented(presented), presented.kind === "refused", readStatus(eligible), ctx.clock.now());
}

function readPresented(outcome: KlarnaOutcome): KlarnaPresentation | null {
  const parsed = outcome.kind === "answered" ? PresentationSchema.safeParse(outcome.body) : null;
  return parsed?.success ? parsed.data : null;
}

/** Null where Klarna does not answer the older question, which may be gone one day. */
function readStatus(outcome: KlarnaOutcome): string | null {
  const parsed = outcome.kind === "answered" ? InteroperabilitySchema.safeParse(outcome.body) : null;
  return parsed?.success ? parsed.data.status.toUpperCase() : null;
}

const INSTRUCTIONS: Readonly<Record<string, PaymentMethod["instruction"]>> = {
  SHOW_KLARNA: "show",
  PRESELECT_KLARNA: "preselect",
  SHOW_ONLY_KLARNA: "show_only",
  HIDE_KLARNA: "hide",
};

function readInstruction(presentation: KlarnaPresentation): PaymentMethod["instruction"] {
  const word = presentation.instruction?.toUpperCase() ?? "SHOW_KLARNA";
  const known = INSTRUCTIONS[word];
  if (known === undefined) unknownWords.inc({ field: "presentation.instruction" });
  return known ?? "show";
}

/** The customer has finished and the Partner only has to confirm. */
const PENDING = new Set(["PENDING_PARTNER_AUTHORIZATION", "PAYMENT_PENDING_CONFIRMATION"]);

function toMethod(
  presentation: KlarnaPresentation | null,
  isRefused: boolean,
  status: string | null,
  now: Date,
): PaymentMethod {
  const isUnsupported = status === "PAYMENT_UNSUPPORTED" || presentation?.payment_status === "PAYMENT_UNSUPPORTED";
  const isPending = PENDING.has(status ?? "") || PENDING.has(presentation?.payment_status?.toUpperCase() ?? "");
  let instruction = presentation === null || isUnsupported ? "hide" : readInstruction(presentation);
  if (isPending && instruction !== "hide") instruction = "show_only";
  else if (status === "PAYMENT_PREPARED" && instruction === "show") instruction = "preselect";
  const given =
    presentation?.saved_payment_option ?? presentation?.payment_option ?? presentation?.payment_options?.[0];
  // Without Klarna's own words there is nothing that could be shown, whatever the instruction says.
  const isEmpty = instruction !== "hide" && given === undefined;
  if (isEmpty) instruction = "hide";
  const isDown = isEmpty || (presentation === null && !isRefused && !isUnsupported);
  const isOffered = instruction !== "hide";
  const option = isOffered ? given : undefined;
  return {
    type: "klarna",
    available: isOffered,
    reason: isDown ? "temporarily_unavailable" : isOffered ? null : "not_available_here",
    instruction,
    customer_action: isPending && isOffered ? "confirm_now" : "required",
    payment_option_id: option?.payment_option_id ?? null,
    texts: textsOf(option),
    images: imagesOf(option),
    expires_at: addMs(now, isDown ? RETRY_AFTER_MS : METHOD_TTL_MS).toISOString(),
  };
}

function textsOf(option: KlarnaPaymentOption | undefined): PaymentMethod["texts"] {
  const parts = option?.message?.parts?.map((part) => part.text ?? "").join("");
  return {
    header: option?.header?.text ?? null,
    subheader: option?.subheader?.text ?? null,
    message: option?.message?.text ?? (parts === undefined || parts === "" ? null : parts),
    badge: option?.badge?.text ?? null,
    button: option?.payment_button?.text ?? null,
    terms_url: webAddress(option?.terms?.url),
  };
}

function imagesOf(option: KlarnaPaymentOption | undefined): PaymentMethod["images"] {
  return {
    badge: webAddress(option?.icon?.badge_image_url),
    square: webAddress(option?.icon?.square_image_url),
    rectangle: webAddress(option?.icon?.rectangle_image_url),
    alt: option?.icon?.alt ?? null,
  };
}

/** Links and pictures go into Partners' pages: anything but a web address is left out. */
function webAddress(url: string | undefined): string | null {
  return url !== undefined && /^https?:\/\//i.test(url) ? url : null;
}
