import { html } from "hono/html";
import { personOf } from "../markets";
import type { Journey, PaymentRequest, Plan } from "../model";
import { formatDay, formatMoney, splitAmount } from "./format";
import { type Markup, phonePage, picture } from "./layout";

/** The customer's phone: who, code, plan, review, and what became of it. Each step is a form that works without script. */

const DAY_MS = 86_400_000;
const FINANCING_MONTHS = 6;
const STEPS: Journey["step"][] = ["phone", "code", "plan", "review"];
const STEP_NAMES = ["Phone", "Code", "Plan", "Review"];

/** What the pages show of a payment request, or of a classic session that looks like one. */
export type Shown = Pick<
  PaymentRequest,
  | "amount"
  | "country"
  | "currency"
  | "customer_token_request"
  | "final"
  | "is_token_only"
  | "journey"
  | "line_items"
  | "payment_request_id"
  | "payment_request_reference"
  | "payment_token"
  | "purchase_reference"
  | "return_url"
  | "session_token"
  | "state"
  | "store"
  | "terminal_reference"
>;

type Context = { request: Shown; partner: string; now: number; path: string };

function money(request: Shown, amount = request.amount): string {
  return formatMoney(amount, request.currency, request.country);
}

/** Where the money goes: the store, or the Partner itself on the web. */
function storeName({ request, partner }: Context): string {
  return request.store?.name ?? partner;
}

function page(context: Context, title: string, body: Markup): Markup {
  const { request, path } = context;
  const watched = request.final === null ? request.state : `${request.state} ${request.final.result}`;
  return phonePage({ title, body, attributes: html`data-watch="${path}/state" data-state="${watched}"` });
}

function steps(request: Shown, current: Journey["step"]): Markup {
  const shown = request.is_token_only ? STEPS.filter((step) => step !== "plan") : STEPS;
  const position = shown.indexOf(current);
  return html`<ol class="steps">${shown.map(
    (step, index) =>
      html`<li class="${index <= position ? "on" : ""}"><span>${STEP_NAMES[STEPS.indexOf(step)] ?? ""}</span></li>`,
  )}</ol>`;
}

function total(context: Context): Markup {
  const { request } = context;
  if (request.is_token_only) {
    return html`<div class="total"><p class="store">${storeName(context)}</p><p class="amount">Save Klarna</p></div>`;
  }
  return html`<div class="total"><p class="store">Payment at ${storeName(context)}</p><p class="amount">${money(request)}</p></div>`;
}

/** What the customer agrees to when a Partner wants to charge again later. */
function consent({ request, partner }: Context): Markup | string {
  const asked = request.customer_token_request;
  if (asked === null) return "";
  const isAttended = asked.scopes.includes("payment:customer_present");
  const isUnattended = asked.scopes.includes("payment:customer_not_present");
  return html`<section class="consent"><h2>Save Klarna for next time</h2>
<p>${
    isUnattended
      ? `By approving you let ${partner} charge you with Klarna ${
          isAttended
            ? "when you buy there and for your subscription"
            : "for your subscription, also when you are not there"
        }.`
      : `By approving you can pay at ${partner} with Klarna in one tap.`
  } You can end this at any time.</p></section>`;
}

function leaveForm(context: Context): Markup {
  return html`<form method="post" action="${context.path}/decision"><button class="bare" name="decision" value="leave">Leave</button></form>`;
}

function problemOf(journey: Journey): Markup | string {
  return journey.problem === null ? "" : html`<p class="problem" role="alert">${journey.problem}</p>`;
}

function phoneStep(context: Context, journey: Journey): Markup {
  const { request, path } = context;
  const person = personOf(request.country);
  const option = (value: Journey["persona"], name: string, hint: string, phone: string): Markup =>
    html`<label class="pick"><input type="radio" name="persona" value="${value}" data-phone="${phone}" ${
      journey.persona === value ? "checked" : ""
    }><b>${name}</b><small>${hint}</small></label>`;
  return page(
    context,
    "Pay with your phone",
    html`${steps(request, "phone")}${total(context)}<main class="card">${problemOf(journey)}<h1>Who is paying?</h1>
<p class="lead">Choose a test person. We send a code to the phone.</p>
<form method="post" action="${path}/phone">
<fieldset class="persons"><legend class="sr">Test person</legend>
${option("approved", person.name, "Will be approved", person.approvedPhone)}
${option("denied", "Denied person", "Will be declined", person.deniedPhone)}
</fieldset>
<label class="field" for="phone">Mobile number</label>
<input id="phone" type="tel" name="phone" value="${journey.phone}" autocomplete="off" required maxlength="30">
<div class="actions"><button>Continue</button></div>
</form></main>
<div class="actions">${leaveForm(context)}</div>`,
  );
}

