import { type Context, Hono } from "hono";
import { toBuffer, toString as toText } from "qrcode";
import { completeJourney, declineJourney, leaveJourney, openJourney } from "../customer";
import { SimulatedError } from "../errors";
import { requestIdOf } from "../ids";
import { isDeniedPerson } from "../markets";
import { type Account, type Journey, type PaymentRequest, PlanSchema } from "../model";
import { isOpen, journeyUrl, touchRequest } from "../requests";
import { nowFor, type Simulator } from "../simulator";
import { ASSETS } from "./assets";
import { journeyPage, leftPage, missingPage } from "./journey";
import { type Markup, PAGE_HEADERS } from "./layout";

const QR_WIDTH_PX = 600;
const WRONG_CODE = "999999";

/** Addresses that a person or a picture viewer opens: journey, QR codes, assets. */
export function createPages(sim: Simulator): Hono {
  const app = new Hono();

  function send(c: Context, page: Markup, status: 200 | 404 = 200) {
    for (const [name, value] of Object.entries(PAGE_HEADERS)) c.header(name, value);
    return c.html(page, status);
  }

  function find(uuid: string): { account: Account; request: PaymentRequest } | null {
    const request = sim.state.requests.get(requestIdOf(uuid));
    const account = request === undefined ? undefined : sim.state.accounts.get(request.account_id);
    if (request === undefined || account === undefined) return null;
    touchRequest(sim, account, request);
    return { account, request };
  }

  function contextOf(c: Context, account: Account, request: PaymentRequest) {
    return {
      request,
      partner: account.name,
      now: nowFor(sim, account),
      path: `/${c.req.param("region") ?? "eu"}/requests/${c.req.param("uuid") ?? ""}`,
    };
  }

  app.get("/assets/:name", (c) => {
    const asset = ASSETS[c.req.param("name")];
    if (asset === undefined) return c.notFound();
    return c.body(asset.body, 200, {
      "content-type": asset.type,
      "cache-control": "no-cache",
      "x-content-type-options": "nosniff",
    });
  });

  app.get("/qr/:file", async (c) => {
    const [uuid = "", format] = c.req.param("file").split(".");
    const found = find(uuid);
    if (found === null) return c.notFound();
    const url = journeyUrl(sim, found.request);
    const headers = { "cache-control": "private, max-age=300", "x-content-type-options": "nosniff" };
    if (format === "svg") {
      const svg = await toText(url, { type: "svg", margin: 4, errorCorrectionLevel: "M" });
      return c.body(svg, 200, { ...headers, "content-type": "image/svg+xml" });
    }
    if (format !== "png") return c.notFound();
    const png = await toBuffer(url, { type: "png", width: QR_WIDTH_PX, margin: 4, errorCorrectionLevel: "M" });
    return c.body(new Uint8Array(png), 200, { ...headers, "content-type": "image/png" });
  });

  app.get("/:region{[a-z]{2,4}}/requests/:uuid/start", async (c) => {
    const found = find(c.req.param("uuid"));
    if (found === null) return send(c, missingPage(), 404);
    const { account, request } = found;
    if (isOpen(request)) openJourney(sim, account, request);
    await sim.state.durable();
    return send(c, journeyPage(contextOf(c, account, request)));
  });

  app.get("/:region{[a-z]{2,4}}/requests/:uuid/left", (c) => {
    const found = find(c.req.param("uuid"));
    if (found === null) return send(c, missingPage(), 404);
    const context = contextOf(c, found.account, found.request);
    return send(c, found.request.state === "SUBMITTED" ? leftPage(context) : journeyPage(context));
  });

  app.get("/:region{[a-z]{2,4}}/requests/:uuid/state", (c) => {
    const found = find(c.req.param("uuid"));
    if (found === null) return c.json({ state: "UNKNOWN" }, 404);
    const { state, final } = found.request;
    return c.json({ state: final === null ? state : `${state} ${final.result}` }, 200, { "cache-control": "no-store" });
  });

  /** One tap: changes the journey while it is open, then shows where it stands. A tap that comes too late changes nothing. */
  function onTap(
    step: "phone" | "code" | "plan" | "decision",
    tap: (account: Account, request: PaymentRequest, journey: Journey, form: (name: string) => string) => string | null,
  ): void {
    app.post(`/:region{[a-z]{2,4}}/requests/:uuid/${step}`, async (c) => {
      const found = find(c.req.param("uuid"));
      if (found === null) return send(c, missingPage(), 404);
      const { account, request } = found;
      const form: Record<string, unknown> = await c.req.parseBody();
      let next: string | null = null;
      if (isOpen(request)) {
        openJourney(sim, account, request);
        const { journey } = request;
        if (journey !== null) {
          journey.problem = null;
          try {
            next = tap(account, request, journey, (name) => {
              const value = form[name];
              return typeof value === "string" ? value : "";
            });
          } catch (error) {
            if (!(error instanceof SimulatedError)) throw error;
            journey.problem = error.message;
          }
        }
        sim.state.requests.put(request);
        await sim.state.durable();
      }
      return c.redirect(`${contextOf(c, account, request).path}/${next ?? "start"}`, 303);
    });
  }

  onTap("phone", (_account, _request, journey, form) => {
    const phone = form("phone").trim().slice(0, 30);
    journey.persona = form("persona") === "denied" || isDeniedPerson(undefined, phone) ? "denied" : "approved";
    journey.phone = phone;
    journey.step = "code";
    return null;
  });

  onTap("code", (account, request, journey, form) => {
    const code = form("code").replace(/\s/g, "");
    if (!/^\d{6}$/.test(code) || code === WRONG_CODE) {
      journey.problem = "That code is not right. Please try again.";
      return null;
    }
    if (journey.persona === "denied") {
      declineJourney(sim, account, request);
      return null;
    }
    journey.step = request.is_token_only ? "review" : "plan";
    return null;
  });

  onTap("plan", (_account, _request, journey, form) => {
    journey.plan = PlanSchema.catch("pay_now").parse(form("plan"));
    journey.step = "review";
    return null;
  });

  onTap("decision", (account, request, _journey, form) => {
    switch (form("decision")) {
      case "approve":
        completeJourney(sim, account, request);
        return null;
      case "refuse":
        declineJourney(sim, account, request);
        return null;
      default:
        leaveJourney(sim, account, request);
        return "left";
    }
  });

  return app;
}
