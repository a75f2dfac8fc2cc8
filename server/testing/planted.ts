import { randomBytes } from "node:crypto";
import { newId } from "@/server/core/ids";
import { startOnboarding } from "@/server/domain/partners/service";
import { invitePerson } from "@/server/domain/people/service";
import { makePartner } from "./builders";
import { asUser } from "./context";
import type { InstanceServices } from "./instance-services";
import { BRANDS, GROUPS, save } from "./onboarding";
import { makePerson } from "./people";
import { linkTokenTo } from "./sign-in";

/* Text that must not come out again, put where it belongs. */

/** Names and references that a spreadsheet would run, in a row of every list; returns them. */
export async function plantFormulas(services: InstanceServices): Promise<string[]> {
  const mark = randomBytes(4).toString("hex");
  const formula = (start: string): string => `${start}${mark}+cmd|' /C calc'!A0`;
  const { partner, store, terminal } = await makePartner(services);
  const person = await makePerson(services, { role: "PARTNER_STAFF", partners: [partner.id] });
  const change = (text: string, ...values: unknown[]) => services.db.query({ text, values });
  await change("update partners set name = $2 where id = $1", partner.id, formula("="));
  await change("update stores set name = $2 where id = $1", store.id, formula("+"));
  await change("update terminals set label = $2 where id = $1", terminal.id, formula("@"));
  await change("update users set name = $2 where id = $1", person.id, formula("-"));
  await change(
    "insert into mails (id, kind, partner_id, to_address, subject, state) values ($1, 'test', $2, $3, $4, 'KEPT')",
    newId("mail"),
    partner.id,
    person.email,
    formula("\t="),
  );
  await change(
    "insert into alarms (id, kind, partner_id, mode, subject_kind, subject_id, message) values ($1, 'test', $2, 'test', 'store', $3, $4)",
    newId("alarm"),
    partner.id,
    store.id,
    formula("="),
  );
  await change(
    "insert into imports (id, partner_id, mode, kind, file_name, file_bytes, created_by) values ($1, $2, 'test', 'STORES', $3, 1, $4)",
    newId("import"),
    partner.id,
    formula("="),
    person.id,
  );
  return [mark];
}

/** An IBAN of Germany with right check digits. */
function iban(account: string): string {
  const check = 98n - (BigInt(`${account}131400`) % 97n);
  return `DE${check.toString().padStart(2, "0")}${account}`;
}

/** A draft full of people's data and bank accounts, and an invitation to it; each value by its name. */
export async function plantOnboarding(
  services: InstanceServices,
): Promise<{ partnerId: string; canaries: Map<string, string> }> {
  const mark = `canary${randomBytes(5).toString("hex")}`;
  const ctx = asUser(services, "ACQUIRER_ADMIN");
  const digits = [...randomBytes(10)].map((byte) => String(byte % 10)).join("");
  const canaries = new Map([
    ["a contact's first name", `${mark}olga`],
    ["a contact's e-mail", `${mark}@contact.example`],
    ["a contact's phone", `+4930${digits.slice(0, 8)}`],
    ["a stakeholder's first name", `${mark}ada`],
    ["a stakeholder's family name", `${mark}person`],
    ["a stakeholder's street", `${mark} Street 7`],
    ["a national number", `${mark}L01X00T471`],
    ["a bank account", iban(`37040044${digits}`)],
    ["an account holder", `${mark} holder`],
  ]);
  const value = (name: string): string => canaries.get(name) ?? "";
  const { partnerId } = await startOnboarding(ctx, {
    name: `Planted ${mark.slice(-4)}`,
    reference: `planted-${randomBytes(4).toString("hex")}`,
    country: "DE",
    currency: "EUR",
  });
  await save(ctx, partnerId, {
    section: "contact",
    data: {
      given_name: value("a contact's first name"),
      family_name: "Contact",
      email: value("a contact's e-mail"),
      phone: value("a contact's phone"),
    },
  });
  await save(ctx, partnerId, {
    section: "entities",
    data: [
      {
        reference: "entity-planted",
        legalName: "Planted GmbH",
        country: "DE",
        stakeholders: [
          {
            given_name: value("a stakeholder's first name"),
            family_name: value("a stakeholder's family name"),
            date_of_birth: "1980-12-31",
            address: {
              street_address: value("a stakeholder's street"),
              postal_code: "10119",
              city: "Berlin",
              country: "DE",
            },
            national_identification: { number: value("a national number"), country: "DE" },
            roles: ["OWNER"],
          },
        ],
        payout: {
          bank_accounts: [{ holder: value("an account holder"), bic: "COBADEFFXXX", iban: value("a bank account") }],
        },
      },
    ],
  });
  await save(ctx, partnerId, { section: "brands", data: BRANDS });
  await save(ctx, partnerId, { section: "storeGroups", data: GROUPS });
  const email = `invited-${randomBytes(4).toString("hex")}@planted.example`;
  await invitePerson(ctx, { email, name: "Invited Person", role: "PARTNER_ADMIN", partners: [partnerId] });
  const token = await linkTokenTo(services, email);
  if (token !== null) canaries.set("the link of an invitation", token);
  return { partnerId, canaries };
}