function codeStep(context: Context, journey: Journey): Markup {
  return page(
    context,
    "Confirm your phone",
    html`${steps(context.request, "code")}${total(context)}<main class="card">${problemOf(journey)}<h1>Confirm it’s you</h1>
<p class="lead">Enter the six digits we sent to ${journey.phone}.</p>
<form method="post" action="${context.path}/code">
<label class="field" for="code">Code</label>
<input id="code" class="code" type="text" name="code" value="123456" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9]{6}" maxlength="6" required title="Six digits">
<p class="hint">Any six digits will do, except 999999.</p>
<div class="actions"><button>Continue</button></div>
</form></main>
<div class="actions">${leaveForm(context)}</div>`,
  );
}

type PlanWords = { name: string; hint: string; sum: string };

function planWords(context: Context, plan: Plan): PlanWords {
  const { request, now } = context;
  switch (plan) {
    case "pay_now":
      return { name: "Pay now", hint: "From your bank account, today", sum: money(request) };
    case "pay_in_30_days":
      return {
        name: "Pay in 30 days",
        hint: `Nothing today, all of it by ${formatDay(now + 30 * DAY_MS, request.country)}`,
        sum: money(request),
      };
    case "pay_in_3":
      return {
        name: "Pay in 3",
        hint: "Today, in 30 and in 60 days, without interest",
        sum: `3 × ${money(request, splitAmount(request.amount, 3)[0])}`,
      };
    case "financing":
      return {
        name: "Financing",
        hint: `${FINANCING_MONTHS} monthly payments`,
        sum: `${money(request, splitAmount(request.amount, FINANCING_MONTHS)[0])} a month`,
      };
  }
}

const PLANS: Plan[] = ["pay_now", "pay_in_30_days", "pay_in_3", "financing"];

function planStep(context: Context, journey: Journey): Markup {
  const chosen = journey.plan ?? "pay_now";
  return page(
    context,
    "Choose a plan",
    html`${steps(context.request, "plan")}${total(context)}<main class="card"><h1 class="apart">Choose how to pay</h1>
<form method="post" action="${context.path}/plan">
<fieldset class="plans"><legend class="sr">Plan</legend>${PLANS.map((plan) => {
      const words = planWords(context, plan);
      return html`<label class="pick plan"><input type="radio" name="plan" value="${plan}" ${
        plan === chosen ? "checked" : ""
      }><span class="dot"></span><b>${words.name}</b><span class="sum">${words.sum}</span><small>${words.hint}</small></label>`;
    })}</fieldset>
<div class="actions"><button>Continue</button></div>
</form></main>
<div class="actions">${leaveForm(context)}</div>`,
  );
}

const ITEMS_SHOWN_MAX = 6;

function reviewStep(context: Context, journey: Journey): Markup {
  const { request } = context;
  const plan = planWords(context, journey.plan ?? "pay_now");
  const items = request.line_items.slice(0, ITEMS_SHOWN_MAX);
  const more = request.line_items.length - items.length;
  return page(
    context,
    "Review and approve",
    html`${steps(request, "review")}<main class="card">${problemOf(journey)}<h1>Review and approve</h1>
<p class="lead">${
      request.is_token_only
        ? "Nothing is charged today."
        : `${storeName(context)} gets its money from us. You pay as chosen below.`
    }</p>
<dl class="items">
<div><dt>Store</dt><dd>${storeName(context)}</dd></div>
${request.terminal_reference === null ? "" : html`<div><dt>Till</dt><dd>${request.terminal_reference}</dd></div>`}
${request.purchase_reference === null ? "" : html`<div><dt>Purchase</dt><dd>${request.purchase_reference}</dd></div>`}
${items.map(
  (item) =>
    html`<div><dt>${item.quantity === 1 ? "" : `${item.quantity} × `}${item.name}</dt><dd>${money(request, item.total_amount)}</dd></div>`,
)}
${more > 0 ? html`<div><dt>and ${more} more</dt><dd></dd></div>` : ""}
${
  request.is_token_only
    ? ""
    : html`<div><dt>${plan.name}</dt><dd>${plan.sum}</dd></div>
<div class="strong"><dt>Total</dt><dd>${money(request)}</dd></div>`
}
</dl>${consent(context)}</main>
<form method="post" action="${context.path}/decision" class="actions">
<button name="decision" value="approve">${request.customer_token_request === null ? "Approve" : "Agree and approve"}</button>
<div class="pair"><button class="quiet" name="decision" value="refuse">Refuse</button><button class="quiet" name="decision" value="leave">Leave</button></div>
</form>`,
  );
}

