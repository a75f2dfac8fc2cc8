import { randomBytes } from "node:crypto";
import { issueApiKey } from "@/server/auth/api-keys";
import { API_SCOPE_NAMES, type ApiScope } from "@/server/auth/permissions";
import { createContext, type ServiceContext, type Services } from "@/server/context";
import type { Mode } from "@/server/core/schema";
import { createPartner } from "@/server/domain/partners/service";
import { createStore } from "@/server/domain/stores/service";
import { createTerminal } from "@/server/domain/terminals/service";

/** Our own code at work in one mode, over all Partners. */
export function asSystem(services: Services, mode: Mode = "test"): ServiceContext {
  return createContext(services, {
    actor: { kind: "SYSTEM", id: "test", name: "Test" },
    scope: { partners: "all", mode },
    way: "JOB",
  });
}

/** Short, distinct and readable: for references and names of what a test builds. */
export function unique(prefix: string): string {
  return `${prefix}-${randomBytes(5).toString("hex")}`;
}

const CITIES: Readonly<Record<string, { street_address: string; postal_code: string; city: string; region?: string }>> =
  {
    SE: { street_address: "Drottninggatan 50", postal_code: "11121", city: "Stockholm" },
    DE: { street_address: "Torstraße 12", postal_code: "10119", city: "Berlin" },
    US: { street_address: "220 Broadway", postal_code: "10038", city: "New York", region: "NY" },
    GB: { street_address: "18 Carnaby Street", postal_code: "W1F 9PL", city: "London" },
  };

export function addressIn(country: string) {
  return { ...(CITIES[country] ?? { street_address: "Main Street 1", postal_code: "1000", city: "Town" }), country };
}

export type BuiltPartner = {
  partner: { id: string; name: string; reference: string; country: string; currency: string };
  account: { id: string; mode: Mode };
  store: { id: string; reference: string; klarnaStoreId: string };
  terminal: { id: string; reference: string };
};

/** Tells the simulator of an account and its stores; without one (no control address) it does nothing. */
export async function registerAtSimulator(
  services: Services,
  account: {
    accountId: string;
    name: string;
    country: string;
    stores: { store_id: string; store_reference: string; name: string; address?: Record<string, unknown> | null }[];
  },
): Promise<void> {
  const control = services.env.SIMULATOR_CONTROL_URL;
  if (!control) return;
  const answer = await fetch(`${control}/_control/accounts`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      account_id: account.accountId,
      name: account.name,
      country: account.country,
      stores: account.stores,
    }),
  });
  if (!answer.ok) throw new Error(`The simulator refused an account: ${answer.status} ${await answer.text()}`);
}

/**
 * A Partner of its own for a test, through the domain services: operational, with an account in one mode that the
 * simulator knows, one physical store and one terminal.
 */
export async function makePartner(
  services: Services,
  options: { mode?: Mode; country?: string; currency?: string; name?: string } = {},
): Promise<BuiltPartner> {
  const mode = options.mode ?? "test";
  const country = options.country ?? "SE";
  const currency = options.currency ?? "SEK";
  const ctx = asSystem(services, mode);
  const tail = randomBytes(6).toString("hex").toUpperCase();
  const klarnaPartnerAccountId = `krn:partner:global:account:${mode}:${tail}`;
  const facts = { name: options.name ?? `Partner ${tail}`, reference: unique("partner"), country, currency };
  const { id: partnerId } = await createPartner(ctx, { ...facts, accounts: [{ mode, klarnaPartnerAccountId }] });
  const klarnaStoreId = `krn:partner:global:store:${crypto.randomUUID()}`;
  const store = await createStore(ctx, {
    partnerId,
    reference: unique("store"),
    name: `Store ${tail}`,
    type: "PHYSICAL",
    address: addressIn(country),
    klarnaStoreId,
  });
  const terminal = await createTerminal(ctx, {
    partnerId,
    storeId: store.id,
    reference: unique("till"),
    label: "Till 1",
  });
  await registerAtSimulator(services, {
    accountId: klarnaPartnerAccountId,
    name: facts.name,
    country,
    stores: [
      { store_id: klarnaStoreId, store_reference: store.reference, name: `Store ${tail}`, address: addressIn(country) },
    ],
  });
  return {
    partner: { id: partnerId, ...facts },
    account: { id: klarnaPartnerAccountId, mode },
    store: { ...store, klarnaStoreId },
    terminal,
  };
}

/** The Partner's online shop, known at Klarna too: what its web and app payments are taken in. */
export async function makeWebsite(
  services: Services,
  partner: BuiltPartner,
  options: { type?: "WEBSITE" | "MOBILE_APP"; isKnownAtKlarna?: boolean } = {},
): Promise<{ id: string; reference: string; klarnaStoreId: string | null }> {
  const type = options.type ?? "WEBSITE";
  const reference = unique("shop");
  const url = `https://${reference}.example`;
  const klarnaStoreId = options.isKnownAtKlarna === false ? null : `krn:partner:global:store:${crypto.randomUUID()}`;
  const store = await createStore(asSystem(services, partner.account.mode), {
    partnerId: partner.partner.id,
    reference,
    name: `Shop ${reference}`,
    type,
    country: partner.partner.country,
    klarnaStoreId,
    ...(type === "WEBSITE" ? { url } : {}),
  });
  if (klarnaStoreId !== null)
    await registerAtSimulator(services, {
      accountId: partner.account.id,
      name: partner.partner.name,
      country: partner.partner.country,
      stores: [{ store_id: klarnaStoreId, store_reference: reference, name: `Shop ${reference}` }],
    });
  return { ...store, klarnaStoreId };
}

/** A key that a Partner's system would use: all scopes unless given. */
export async function makeApiKey(
  services: Services,
  partnerId: string,
  options: { mode?: Mode; scopes?: readonly ApiScope[]; addresses?: readonly string[]; expiresAt?: Date } = {},
): Promise<{ id: string; key: string }> {
  return issueApiKey(asSystem(services, options.mode), {
    partnerId,
    name: "Test key",
    scopes: options.scopes ?? API_SCOPE_NAMES,
    addresses: options.addresses ?? [],
    expiresAt: options.expiresAt ?? null,
  });
}
