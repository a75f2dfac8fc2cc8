import type { ServiceContext, Services } from "@/server/context";
import type { DraftRecord, DraftSectionInput } from "@/server/domain/partners/schema-onboarding";
import {
  approveDraft,
  getDraft,
  readDueAccounts,
  saveDraftSection,
  startOnboarding,
} from "@/server/domain/partners/service";
import { asUser } from "./context";

/* Drafts for tests: a believable Partner that the simulator takes. */

export const PROFILE_ID = "krn:partner:product:payment:profile:0a1f5c1e-0000-4000-8000-000000000031";
export const ACQUIRING_ID = "krn:partner:global:payment-acquiring-account:test:0a1f5c1e-0000-4000-8000-000000000001";

export const berlin = { street_address: "Torstrasse 12", postal_code: "10119", city: "Berlin", country: "DE" };
export const wien = { street_address: "Graben 3", postal_code: "1010", city: "Wien", country: "AT" };

export const ENTITIES: Extract<DraftSectionInput, { section: "entities" }>["data"] = [
  {
    reference: "entity-de",
    legalName: "Blumen Berlin GmbH",
    country: "DE",
    registrationNumber: "HRB 12345 B",
    registrationAuthority: "Amtsgericht Charlottenburg",
    entityType: "LIMITED_LIABILITY_COMPANY",
    taxNumber: "DE123456789",
    address: berlin,
    operatingAddresses: [berlin],
    stakeholders: [
      {
        given_name: "Ada",
        family_name: "Planted-Person",
        date_of_birth: "1980-12-31",
        address: berlin,
        national_identification: { number: "L01X00T471", country: "DE" },
        roles: ["OWNER", "DIRECTOR"],
      },
    ],
    payout: {
      bank_accounts: [{ holder: "Blumen Berlin GmbH", bic: "COBADEFFXXX", iban: "DE89 3704 0044 0532 0130 00" }],
    },
  },
  {
    reference: "entity-at",
    legalName: "Blumen Wien GmbH",
    country: "AT",
    registrationNumber: "FN 123456a",
    entityType: "LIMITED_LIABILITY_COMPANY",
    address: wien,
    stakeholders: [{ given_name: "Eva", family_name: "Muster", date_of_birth: "1975-01-02", roles: ["DIRECTOR"] }],
  },
];

export const BRANDS: Extract<DraftSectionInput, { section: "brands" }>["data"] = ["Rose", "Tulip", "Lily"].map(
  (name) => ({
    reference: `brand-${name.toLowerCase()}`,
    name,
    website: `https://${name.toLowerCase()}.example`,
    logoUrl: `https://static.example/${name.toLowerCase()}.png`,
    iconUrl: `https://static.example/${name.toLowerCase()}-icon.png`,
  }),
);

export const GROUPS: Extract<DraftSectionInput, { section: "storeGroups" }>["data"] = ["rose", "tulip", "lily"].map(
  (name) => ({
    reference: `group-${name}`,
    name: `All of ${name}`,
    brand: `brand-${name}`,
    supportEmail: `help@${name}.example`,
    supportPhone: "+493012345678",
    socialLinks: [{ provider: "INSTAGRAM", url: `https://instagram.example/${name}` }],
  }),
);

export const CONTACT = {
  given_name: "Olga",
  family_name: "Owner",
  email: "olga.owner@blumen.example",
  phone: "+493012345670",
};

