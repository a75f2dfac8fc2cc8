import { html } from "hono/html";
import type { Dispute } from "../disputes/model";
import { disputeView } from "../disputes/views";
import { uuidOf } from "../ids";
import { CURRENCIES } from "../markets";
import { balancesOf } from "../settlements/control";
import { termsOf } from "../settlements/lines";
import { HoldPolicySchema, OutcomeSchema, type Settlement } from "../settlements/model";
import type { Settlements } from "../settlements/settlements";
import type { Simulator } from "../simulator";
import type { Markup } from "./layout";
import { deliveryTable } from "./panel-events";
import {
  type Ask,
  accountLink,
  accountName,
  action,
  badge,
  checkbox,
  contains,
  crumb,
  facts,
  field,
  filterForm,
  form,
  heading,
  isOf,
  jsonBlock,
  moneyOf,
  mono,
  pageOf,
  section,
  select,
  table,
  time,
  words,
} from "./panel-parts";

/** Settlements and disputes in the control panel. */

type SftpView = {
  is_running: boolean;
  host: string;
  port: number | null;
  user: string;
  password: string;
  files: string[];
};

export function settlementsPage(sim: Simulator, ask: Ask, sftp: SftpView): Markup {
  const { rows, total, pager } = pageOf(sim.state.settlements.values(), ask, (settlement) =>
    contains(ask, settlement.settlement_id, settlement.payment_reference, settlement.currency, settlement.file_name),
  );
  const balances = balancesOf(sim);
  const terms = termsOf(sim, undefined);
  const accounts = [...sim.state.accounts.values()].map((account) => [account.account_id, account.name] as const);
  return html`${heading(
    "Settlements",
    "What Klarna owes the Acquiring Partner: captures and refunds, less fees, tax and disputes.",
    html`${action("Settle everything now", "/_control/settlements", {}, { kind: "main" })}${action("Settle day by day", "/_control/settlements", { daily: true })}`,
  )}
${section(
  "Balances",
  table(
    ["Currency", "#Not settled yet", "#Lines", "#Carried forward", "#Paid out so far"],
    balances.map((row) => {
      const money = (amount: number): Markup =>
        html`<td class="number">${moneyOf(undefined, amount, row.currency)}</td>`;
      return html`<tr><td>${row.currency}</td>${money(row.unsettled)}<td class="number">${row.unsettled_lines}</td>${money(row.carried_forward)}${money(row.paid_out)}</tr>`;
    }),
    "Nothing is owed. The first capture makes the first lines.",
  ),
)}
${section(
  "Settlements",
  html`${table(
    ["Made", "Period", "#Lines", "#Net", "Payout", "Reference", ""],
    rows.map((settlement) => {
      const money = (amount: number): string => moneyOf(undefined, amount, settlement.currency);
      return html`<tr><td>${time(settlement.created_at)}</td><td>${time(settlement.period_start)}<small>to ${time(settlement.period_end)}</small></td><td class="number">${settlement.transaction_count}</td><td class="number">${money(settlement.net_amount)}</td><td>${
        settlement.payout === null
          ? html`<small>carried forward</small>`
          : html`<span class="number">${money(settlement.payout.amount)}</span> ${badge(settlement.payout.status)}`
      }</td><td><a class="mono" href="/panel/settlements/${encodeURIComponent(settlement.settlement_id)}">${settlement.payment_reference}</a></td><td class="buttons">${payoutButtons(settlement)}</td></tr>`;
    }),
    "No settlement has been made yet.",
  )}${pager}`,
  total,
)}
<div class="columns">
${section(
  "Correction by hand",
  form(
    "/_control/adjustments",
    html`${select("account", "Partner", accounts)}${select("currency", "Currency", CURRENCIES, { value: "EUR" })}${select("type", "Type", ["CORRECTION", "COMMISSION", "CHARGE", "CREDIT"])}${field("amount", "Amount, minor units", { kind: "int", isRequired: true })}${field("comment", "Comment")}`,
    "Book",
  ),
)}
${section(
  "Terms",
  form(
    "/_control/terms",
    html`${select("account", "For", [["", "everybody"], ...accounts])}${field("fee_basis_points", "Fee, basis points", { kind: "int", value: terms.fee_basis_points })}${field("fee_fixed", "Fixed fee", { kind: "int", value: terms.fee_fixed ?? "", hint: "by currency" })}${field("tax_basis_points", "Tax, basis points", { kind: "int", value: terms.tax_basis_points ?? "", hint: "by country" })}${field("dispute_fee", "Dispute fee", { kind: "int", value: terms.dispute_fee ?? "", hint: "by currency" })}${field("payout_ms", "Payout takes, ms", { kind: "int", value: terms.payout_ms })}${field("dispute_decision_ms", "Decision takes, ms", { kind: "int", value: terms.dispute_decision_ms })}${field("dispute_threshold", "Lost below", { kind: "int", value: terms.dispute_threshold })}${select("hold_policy", "Hold", HoldPolicySchema.options, { value: terms.hold_policy })}${select("representment_outcome", "Representment ends", OutcomeSchema.options, { value: terms.representment_outcome })}${select("arbitration_outcome", "Arbitration ends", OutcomeSchema.options, { value: terms.arbitration_outcome })}${checkbox("dispute_enrolment_required", "disputes only when enrolled", terms.dispute_enrolment_required)}`,
    "Save",
  ),
)}
${section(
  "SFTP server",
  html`${facts([
    ["State", sftp.is_running ? badge("ACTIVE") : "off"],
    ["Address", sftp.is_running ? mono(`${sftp.host}:${sftp.port}`) : null],
    ["User", mono(sftp.user)],
    ["Password", mono(sftp.password)],
    ["Files", String(sftp.files.length)],
  ])}<div class="buttons">${
    sftp.is_running
      ? action("Switch off", "/_control/sftp", { is_enabled: false })
      : action("Switch on", "/_control/sftp", { is_enabled: true })
  }</div>`,
)}
</div>`;
}

