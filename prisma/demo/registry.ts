import { issueApiKey } from "@/server/auth/api-keys";
import { API_SCOPE_NAMES } from "@/server/auth/permissions";
import { createContext, type ServiceContext, type Services } from "@/server/context";
import type { Mode } from "@/server/core/schema";
import { addMs, DAY_MS, movableClock } from "@/server/core/time";
import type { Database } from "@/server/db/client";
import type { DraftSectionInput } from "@/server/domain/partners/schema-onboarding";
import {
  addBusinessEntity,
  createPartner,
  getDraft,
  saveDraftSection,
  startOnboarding,
} from "@/server/domain/partners/service";
import { createBrand, createStore, createStoreGroup } from "@/server/domain/stores/service";
import { createTerminal } from "@/server/domain/terminals/service";
import type { TerminalDevice } from "@/server/domain/terminals/states";
import { DEMO_PARTNERS, type DemoPartner, demoAddress } from "./partners";
import type { Random } from "./random";
import type { SeededPartner, SeededStore } from "./story";

/* The demo's Partners with their accounts, stores, terminals and keys, each made at its day. */

export const DEMO_KEY_NAME = "Demo key";

export function contextAt(services: Services, mode: Mode, at: Date, db: Database = services.db): ServiceContext {
  return createContext(
    { ...services, db, clock: movableClock(at) },
    { actor: { kind: "SYSTEM", id: "seed", name: "Demo data" }, scope: { partners: "all", mode }, way: "JOB" },
  );
}

const DEVICES: readonly { device: TerminalDevice; label: string; weight: number }[] = [
  { device: "CARD_TERMINAL", label: "Till", weight: 6 },
  { device: "TABLET", label: "Tablet", weight: 2 },
  { device: "SELF_CHECKOUT", label: "Self-checkout", weight: 2 },
  { device: "MOBILE_CHECKOUT", label: "Floor handheld", weight: 1 },
  { device: "KIOSK", label: "Kiosk", weight: 1 },
];

async function addTerminals(
  ctx: ServiceContext,
  random: Random,
  partnerId: string,
  store: { id: string; reference: string },
  count: number,
  now: Date,
): Promise<SeededStore["terminals"]> {
  const terminals: SeededStore["terminals"] = [];
  for (let number = 1; number <= count; number += 1) {
    const kind = number === 1 ? DEVICES[0] : random.weighted(DEVICES.map((value) => ({ value, weight: value.weight })));
    const device = kind?.device ?? "CARD_TERMINAL";
    const label = `${kind?.label ?? "Till"} ${number}`;
    const isQuiet = random.chance(0.1);
    const made = await createTerminal(ctx, {
      partnerId,
      storeId: store.id,
      reference: `${store.reference}-T${number}`,
      label,
      device,
      canShowQr: device !== "MOBILE_CHECKOUT" || random.chance(0.7),
      lastSeenAt: addMs(now, -(isQuiet ? random.int(2, 12) * DAY_MS : random.int(5, 240) * 1_000)),
    });
    terminals.push({ ...made, label });
  }
  return terminals;
}

async function addStores(
  services: Services,
  db: Database,
  random: Random,
  demo: DemoPartner,
  partnerId: string,
  mode: Mode,
  now: Date,
): Promise<SeededStore[]> {
  const from = addMs(now, -demo.onboardedDaysAgo * DAY_MS);
  const at = (days: number): ServiceContext => contextAt(services, mode, addMs(from, days * DAY_MS), db);
  const headquarters = demo.places[0];
  if (!headquarters) return [];
  await addBusinessEntity(at(0.1), {
    partnerId,
    legalName: demo.legalName,
    registrationNumber: demo.registrationNumber,
    country: demo.country,
    address: demoAddress(demo, headquarters),
  });
  const brand = await createBrand(at(0.2), { partnerId, ...demo.brand });
  const shops = await createStoreGroup(at(0.2), { partnerId, brandId: brand.id, name: `${demo.brand.name} stores` });
  const online = await createStoreGroup(at(0.2), { partnerId, brandId: brand.id, name: `${demo.brand.name} online` });
  const stores: SeededStore[] = [];
  for (const [index, place] of demo.places.entries()) {
    const [street, , city] = place;
    const ctx = at(Math.min(1 + index * 4, demo.onboardedDaysAgo - 32));
    const klarnaStoreId = `krn:partner:global:store:${random.uuid()}`;
    const name = `${demo.brand.name} ${city}${demo.places.filter((other) => other[2] === city).length > 1 ? ` ${street.replace(/^\d+\s+/, "").replace(/\s+\d.*$/, "")}` : ""}`;
    const store = await createStore(ctx, {
      partnerId,
      reference: `${demo.country}-${101 + index}`,
      name,
      type: "PHYSICAL",
      storeGroupId: shops.id,
      address: demoAddress(demo, place),
      klarnaStoreId,
    });
    const terminals = await addTerminals(ctx, random, partnerId, store, random.int(2, 4), now);
    stores.push({ ...store, name, klarnaStoreId, isWebsite: false, terminals });
  }
  const klarnaStoreId = `krn:partner:global:store:${random.uuid()}`;
  const site = await createStore(at(1), {
    partnerId,
    reference: "web",
    name: new URL(demo.brand.website).host,
    type: "WEBSITE",
    storeGroupId: online.id,
    country: demo.country,
    url: demo.brand.website,
    klarnaStoreId,
  });
  stores.push({ ...site, name: demo.brand.website, klarnaStoreId, isWebsite: true, terminals: [] });
  return stores;
}

