import { SimulatedError } from "./errors";
import { newAccountId, newApiKey, newProductInstanceId, newStoreId } from "./ids";
import { newProduct } from "./management/model";
import { type Account, DEFAULT_SETTINGS, type Settings, type Store, type Switches } from "./model";
import { openState, type State } from "./state";

/** One simulator: its state, its clock, and the hooks by which its parts reach each other. */
export type Simulator = {
  readonly state: State;
  readonly publicUrl: () => string;
  readonly settings: () => Settings;
  readonly tokens: Map<string, string>;
  readonly calls: CallLog;
  /** Set by the webhook part; events are queued in the same turn as the change that caused them. */
  emit: (event: SimulatedEvent) => void;
};

export type SimulatedEvent = {
  account: Account;
  type: string;
  subjectId: string;
  payload: Record<string, unknown>;
  facts: Facts;
  /** About the account as a whole, so that no product is named. */
  isAccountWide?: boolean;
};

/** What a fault or a filter can match on. */
export type Facts = {
  payment_request_id?: string | undefined;
  payment_request_reference?: string | undefined;
  payment_transaction_reference?: string | undefined;
  purchase_reference?: string | undefined;
  amount?: number | undefined;
  event_type?: string | undefined;
  store_reference?: string | undefined;
  email?: string | undefined;
};

export type LoggedCall = {
  at: string;
  method: string;
  path: string;
  operation: string;
  account: string | null;
  idempotency_key: string | null;
  session_token: string | null;
  partner_correlation_id: string | null;
  correlation_id: string;
  status: number | null;
  fault: string | null;
  is_replay: boolean;
  duration_ms: number;
  request_body: string | null;
  facts: Facts;
};

const CALLS_KEPT_MAX = 10_000;

export type CallLog = ReturnType<typeof createCallLog>;

/** The last calls, oldest first. A ring, so that a benchmark does not fill the memory. */
export function createCallLog() {
  let ring: LoggedCall[] = [];
  let next = 0;
  return {
    add(call: LoggedCall): void {
      if (ring.length < CALLS_KEPT_MAX) ring.push(call);
      else ring[next] = call;
      next = (next + 1) % CALLS_KEPT_MAX;
    },
    list(): LoggedCall[] {
      return ring.length < CALLS_KEPT_MAX ? ring.slice() : [...ring.slice(next), ...ring.slice(0, next)];
    },
    clear(): void {
      ring = [];
      next = 0;
    },
  };
}

export function createSimulator(options: {
  dataDir: string | null;
  publicUrl: () => string;
  apiKey?: string | undefined;
  autoAccounts?: boolean | undefined;
}): Simulator {
  const state = openState(options.dataDir);
  const stored = state.settings.get("settings");
  const settings: Settings = stored ?? {
    ...DEFAULT_SETTINGS,
    api_key: newApiKey(),
    acquirer_account_id: newAccountId(),
  };
  if (options.apiKey !== undefined) settings.api_key = options.apiKey;
  if (options.autoAccounts !== undefined) settings.auto_accounts = options.autoAccounts;
  state.settings.put(settings);
  const tokens = new Map<string, string>();
  for (const request of state.requests.values()) {
    if (request.session_token !== null) tokens.set(request.session_token, request.payment_request_id);
    if (request.payment_token !== null) tokens.set(request.payment_token, request.payment_request_id);
  }
  return {
    state,
    publicUrl: options.publicUrl,
    settings: () => settings,
    tokens,
    calls: createCallLog(),
    emit: () => undefined,
  };
}

/** The time on an account's clock: the machine's, moved by the simulator's offset and by the account's own. */
export function nowFor(sim: Simulator, account: Account | undefined): number {
  const settings = sim.settings();
  const machine = Date.now();
  const gained =
    settings.clock_speed === 1 ? 0 : Math.floor((machine - settings.clock_speed_since) * (settings.clock_speed - 1));
  return machine + gained + settings.clock_offset_ms + (account?.clock_offset_ms ?? 0);
}

export function switchOf<K extends keyof Switches>(sim: Simulator, account: Account | undefined, key: K): Switches[K] {
  const own: Partial<Switches> = account?.switches ?? {};
  return own[key] ?? sim.settings()[key];
}

export type NewAccount = {
  account_id?: string | undefined;
  name?: string | undefined;
  country?: string | undefined;
};

/** An account that takes payments at once, not yet known to anybody. */
export function newAccount(input: NewAccount): Account {
  return {
    account_id: input.account_id ?? newAccountId(),
    name: input.name ?? "Test Partner",
    country: input.country ?? "DE",
    product_instance_id: newProductInstanceId(),
    stores: [],
    switches: {},
    clock_offset_ms: 0,
    created_at: Date.now(),
    partner_account_reference: null,
    contact: null,
    supplementary_account_data: null,
    state: "OPERATIONAL",
    product: newProduct(null),
    updated_at: null,
  };
}

export function createAccount(sim: Simulator, input: NewAccount): Account {
  const account = newAccount(input);
  sim.state.accounts.put(account);
  return account;
}

export function getAccount(sim: Simulator, accountId: string): Account {
  const account = sim.state.accounts.get(accountId);
  if (account !== undefined) return account;
  if (sim.settings().auto_accounts && accountId.startsWith("krn:partner:global:account:")) {
    return createAccount(sim, { account_id: accountId });
  }
  throw new SimulatedError("RESOURCE_NOT_FOUND", "The account does not exist.");
}

export type StoreInput = {
  store_id?: string | undefined;
  store_reference?: string | null | undefined;
  name?: string | null | undefined;
  type?: Store["type"] | undefined;
  address?: Record<string, unknown> | null | undefined;
};

/** Adds a store, or updates the one with the same id or reference. */
export function upsertStore(sim: Simulator, account: Account, input: StoreInput, origin: Store["onboarded_by"]): Store {
  const known = account.stores.find(
    (store) =>
      (input.store_id !== undefined && store.store_id === input.store_id) ||
      (typeof input.store_reference === "string" && store.store_reference === input.store_reference),
  );
  if (known !== undefined && origin === "inline") return known;
  const store: Store = {
    store_id: input.store_id ?? known?.store_id ?? newStoreId(),
    store_reference: input.store_reference ?? known?.store_reference ?? null,
    name: input.name ?? known?.name ?? null,
    type: input.type ?? known?.type ?? "PHYSICAL_STORE",
    address: input.address ?? known?.address ?? null,
    onboarded_by: known?.onboarded_by ?? origin,
    store_group_id: known?.store_group_id ?? null,
    url: known?.url ?? null,
    platform: known?.platform ?? null,
    bundle_names: known?.bundle_names ?? [],
  };
  if (known === undefined) account.stores.push(store);
  else account.stores[account.stores.indexOf(known)] = store;
  sim.state.accounts.put(account);
  return store;
}