function resultPage(
  context: Context,
  kind: Parameters<typeof picture>[0],
  title: string,
  text: string,
  extra: Markup | string = "",
): Markup {
  const { request } = context;
  return page(
    context,
    title,
    html`<main class="result">${picture(kind)}${request.is_token_only ? "" : html`<p class="amount">${money(request)}</p>`}<h1>${title}</h1><p>${text}</p>${extra}
<p class="ids">${request.payment_request_reference ?? request.payment_request_id}</p></main>`,
  );
}

/** The shop's page after the journey, with Klarna's placeholders filled in. */
function returnUrlOf(request: Shown): string | null {
  if (request.return_url === null) return null;
  const values: Record<string, string> = {
    id: request.payment_request_id,
    state: request.state,
    payment_request_reference: request.payment_request_reference ?? "",
    klarna_network_session_token: request.session_token ?? "",
    payment_token: request.payment_token ?? "",
    interoperability_token: request.session_token ?? "",
    payment_reference: request.payment_request_reference ?? "",
  };
  const filled = request.return_url.replace(/\{klarna\.payment_request\.(\w+)\}/g, (_all, name: string) =>
    encodeURIComponent(values[name] ?? ""),
  );
  return /^https?:\/\//i.test(filled) ? filled : null;
}

export function journeyPage(context: Context): Markup {
  const { request } = context;
  const back = returnUrlOf(request);
  const button = back === null ? "" : html`<a class="button" href="${back}" rel="noreferrer">Back to the store</a>`;
  switch (request.state) {
    case "COMPLETED": {
      const isConfirmed = request.final?.result === "APPROVED";
      if (request.final !== null && !isConfirmed) {
        return resultPage(
          context,
          "bad",
          "Not approved",
          "The payment could not be completed. Nothing was charged.",
          button,
        );
      }
      return resultPage(
        context,
        "good",
        request.is_token_only ? "Klarna is saved" : isConfirmed ? "Paid" : "Your payment was authorized",
        request.is_token_only
          ? `${context.partner} can charge you with Klarna from now on.`
          : isConfirmed
            ? `${storeName(context)} has confirmed your payment. You can put your phone away.`
            : "You will get a confirmation from the store.",
        button,
      );
    }
    case "DECLINED":
      return resultPage(
        context,
        "bad",
        "Payment declined",
        "This payment did not go through. Nothing was charged; please pay the store in another way.",
        button,
      );
    case "CANCELED":
      return resultPage(
        context,
        "away",
        "Cancelled by the store",
        "The store has ended this payment. Nothing was charged.",
        button,
      );
    case "EXPIRED":
      return resultPage(
        context,
        "time",
        "This code has expired",
        "Ask the store for a new code. Nothing was charged.",
        button,
      );
    case "SUBMITTED":
    case "IN_PROGRESS":
      return stepPage(context);
  }
}

function stepPage(context: Context): Markup {
  const { journey } = context.request;
  if (journey === null) return leftPage(context);
  const content = { phone: phoneStep, code: codeStep, plan: planStep, review: reviewStep }[journey.step];
  return content(context, journey);
}

/** After leaving: the way back in. */
export function leftPage(context: Context): Markup {
  return resultPage(
    context,
    "away",
    "You left the payment",
    "Nothing was charged. You can come back while the store is waiting.",
    html`<form method="get" action="${context.path}/start"><button>Continue</button></form>`,
  );
}

export function missingPage(): Markup {
  return phonePage({
    title: "Unknown code",
    body: html`<main class="result">${picture("bad")}<h1>We don’t know this code</h1><p>Please scan the code on the store’s screen again.</p></main>`,
  });
}