const accountId = (demo: DemoPartner, mode: Mode): string => `krn:partner:global:account:${mode}:${demo.accountTail}`;

/** A Partner whose onboarding has begun: some of it is filled, the rest is named as missing. */
async function addDraft(ctx: ServiceContext, demo: DemoPartner): Promise<void> {
  const { name, reference, country, currency } = demo;
  const { partnerId } = await startOnboarding(ctx, { name, reference, country, currency });
  const save = async (section: DraftSectionInput) => {
    const { version } = await getDraft(ctx, partnerId);
    await saveDraftSection(ctx, partnerId, { ...section, version });
  };
  await save({
    section: "contact",
    data: { given_name: "Chiara", family_name: "Amara", email: "chiara@bottegaamara.example", phone: null },
  });
  await save({
    section: "entities",
    data: [
      {
        reference: `${reference}-entity`,
        legalName: demo.legalName,
        country,
        registrationNumber: demo.registrationNumber,
        entityType: "LIMITED_LIABILITY_COMPANY",
      },
    ],
  });
  await save({
    section: "brands",
    data: [{ reference: `${reference}-brand`, name: demo.brand.name, website: demo.brand.website }],
  });
}

export async function addPartners(
  services: Services,
  db: Database,
  random: Random,
  now: Date,
): Promise<{ partners: SeededPartner[]; demoKey: string }> {
  const partners: SeededPartner[] = [];
  let demoKey = "";
  for (const demo of DEMO_PARTNERS.toSorted((a, b) => b.onboardedDaysAgo - a.onboardedDaysAgo)) {
    const since = addMs(now, -demo.onboardedDaysAgo * DAY_MS);
    const accounts = (["test", "live"] as const).flatMap((mode) => {
      const state = demo.accounts[mode];
      const productState: "ENABLED" | "DISABLED" = state === "DISABLED" ? "DISABLED" : "ENABLED";
      return state === null ? [] : [{ mode, klarnaPartnerAccountId: accountId(demo, mode), state, productState }];
    });
    const facts = {
      name: demo.name,
      reference: demo.reference,
      country: demo.country,
      currency: demo.currency,
      state: demo.state,
    };
    if (demo.state === "DRAFT") {
      await addDraft(contextAt(services, "test", since, db), demo);
      continue;
    }
    const { id } = await createPartner(contextAt(services, "test", since, db), { ...facts, accounts });
    if (demo.accounts.live !== null)
      await addStores(services, db, random, { ...demo, places: demo.places.slice(0, 3) }, id, "live", now);
    if (demo.accounts.test === null) continue;
    const stores = await addStores(services, db, random, demo, id, "test", now);
    const isDemo = partners.length === 0;
    const key = await issueApiKey(contextAt(services, "test", addMs(since, DAY_MS), db), {
      partnerId: id,
      name: isDemo ? DEMO_KEY_NAME : "Point of sale",
      scopes: API_SCOPE_NAMES,
    });
    if (isDemo) demoKey = key.key;
    partners.push({ demo, id, accountId: accountId(demo, "test"), apiKeyId: key.id, stores });
  }
  return { partners, demoKey };
}