/** Physical stores in rows, spread over the groups, each with terminals; as an import makes them. */
export async function addStores(
  services: Services,
  partnerId: string,
  options: { stores: number; terminals: number; mode?: "test" | "live" },
): Promise<void> {
  const mode = options.mode ?? "test";
  await services.db.query({
    text: `insert into stores (id, partner_id, mode, reference, name, type, store_group_id, address, country, status)
      select 'sto_' || $1 || lpad(n::text, 6, '0'), $1, $2, 'S-' || lpad(n::text, 4, '0'), 'Store ' || n, 'PHYSICAL',
        (select id from store_groups where partner_id = $1 and mode = $2 order by reference offset n % 3 limit 1),
        jsonb_build_object('street_address', 'Street ' || n, 'postal_code', '10119', 'city', 'Berlin', 'country', 'DE'), 'DE', 'DRAFT'
      from generate_series(1, $3::int) n`,
    values: [partnerId, mode, options.stores],
  });
  await services.db.query({
    text: `insert into terminals (id, partner_id, mode, store_id, reference, label, device, can_show_qr, status)
      select 'ter_' || $1 || lpad(n::text, 6, '0'), $1, $2, 'sto_' || $1 || lpad((1 + (n - 1) % $3::int)::text, 6, '0'), 'T-' || n, 'Till ' || n, 'CARD_TERMINAL', true, 'DRAFT'
      from generate_series(1, $4::int) n`,
    values: [partnerId, mode, options.stores, options.terminals],
  });
}

export async function save(ctx: ServiceContext, partnerId: string, input: DraftSectionInput): Promise<DraftRecord> {
  const { version } = await getDraft(ctx, partnerId);
  return saveDraftSection(ctx, partnerId, { ...input, version });
}

/** A draft that is complete: two entities, three brands and groups, and stores. */
export async function fillDraft(
  services: Services,
  options: { reference: string; stores?: number; terminals?: number; mode?: "test" | "live" },
): Promise<{ partnerId: string; draft: DraftRecord }> {
  const mode = options.mode ?? "test";
  const ctx = asUser(services, "ACQUIRER_ADMIN", "all", mode);
  const { partnerId } = await startOnboarding(ctx, {
    name: `Blumen ${options.reference}`,
    reference: options.reference,
    country: "DE",
    currency: "EUR",
  });
  await save(ctx, partnerId, { section: "contact", data: CONTACT });
  await save(ctx, partnerId, { section: "entities", data: ENTITIES });
  await save(ctx, partnerId, { section: "brands", data: BRANDS });
  await save(ctx, partnerId, { section: "storeGroups", data: GROUPS });
  await addStores(services, partnerId, { stores: options.stores ?? 6, terminals: options.terminals ?? 9, mode });
  const draft = await save(ctx, partnerId, {
    section: "payments",
    data: {
      paymentProfileId: PROFILE_ID,
      paymentAccounts: [
        {
          reference: `${options.reference}-de`,
          acquiringAccountId: ACQUIRING_ID,
          categoryCode: "5992",
          entity: "entity-de",
          storeGroup: "group-rose",
          isDefault: true,
        },
        {
          reference: `${options.reference}-at`,
          acquiringAccountId: ACQUIRING_ID,
          categoryCode: "5992",
          entity: "entity-at",
          storeGroup: "group-tulip",
        },
      ],
    },
  });
  return { partnerId, draft };
}

/** As `fillDraft`, and on to an account that Klarna has made operational. */
export async function onboardPartner(
  services: Services,
  control: string,
  options: { reference: string; stores?: number; terminals?: number; mode?: "test" | "live" },
): Promise<{ partnerId: string; accountId: string }> {
  const { partnerId, draft } = await fillDraft(services, options);
  const ctx = asUser(services, "ACQUIRER_ADMIN", "all", options.mode ?? "test");
  const sent = await approveDraft(ctx, partnerId, draft.version);
  if (sent.klarnaPartnerAccountId === null) throw new Error(`not onboarded: ${JSON.stringify(sent.problems)}`);
  await makeOperational(services, control, sent.klarnaPartnerAccountId);
  return { partnerId, accountId: sent.klarnaPartnerAccountId };
}

/** Klarna's next step at once, then our look at it. */
export async function makeOperational(services: Services, control: string, accountId: string): Promise<void> {
  await fetch(`${control}/_control/steps/now`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ account: accountId, kind: "account_operational" }),
  });
  await services.db.query({
    text: "update partner_accounts set next_read_at = now() - interval '1 minute' where klarna_partner_account_id = $1",
    values: [accountId],
  });
  await readDueAccounts(services);
}