function payoutButtons(settlement: Settlement): Markup | string {
  if (settlement.payout === null) return "";
  const path = `/_control/settlements/${encodeURIComponent(settlement.settlement_id)}/payout`;
  if (settlement.payout.status === "PAID") return action("Payout failed", path, { status: "FAILED" });
  return html`${action("Paid now", path, { status: "PAID" })}${
    settlement.payout.status === "PENDING" ? action("Fails", path, { status: "FAILED" }) : ""
  }`;
}

const LINES_SHOWN_MAX = 200;

export function settlementPage(sim: Simulator, settlements: Settlements, settlement: Settlement): Markup {
  const lines = settlements.linesOf(settlement);
  const money = (amount: number): string => moneyOf(undefined, amount, settlement.currency);
  const deliveries = [...sim.state.deliveries.values()].filter(
    (delivery) => delivery.subject_id === settlement.settlement_id,
  );
  return html`${crumb("/panel/settlements", "Settlements")}
${heading(settlement.payment_reference, settlement.payout === null ? "Carried forward" : badge(settlement.payout.status), payoutButtons(settlement))}
${section(
  "Facts",
  facts([
    ["Currency", settlement.currency],
    ["From", time(settlement.period_start)],
    ["To", time(settlement.period_end)],
    ["Opening balance", money(settlement.opening_balance)],
    ["Net of the lines", money(settlement.net_amount)],
    ["Closing balance", money(settlement.closing_balance)],
    ["Payout", settlement.payout === null ? "none" : money(settlement.payout.amount)],
    ["Paid", settlement.payout === null ? null : time(settlement.payout.paid_at)],
    ["File", mono(settlement.file_name)],
    ["On the SFTP server since", settlement.uploaded_at === null ? null : time(settlement.uploaded_at)],
    ["Id", mono(settlement.settlement_id)],
  ]),
)}
${section(
  "Lines",
  html`${table(
    ["When", "Partner", "Type", "#Amount", "#Tax", "Transaction"],
    lines
      .slice(0, LINES_SHOWN_MAX)
      .map(
        (line) =>
          html`<tr><td>${time(line.created_at)}</td><td>${accountName(sim, line.account_id)}</td><td>${words(line.type)}<small>${words(line.detailed_type)}</small></td><td class="number">${money(line.amount)}</td><td class="number">${line.tax_amount === 0 ? "–" : money(line.tax_amount)}</td><td>${
            line.payment_transaction_id === null
              ? "–"
              : html`<a class="mono" href="/panel/transactions/${uuidOf(line.payment_transaction_id)}">${line.payment_transaction_reference ?? line.payment_transaction_id}</a>`
          }</td></tr>`,
      ),
    "No lines.",
  )}${lines.length > LINES_SHOWN_MAX ? html`<p class="pager"><span>The first ${LINES_SHOWN_MAX} of ${lines.length}; the CSV has them all.</span></p>` : ""}`,
  lines.length,
)}
${section("Events", deliveryTable(deliveries), deliveries.length)}`;
}

function disputeButtons(dispute: Dispute): Markup | string {
  if (dispute.state === "CLOSED") return "";
  const play = `/_control/disputes/${encodeURIComponent(dispute.payment_dispute_id)}/play`;
  const isDecidable = dispute.state === "REPRESENTMENT" || dispute.state === "ARBITRATION";
  return html`${
    isDecidable
      ? html`${action("Partner wins", play, { action: "win" })}${action("Partner loses", play, { action: "lose" })}`
      : html`${action("Out of time now", play, { action: "expire" })}${dispute.state === "INITIATED" ? action("7 more days", play, { action: "extend" }) : ""}`
  }${action("Customer withdraws", play, { action: "cancel" })}`;
}

