import { type Context, Hono } from "hono";
import { html } from "hono/html";
import { toBuffer, toString as toText } from "qrcode";
import type { Classic } from "../classic/context";
import { acceptOnPhone, leavePhone, openPhone, refuseOnPhone } from "../classic/customer";
import { fillMerchantUrl } from "../classic/hpp";
import type { ClassicSession, ShortCode } from "../classic/model";
import { isOpenSession, touchSession } from "../classic/session-states";
import { paymentLink } from "../classic/session-views";
import { createShortCode } from "../classic/short-codes";
import { SimulatedError } from "../errors";
import { isDeniedPerson } from "../markets";
import { type Journey, LineItemSchema, PlanSchema, type RequestState } from "../model";
import { nowFor } from "../simulator";
import { journeyPage, leftPage, missingPage, type Shown } from "./journey";
import { type Markup, PAGE_HEADERS, phonePage, picture } from "./layout";

/** The customer's phone for classic sessions, and the printed QR code that hands out short codes. */

const QR_WIDTH_PX = 600;
const WRONG_CODE = "999999";

const STATE_OF: Record<ClassicSession["status"], RequestState> = {
  WAITING: "SUBMITTED",
  DISTRIBUTED: "SUBMITTED",
  ACCESSED: "IN_PROGRESS",
  COMPLETED: "COMPLETED",
  CANCELLED: "CANCELED",
  FAILED: "DECLINED",
};

/** A session as the journey's pages see it: they show the same to the customer, whatever the till talks. */
function asRequest(classic: Classic, session: ClassicSession): Shown {
  const hpp = session.hpp_session_id === null ? undefined : classic.sim.state.hppSessions.get(session.hpp_session_id);
  const urls = hpp?.merchant_urls;
  const target = session.status === "COMPLETED" ? urls?.success : (urls?.failure ?? urls?.cancel);
  const isLate = session.error_code === "SESSION_EXPIRED";
  return {
    payment_request_id: session.session_id,
    payment_request_reference: session.merchant_reference1,
    amount: session.order_amount,
    currency: session.purchase_currency,
    country: session.purchase_country,
    state: isLate ? "EXPIRED" : STATE_OF[session.status],
    return_url: hpp === undefined || typeof target !== "string" ? null : fillMerchantUrl(classic, hpp, target),
    purchase_reference: session.merchant_reference1,
    store: session.store,
    terminal_reference: session.terminal_reference,
    line_items: session.order_lines.flatMap((line) => {
      const item = LineItemSchema.safeParse(line);
      return item.success ? [item.data] : [];
    }),
    customer_token_request: null,
    is_token_only: false,
    session_token: null,
    payment_token: null,
    final: session.order_id === null ? null : { result: "APPROVED", payment_transaction_id: null, body: "", at: 0 },
    journey: session.journey,
  };
}

