import { html } from "hono/html";
import { credentialsOf, ipListView } from "../management/credentials";
import { IpModeSchema } from "../management/model";
import { deepLinkUrl, PORTAL_ROLES } from "../management/portal";
import { managementOf } from "../management/settings";
import { nowFor, type Simulator } from "../simulator";
import type { Markup } from "./layout";
import {
  accountName,
  action,
  badge,
  field,
  form,
  heading,
  jsonBlock,
  mono,
  section,
  select,
  table,
  time,
} from "./panel-parts";

/** Who may call: keys, certificates, addresses and deep links in the control panel. */

const KINDS = [
  ["API_KEY", "API key"],
  ["CLIENT_IDENTIFIER", "Client identifier"],
  ["CLIENT_CERTIFICATE", "Client certificate"],
] as const;

export function accessPage(sim: Simulator): Markup {
  const management = managementOf(sim);
  const credentials = KINDS.flatMap(([kind, name]) =>
    credentialsOf(sim, kind).map((credential) => ({ name, credential })),
  );
  const links = [...sim.state.deepLinks.values()].reverse().slice(0, 20);
  const accounts = [...sim.state.accounts.values()].map((account) => [account.account_id, account.name] as const);
  const from = management.mtls_enforced_from;
  const isEnforced = from !== null && from <= nowFor(sim, undefined);
  return html`${heading("Access", "Who may call as the Acquiring Partner, from where, and with which certificate.")}
${section(
  "Credentials",
  table(
    ["Made", "Kind", "Description", "State", "Ends", "Id", ""],
    credentials.map(({ name, credential }) => {
      const isIdle = credential.state === "ACTIVE" && !credential.is_first;
      return html`<tr><td>${time(credential.created_at)}</td><td>${name}</td><td>${credential.description}</td><td>${badge(credential.state)}</td><td>${time(credential.expires_at)}</td><td>${mono(credential.client_identifier ?? credential.credential_id)}</td><td class="buttons">${
        isIdle
          ? action(
              "Disable for want of use",
              `/_control/credentials/${encodeURIComponent(credential.credential_id)}/idle`,
            )
          : ""
      }</td></tr>`;
    }),
    "Only the first key exists.",
  ),
  credentials.length,
)}
<div class="columns">
${section(
  "Client certificates",
  html`<p>${
    isEnforced
      ? "Calls without a valid client certificate are refused."
      : from === null
        ? "Calls without a client certificate are let through."
        : html`Enforced from ${time(from)} on.`
  }</p><div class="buttons">${
    isEnforced
      ? action("Stop enforcing", "/_control/access", { mtls_enforced_from: null })
      : action("Enforce from now on", "/_control/access", {
          mtls_enforced_from: new Date(nowFor(sim, undefined)).toISOString(),
        })
  }</div>`,
)}
${section(
  "Addresses",
  form(
    "/_control/access",
    html`${select("ip_list.mode", "Mode", IpModeSchema.options, { value: management.ip_list.mode })}${field("ip_list.allowed_ip_addresses", "Allowed addresses and ranges", { kind: "list", value: management.ip_list.allowed_ip_addresses.join(" "), hint: "127.0.0.1 10.0.0.0/8" })}`,
    "Save",
  ),
)}
${section(
  "Deep link",
  html`${
    accounts.length === 0
      ? html`<p class="empty">There is no Partner to sign in for.</p>`
      : form(
          "/_control/deep-links/token",
          html`${select("account", "Partner", accounts)}${field("user", "User", { value: "staff@partner.example" })}${select("roles.0", "Role", PORTAL_ROLES)}`,
          "Make a sample token",
        )
  }`,
)}
</div>
${section(
  "Deep links",
  table(
    ["Made", "Partner", "User", "Ends", "Used", "Address"],
    links.map(
      (link) =>
        html`<tr><td>${time(link.created_at)}</td><td>${accountName(sim, link.account_id)}</td><td>${link.user}</td><td>${time(link.expires_at)}</td><td>${time(link.used_at)}</td><td><a class="mono" href="${deepLinkUrl(sim, link)}">${deepLinkUrl(sim, link)}</a></td></tr>`,
    ),
    "Nobody has asked for one.",
  ),
  links.length,
)}
${jsonBlock("List of addresses as the API gives it", JSON.stringify(ipListView(sim)))}`;
}
