import { z } from "zod";
import { invalid, SimulatedError } from "../errors";
import type { Account } from "../model";
import { type ApiCall, NO_FACTS, type Outcome, ok, type RateCategory, type Route, type Router } from "../routing";
import type { Simulator } from "../simulator";
import { ACQUIRING_ACCOUNTS, PAYMENT_PROFILES, PRICE_PLANS } from "./catalogue";
import {
  createApiKey,
  createClientCertificate,
  createClientIdentifier,
  credentialsOf,
  credentialView,
  disableCredential,
  enforceMtls,
  enforcementView,
  getCredential,
  ipListView,
  updateCredential,
  updateIpList,
} from "./credentials";
import { LooseSchema, parseInput } from "./input";
import type { Credential, Resource, ResourceKind } from "./model";
import { createPaymentAccount, managedAccountView, onboard, requireManageable, updateAccount } from "./onboard";
import { listPage } from "./paging";
import { createDeepLink, inviteUser, updateUser, userView } from "./portal";
import {
  changeProduct,
  decisionsOf,
  decisionView,
  getPaymentAccount,
  paymentAccountsOf,
  paymentAccountView,
  productView,
  requireProduct,
} from "./products";
import {
  addResource,
  brandView,
  businessEntityView,
  createBrand,
  createBusinessEntity,
  createStore,
  createStoreGroup,
  getResource,
  getStore,
  merged,
  resourcesOf,
  storeGroupView,
  storeView,
  updateBrand,
  updateBusinessEntity,
  updateStore,
  updateStoreGroup,
} from "./resources";
import { managementOf } from "./settings";
import { scheduleStep } from "./steps";

/** Klarna's Management API: which call is which operation. */

const METADATA = "Klarna-Integration-Metadata";
const MetadataSchema = z.looseObject({ integrator: z.looseObject({ name: z.string().min(1) }) });

function parsedJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

const GONE: Outcome = { status: 204, body: null };

type Work = (account: Account, body: unknown) => Outcome;

/** What can be done with one kind of thing below an account. */
type Kind = {
  kind: ResourceKind;
  one: string;
  many: string;
  view: (account: Account, resource: Resource) => Record<string, unknown>;
  create: (account: Account, body: unknown) => Resource;
  update: (account: Account, resource: Resource, body: unknown) => void;
};