export function createClassicPages(classic: Classic): Hono {
  const app = new Hono();
  const { sim } = classic;

  function send(c: Context, page: Markup, status: 200 | 404 | 410 = 200) {
    for (const [name, value] of Object.entries(PAGE_HEADERS)) c.header(name, value);
    return c.html(page, status);
  }

  function find(id: string | undefined): ClassicSession | null {
    const session = id === undefined ? undefined : sim.state.classicSessions.get(id);
    return session === undefined ? null : touchSession(classic, session);
  }

  function pathOf(c: Context): string {
    return `/${c.req.param("region") ?? "eu"}/in-store/${c.req.param("id") ?? ""}`;
  }

  function contextOf(c: Context, session: ClassicSession) {
    const account = sim.state.accounts.get(session.account_id);
    return {
      request: asRequest(classic, session),
      partner: account?.name ?? "The store",
      now: nowFor(sim, account),
      path: pathOf(c),
    };
  }

  async function sendQr(c: Context, url: string, format: string | undefined) {
    const headers = { "cache-control": "private, max-age=300", "x-content-type-options": "nosniff" };
    if (format === "svg") {
      const svg = await toText(url, { type: "svg", margin: 4, errorCorrectionLevel: "M" });
      return c.body(svg, 200, { ...headers, "content-type": "image/svg+xml" });
    }
    if (format !== "png") return c.notFound();
    const png = await toBuffer(url, { type: "png", width: QR_WIDTH_PX, margin: 4, errorCorrectionLevel: "M" });
    return c.body(new Uint8Array(png), 200, { ...headers, "content-type": "image/png" });
  }

  app.get("/qr/in-store/:file", (c) => {
    const [id, format] = c.req.param("file").split(".");
    const session = find(id);
    return session === null ? c.notFound() : sendQr(c, paymentLink(classic, session), format);
  });

  app.get("/:region{[a-z]{2,4}}/in-store/:id/start", async (c) => {
    const session = find(c.req.param("id"));
    if (session === null) return send(c, missingPage(), 404);
    if (isOpenSession(session)) openPhone(classic, session);
    await sim.state.durable();
    return send(c, journeyPage(contextOf(c, session)));
  });

  app.get("/:region{[a-z]{2,4}}/in-store/:id/left", (c) => {
    const session = find(c.req.param("id"));
    if (session === null) return send(c, missingPage(), 404);
    const context = contextOf(c, session);
    return send(c, session.status === "DISTRIBUTED" ? leftPage(context) : journeyPage(context));
  });

  app.get("/:region{[a-z]{2,4}}/in-store/:id/state", (c) => {
    const session = find(c.req.param("id"));
    if (session === null) return c.json({ state: "UNKNOWN" }, 404);
    const { state, final } = asRequest(classic, session);
    return c.json({ state: final === null ? state : `${state} ${final.result}` }, 200, { "cache-control": "no-store" });
  });

  function onTap(
    step: "phone" | "code" | "plan" | "decision",
    tap: (session: ClassicSession, journey: Journey, form: (name: string) => string) => string | null,
  ): void {
    app.post(`/:region{[a-z]{2,4}}/in-store/:id/${step}`, async (c) => {
      const session = find(c.req.param("id"));
      if (session === null) return send(c, missingPage(), 404);
      const form: Record<string, unknown> = await c.req.parseBody();
      let next: string | null = null;
      if (isOpenSession(session)) {
        openPhone(classic, session);
        const { journey } = session;
        if (journey !== null) {
          journey.problem = null;
          try {
            next = tap(session, journey, (name) => {
              const value = form[name];
              return typeof value === "string" ? value : "";
            });
          } catch (error) {
            if (!(error instanceof SimulatedError)) throw error;
            journey.problem = error.message;
          }
        }
        sim.state.classicSessions.put(session);
        await sim.state.durable();
      }
      return c.redirect(`${pathOf(c)}/${next ?? "start"}`, 303);
    });
  }

  onTap("phone", (_session, journey, form) => {
    const phone = form("phone").trim().slice(0, 30);
    journey.persona = form("persona") === "denied" || isDeniedPerson(undefined, phone) ? "denied" : "approved";
    journey.phone = phone;
    journey.step = "code";
    return null;
  });

  onTap("code", (session, journey, form) => {
    const code = form("code").replace(/\s/g, "");
    if (!/^\d{6}$/.test(code) || code === WRONG_CODE) {
      journey.problem = "That code is not right. Please try again.";
      return null;
    }
    if (journey.persona === "denied") refuseOnPhone(classic, session, true);
    else journey.step = "plan";
    return null;
  });

  onTap("plan", (_session, journey, form) => {
    journey.plan = PlanSchema.catch("pay_now").parse(form("plan"));
    journey.step = "review";
    return null;
  });

  onTap("decision", (session, _journey, form) => {
    switch (form("decision")) {
      case "approve":
        acceptOnPhone(classic, session);
        return null;
      case "refuse":
        refuseOnPhone(classic, session, false);
        return null;
      default:
        leavePhone(classic, session);
        return "left";
    }
  });

  // --- the printed QR code ---

  const staticUrl = (): string => `${sim.publicUrl()}/static-qr`;

  /** What the printed code leads to: every scan gets a code of its own. */
  app.get("/static-qr", async (c) => {
    const visit = createShortCode(classic);
    await sim.state.durable();
    return c.redirect(`/static-qr/visits/${visit.visit_id}`, 303);
  });

  app.get("/static-qr/:picture{picture\\.(?:png|svg)}", (c) =>
    sendQr(c, staticUrl(), c.req.param("picture").slice("picture.".length)),
  );

  app.get("/static-qr/print", (c) => send(c, posterPage()));

  app.get("/static-qr/visits/:id", (c) => {
    const visit = sim.state.shortCodes.get(c.req.param("id"));
    if (visit === undefined) return send(c, overPage(), 404);
    const session = find(visit.session_id ?? undefined);
    if (session !== null) return c.redirect(new URL(paymentLink(classic, session)).pathname, 303);
    if (visit.expires_at <= nowFor(sim, undefined)) return send(c, overPage(), 410);
    return send(c, shortCodePage(visit));
  });

  app.get("/static-qr/visits/:id/state", (c) => {
    const visit = sim.state.shortCodes.get(c.req.param("id"));
    const isOver = visit === undefined || visit.expires_at <= nowFor(sim, undefined);
    const state = visit?.session_id === null || visit === undefined ? (isOver ? "OVER" : "WAITING") : "LINKED";
    return c.json({ state }, 200, { "cache-control": "no-store" });
  });

  return app;
}

function shortCodePage(visit: ShortCode): Markup {
  return phonePage({
    title: "Your code",
    attributes: html`data-watch="/static-qr/visits/${visit.visit_id}/state" data-state="WAITING"`,
    body: html`<main class="result"><h1>Read this code to the cashier</h1>
<p class="digits" aria-label="${visit.short_code.split("").join(" ")}">${visit.short_code.slice(0, 3)}<span> </span>${visit.short_code.slice(3)}</p>
<p>The payment opens here by itself as soon as the code is typed in at the till.</p>
<p class="waiting"><i></i><i></i><i></i><span class="sr">Waiting for the till</span></p></main>`,
  });
}

function overPage(): Markup {
  return phonePage({
    title: "Code is over",
    body: html`<main class="result">${picture("time")}<h1>This code is over</h1><p>A code works for fifteen minutes and one payment. Get a new one.</p>
<a class="button" href="/static-qr">New code</a></main>`,
  });
}

function posterPage(): Markup {
  return phonePage({
    title: "QR code to print",
    body: html`<main class="result poster"><img src="/static-qr/picture.svg" alt="QR code" width="280" height="280"><h1>Scan to pay</h1><p>Read the code on your phone to the cashier.</p>
<a class="button" href="/static-qr">What the customer sees</a></main>`,
  });
}