export function disputesPage(sim: Simulator, ask: Ask): Markup {
  const { rows, total, pager } = pageOf(
    sim.state.disputes.values(),
    ask,
    (dispute) =>
      isOf(ask, dispute.account_id) &&
      contains(
        ask,
        dispute.payment_dispute_id,
        dispute.payment_transaction_reference,
        dispute.purchase_reference,
        dispute.state,
        dispute.dispute_reason,
      ),
  );
  return html`${heading("Disputes", html`Customers who complain. Open one from the record of a captured <a href="/panel/transactions">transaction</a>.`)}
${filterForm(sim, ask, "reference, reason or state")}
${section(
  "Disputes",
  html`${table(
    ["Opened", "Partner", "#Amount", "Reason", "State", "Answer until", "Reference", ""],
    rows.map((dispute) => {
      const account = sim.state.accounts.get(dispute.account_id);
      return html`<tr><td>${time(dispute.created_at)}</td><td>${accountName(sim, dispute.account_id)}</td><td class="number">${moneyOf(account, dispute.amount, dispute.currency)}</td><td>${words(dispute.dispute_reason)}</td><td>${badge(dispute.state)}${dispute.outcome === null ? "" : html`<small>${words(dispute.outcome)}</small>`}</td><td>${dispute.state === "INITIATED" ? time(dispute.representment.expires_at) : dispute.state === "PRE_ARBITRATION" && dispute.arbitration !== null ? time(dispute.arbitration.expires_at) : "–"}</td><td><a class="mono" href="/panel/disputes/${encodeURIComponent(dispute.payment_dispute_id)}">${dispute.payment_transaction_reference ?? dispute.payment_dispute_id}</a></td><td class="buttons">${disputeButtons(dispute)}</td></tr>`;
    }),
    "Nobody has complained.",
  )}${pager}`,
  total,
)}`;
}

export function disputePage(sim: Simulator, dispute: Dispute): Markup {
  const account = sim.state.accounts.get(dispute.account_id);
  const money = (amount: number): string => moneyOf(account, amount, dispute.currency);
  const deliveries = [...sim.state.deliveries.values()].filter(
    (delivery) => delivery.subject_id === dispute.payment_dispute_id,
  );
  const attachments = [...sim.state.disputeAttachments.values()].filter(
    (attachment) => attachment.payment_dispute_id === dispute.payment_dispute_id,
  );
  return html`${crumb("/panel/disputes", "Disputes")}
${heading(words(dispute.dispute_reason), html`${badge(dispute.state)} ${dispute.outcome === null ? "" : badge(dispute.outcome)}`, disputeButtons(dispute))}
<div class="columns">
${section(
  "Facts",
  facts([
    ["Partner", accountLink(sim, dispute.account_id)],
    ["Amount", money(dispute.amount)],
    [
      "Transaction",
      html`<a class="mono" href="/panel/transactions/${uuidOf(dispute.payment_transaction_id)}">${dispute.payment_transaction_reference ?? dispute.payment_transaction_id}</a>`,
    ],
    ["Opened by", words(dispute.created_by)],
    ["Opened", time(dispute.created_at)],
    ["Hold", words(dispute.hold_policy)],
    ["Answer until", time(dispute.representment.expires_at)],
    ["Representment", words(dispute.representment.state)],
    ["Klarna decides", dispute.decide_at === null ? null : time(dispute.decide_at)],
    ["Outcome", dispute.outcome_detailed === null ? null : words(dispute.outcome_detailed)],
    ["Closed", dispute.closed_at === null ? null : time(dispute.closed_at)],
    ["Id", mono(dispute.payment_dispute_id)],
  ]),
)}
${section(
  "What was said",
  html`${dispute.customer_evidences.map((evidence) => html`<p>Customer, ${time(evidence.submitted_at)}: ${evidence.comment}</p>`)}${
    dispute.representment.evidence === null
      ? html`<p class="empty">The Partner has not answered.</p>`
      : html`<p>Partner, ${time(dispute.representment.evidence.created_at)}: ${dispute.representment.evidence.additional_information ?? "files only"}</p>`
  }${table(
    ["File", "Type", "#Size"],
    attachments.map(
      (attachment) =>
        html`<tr><td>${attachment.filename}</td><td>${attachment.content_type}</td><td class="number">${attachment.size}</td></tr>`,
    ),
    "No files.",
  )}`,
)}
</div>
${section("Events", deliveryTable(deliveries), deliveries.length)}
${jsonBlock("As the API gives it", JSON.stringify(disputeView(sim, dispute)))}`;
}