export function createManagementRouter(sim: Simulator): Router {
  function onAcquirer(
    operation: string,
    run: (body: unknown) => Outcome,
    category: RateCategory = "partner-management",
  ): Route {
    return { operation, accountId: null, category, facts: NO_FACTS, run: (_account, body) => run(body) };
  }

  function on(operation: string, accountId: string, isWrite: boolean, work: Work): Route {
    return {
      operation,
      accountId,
      category: "partner-management",
      facts: NO_FACTS,
      run(account, body) {
        if (account === null) throw new SimulatedError("RESOURCE_NOT_FOUND", "The account does not exist.");
        requireManageable(sim, account, isWrite);
        return work(account, body);
      },
    };
  }

  const kinds: Record<string, Kind> = {
    "partner-business-entities": {
      kind: "business_entity",
      one: "business_entity",
      many: "partner_business_entities",
      view: (_account, entity) => businessEntityView(entity),
      create: (account, body) => createBusinessEntity(sim, account, body),
      update: (account, entity, body) => updateBusinessEntity(sim, account, entity, body),
    },
    brands: {
      kind: "brand",
      one: "brand",
      many: "brands",
      view: (_account, brand) => brandView(brand),
      create: (account, body) => createBrand(sim, account, body),
      update: (account, brand, body) => updateBrand(sim, account, brand, body),
    },
    "store-groups": {
      kind: "store_group",
      one: "store_group",
      many: "store_groups",
      view: (account, group) => storeGroupView(sim, account, group),
      create: (account, body) => createStoreGroup(sim, account, body),
      update: (account, group, body) => updateStoreGroup(sim, account, group, body),
    },
    relationships: {
      kind: "relationship",
      one: "relationship",
      many: "partner_account_relationships",
      view: (_account, relationship) => ({ relationship_id: relationship.id, ...relationship.data }),
      create: (account, body) =>
        addResource(sim, account, "relationship", { reference: null, data: parseInput(LooseSchema, body) }),
      update(_account, relationship, body) {
        relationship.data = merged(relationship.data, parseInput(LooseSchema, body));
        sim.state.resources.put(relationship);
      },
    },
    users: {
      kind: "user",
      one: "user",
      many: "users",
      view: (_account, user) => userView(user),
      create: (account, body) => inviteUser(sim, account, body),
      update: (account, user, body) => updateUser(sim, account, user, body),
    },
  };

  function resourceRoute(call: ApiCall, accountId: string, parts: string[], of: Kind): Route | null {
    const [, id, more] = parts;
    const { method } = call;
    if (more !== undefined) return null;
    if (id === undefined) {
      if (method === "GET") {
        return on(`list_${of.one.replace(/y$/, "ie")}s`, accountId, false, (account) => {
          const all = resourcesOf(sim, account.account_id, of.kind);
          return ok(
            listPage(
              of.many,
              all,
              call.query,
              (resource) => resource.id,
              (resource) => of.view(account, resource),
            ),
          );
        });
      }
      if (method !== "POST") return null;
      return on(`create_${of.one}`, accountId, true, (account, body) =>
        ok(of.view(account, of.create(account, body)), 201),
      );
    }
    if (method === "GET") {
      return on(`read_${of.one}`, accountId, false, (account) =>
        ok(of.view(account, getResource(sim, account, of.kind, id))),
      );
    }
    if (method === "PATCH") {
      return on(`update_${of.one}`, accountId, true, (account, body) => {
        const resource = getResource(sim, account, of.kind, id);
        of.update(account, resource, body);
        return ok(of.view(account, resource));
      });
    }
    if (method !== "DELETE" || of.kind !== "user") return null;
    return on("delete_user", accountId, true, (account) => {
      sim.state.resources.remove(getResource(sim, account, "user", id).id);
      return GONE;
    });
  }

  function storeRoute(call: ApiCall, accountId: string, parts: string[]): Route | null {
    const [, id, more] = parts;
    const { method } = call;
    if (more !== undefined) return null;
    if (id === undefined) {
      if (method === "GET") {
        return on("list_stores", accountId, false, (account) =>
          ok(listPage("stores", account.stores, call.query, (store) => store.store_id, storeView)),
        );
      }
      if (method !== "POST") return null;
      return on("create_store", accountId, true, (account, body) =>
        ok(storeView(createStore(sim, account, body)), 201),
      );
    }
    if (method === "GET") {
      return on("read_store", accountId, false, (account) => ok(storeView(getStore(account, id))));
    }
    if (method !== "PATCH") return null;
    return on("update_store", accountId, true, (account, body) => {
      const store = getStore(account, id);
      updateStore(sim, account, store, body);
      return ok(storeView(store));
    });
  }

  function productRoute(call: ApiCall, accountId: string, parts: string[]): Route | null {
    const [id, sub, subId, more] = parts;
    const { method } = call;
    if (more !== undefined) return null;
    if (id === undefined) {
      if (method !== "GET") return null;
      return on("list_products", accountId, false, (account) => ok({ payment_products: [productView(sim, account)] }));
    }
    if (sub === undefined) {
      if (method !== "GET") return null;
      return on("read_product", accountId, false, (account) => {
        requireProduct(account, id);
        return ok(productView(sim, account));
      });
    }
    if ((sub === "disable" || sub === "enable") && subId === undefined && method === "POST") {
      return on(`${sub}_product`, accountId, true, (account) => {
        changeProduct(sim, account, id, sub === "enable" ? "ENABLED" : "DISABLED", (delayMs) => {
          for (const step of sim.state.steps.values()) {
            const isOfProduct = step.kind === "product_state" && step.account_id === account.account_id;
            if (isOfProduct) sim.state.steps.remove(step.step_id);
          }
          scheduleStep(sim, account, "product_state", delayMs);
        });
        return ok(productView(sim, account));
      });
    }
    if (sub !== "payment-accounts") return null;
    if (subId !== undefined) {
      if (method !== "GET") return null;
      return on("read_payment_account", accountId, false, (account) => {
        requireProduct(account, id);
        return ok(paymentAccountView(sim, account, getPaymentAccount(sim, account, subId)));
      });
    }
    if (method === "GET") {
      return on("list_payment_accounts", accountId, false, (account) => {
        requireProduct(account, id);
        const all = paymentAccountsOf(sim, account.account_id);
        const view = (entry: (typeof all)[number]) => paymentAccountView(sim, account, entry);
        return ok(listPage("payment_accounts", all, call.query, (entry) => entry.payment_account_id, view));
      });
    }
    if (method !== "POST") return null;
    return on("create_payment_account", accountId, true, (account, body) =>
      ok(createPaymentAccount(sim, account, id, body), 201),
    );
  }

  function accountRoute(call: ApiCall, accountId: string, parts: string[]): Route | null {
    const [noun, id, more] = parts;
    const { method } = call;
    if (noun === undefined) {
      if (method === "GET") return on("read_account", accountId, false, (account) => ok(managedAccountView(account)));
      if (method !== "PATCH") return null;
      return on("update_account", accountId, true, (account, body) => {
        updateAccount(sim, account, body);
        return ok(managedAccountView(account));
      });
    }
    if (noun === "products" && id === "payment") return productRoute(call, accountId, parts.slice(2));
    if (noun === "payment-products") return productRoute(call, accountId, parts.slice(1));
    if (noun === "stores") return storeRoute(call, accountId, parts);
    if (noun === "compliance-decisions" && method === "GET" && more === undefined) {
      if (id === undefined) {
        return on("list_compliance_decisions", accountId, false, (account) =>
          ok({ compliance_decisions: decisionsOf(sim, account.account_id).map(decisionView) }),
        );
      }
      return on("read_compliance_decision", accountId, false, (account) => {
        const decision = sim.state.decisions.get(id);
        if (decision === undefined || decision.account_id !== account.account_id) {
          throw new SimulatedError("RESOURCE_NOT_FOUND", "The compliance decision does not exist.");
        }
        return ok(decisionView(decision));
      });
    }
    const kind = Object.hasOwn(kinds, noun) ? kinds[noun] : undefined;
    return kind === undefined ? null : resourceRoute(call, accountId, parts, kind);
  }

  function catalogueRoute<T>(
    operations: { list: string; read: string },
    key: string,
    all: readonly T[],
    idOf: (entry: T) => string,
    id: string | undefined,
  ): Route {
    if (id === undefined) return onAcquirer(operations.list, () => ok({ [key]: all }));
    return onAcquirer(operations.read, () => {
      const found = all.find((entry) => idOf(entry) === id);
      if (found === undefined) throw new SimulatedError("RESOURCE_NOT_FOUND", "It does not exist.");
      return ok(found);
    });
  }

  function distributionRoute(call: ApiCall, parts: string[]): Route | null {
    const [noun, product, list, id, more] = parts;
    const { method } = call;
    if (noun === "onboard" && product === undefined && method === "POST") {
      return onAcquirer(
        "onboard",
        (body) => ok(onboard(sim, body).view, managementOf(sim).onboard_status),
        "account-onboarding",
      );
    }
    if (method !== "GET") return null;
    const profiles = { list: "list_payment_profiles", read: "read_payment_profile" };
    if (noun === "payment-profiles" && list === undefined) {
      return catalogueRoute(profiles, "payment_profiles", PAYMENT_PROFILES, (one) => one.payment_profile_id, product);
    }
    if (noun !== "products" || product !== "payment" || more !== undefined) return null;
    if (list === "profiles" || list === "payment-profiles") {
      return catalogueRoute(profiles, "payment_profiles", PAYMENT_PROFILES, (one) => one.payment_profile_id, id);
    }
    if (list !== "price-plans") return null;
    const plans = { list: "list_price_plans", read: "read_price_plan" };
    return catalogueRoute(plans, "price_plans", PRICE_PLANS, (one) => one.price_plan_id, id);
  }

  function credentialRoute(call: ApiCall, parts: string[]): Route | null {
    const [noun, id, more] = parts;
    const { method } = call;
    if (more !== undefined) return null;
    if (noun === "client-certificate" && id === "mtls-enforcement") {
      if (method === "GET") return onAcquirer("read_mtls_enforcement", () => ok(enforcementView(sim)));
      if (method !== "POST" && method !== "PATCH") return null;
      return onAcquirer("enforce_mtls", (body) => ok(enforceMtls(sim, body)));
    }
    const found = {
      "api-key": { kind: "API_KEY", one: "api_key", create: createApiKey },
      "client-identifier": { kind: "CLIENT_IDENTIFIER", one: "client_identifier", create: createClientIdentifier },
      "client-certificate": { kind: "CLIENT_CERTIFICATE", one: "client_certificate", create: createClientCertificate },
    } as const;
    if (noun !== "api-key" && noun !== "client-identifier" && noun !== "client-certificate") return null;
    const { kind, one, create } = found[noun];
    if (id === undefined) {
      if (method === "POST") return onAcquirer(`create_${one}`, (body) => ok(create(sim, body), 201));
      if (method !== "GET") return null;
      return onAcquirer(`list_${one}s`, () => ok({ [`${one}s`]: credentialsOf(sim, kind).map(credentialView) }));
    }
    const get = (): Credential => getCredential(sim, kind, id);
    if (method === "GET") return onAcquirer(`read_${one}`, () => ok(credentialView(get())));
    if (method === "PATCH") {
      return onAcquirer(`update_${one}`, (body) => {
        const credential = get();
        updateCredential(sim, credential, body);
        return ok(credentialView(credential));
      });
    }
    if (method !== "DELETE") return null;
    return onAcquirer(`disable_${one}`, () => {
      disableCredential(sim, get());
      return GONE;
    });
  }

  function ownAccountRoute(call: ApiCall, parts: string[]): Route | null {
    const [area, noun, ...rest] = parts;
    const { method } = call;
    if (area === "integration" && noun === "credentials") return credentialRoute(call, rest);
    if (area === "integration" && noun === "ip-address-restrictions" && rest.length === 0) {
      if (method === "GET") return onAcquirer("read_ip_restrictions", () => ok(ipListView(sim)));
      if (method !== "PATCH") return null;
      return onAcquirer("update_ip_restrictions", (body) => ok(updateIpList(sim, body)));
    }
    if (area === "acquiring" && noun === "accounts" && method === "GET" && rest.length <= 1) {
      return catalogueRoute(
        { list: "list_acquiring_accounts", read: "read_acquiring_account" },
        "payment_acquiring_accounts",
        ACQUIRING_ACCOUNTS,
        (one) => one.payment_acquiring_account_id,
        rest[0],
      );
    }
    if (area === "portal" && noun === "deep-links" && rest.length === 0 && method === "POST") {
      return onAcquirer("create_deep_link", (body) => ok(createDeepLink(sim, body)));
    }
    return null;
  }

  function find(call: ApiCall, parts: string[]): Route | null {
    const [version, area, accountId, ...rest] = parts;
    if (version !== "v2") return null;
    if (area === "accounts" && accountId !== undefined) return accountRoute(call, accountId, rest);
    if (area === "distribution") return distributionRoute(call, parts.slice(2));
    if (area === "account") return ownAccountRoute(call, parts.slice(2));
    return null;
  }

  /** One line of JSON that names the integrator: refused where it is wrong, or missing though it is required. */
  function checkMetadata(call: ApiCall): void {
    const text = call.header("klarna-integration-metadata");
    if (text === undefined) {
      if (managementOf(sim).integration_metadata === "required") throw invalid(METADATA, "is required");
      return;
    }
    const parsed = MetadataSchema.safeParse(parsedJson(text));
    if (!parsed.success) throw invalid(METADATA, "must be JSON with integrator.name");
  }

  return (call, parts) => {
    const route = find(call, parts);
    if (route === null) return null;
    return {
      ...route,
      run(account, body, forced) {
        checkMetadata(call);
        return route.run(account, body, forced);
      },
    };
  };
}
