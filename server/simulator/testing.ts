import { createApp } from "./app";
import type {
  AccountView,
  booksOf,
  CustomerTokenView,
  DeliveryView,
  RequestView,
  TransactionView,
} from "./control-views";
import type { CustomerAction } from "./customer";
import type { OpenDispute } from "./disputes/opening";
import type { PlayDispute } from "./disputes/play";
import type { ManagementInput } from "./management/control";
import type { DecisionReason, ProductState, Step } from "./management/model";
import type { Fault, Settings, Switches } from "./model";
import type { FaultInput } from "./scenarios";
import type { Terms } from "./settlements/model";
import type { SftpView } from "./sftp";
import type { LoggedCall, StoreInput } from "./simulator";

/** A simulator inside the test's process: on a free port, in memory unless a folder is given. */

export type SimulatorControl = {
  /** Creates an account or updates the one with the same id. */
  account(input?: {
    account_id?: string;
    name?: string;
    country?: string;
    stores?: StoreInput[];
    switches?: Partial<Switches>;
  }): Promise<AccountView>;
  settings(input: Partial<Settings>): Promise<Settings>;
  requests(filter?: Record<string, string>): Promise<RequestView[]>;
  request(id: string): Promise<RequestView>;
  play(requestId: string, action: CustomerAction, options?: { force?: boolean }): Promise<RequestView>;
  transactions(filter?: Record<string, string>): Promise<TransactionView[]>;
  customerTokens(filter?: Record<string, string>): Promise<CustomerTokenView[]>;
  /** Suspends, revokes or changes the person behind a saved customer. */
  customerToken(
    token: string,
    input: { status?: "ACTIVE" | "SUSPENDED" | "REVOKED"; persona?: "approved" | "denied" },
  ): Promise<CustomerTokenView>;
  books(account?: string): Promise<ReturnType<typeof booksOf>>;
  deliveries(filter?: Record<string, string>): Promise<DeliveryView[]>;
  redeliver(deliveryId: string): Promise<void>;
  calls(filter?: Record<string, string>): Promise<LoggedCall[]>;
  fault(input: FaultInput): Promise<Fault>;
  clearFaults(): Promise<void>;
  advance(ms: number, account?: string): Promise<void>;
  /** Makes happen now what waits for its time: accounts become operational, brands are checked, products change. */
  stepsNow(filter?: { account?: string; kind?: Step["kind"] }): Promise<number>;
  /** Klarna's own change of an account's product, with an event. */
  product(account: string, state: ProductState, decision?: DecisionReason): Promise<Record<string, unknown>>;
  accountState(account: string, state: "OPERATIONAL" | "DISABLED"): Promise<void>;
  management(input: ManagementInput): Promise<void>;
  /** Opens a dispute on a captured transaction, as a customer or Klarna would. */
  openDispute(input: OpenDispute): Promise<Record<string, unknown>>;
  /** What Klarna or time does to a dispute. */
  playDispute(disputeId: string, input: PlayDispute): Promise<Record<string, unknown>>;
  /** Makes settlements now, of all that is owed. */
  settle(input?: { until?: string; currency?: string; daily?: boolean }): Promise<Record<string, unknown>[]>;
  /** A correction by hand, in the next settlement. */
  adjust(input: { account: string; currency: string; amount: number; comment?: string }): Promise<void>;
  terms(input: Partial<Terms> & { account?: string }): Promise<Terms>;
  /** Turns the SFTP server on or off and tells where it stands. */
  sftp(input: {
    is_enabled: boolean;
    port?: number;
    user?: string;
    password?: string;
    public_key?: string;
  }): Promise<SftpView>;
  /** Creates a signing key and a webhook for all events (or those given) to this address. */
  webhook(
    url: string,
    eventTypes?: string[],
  ): Promise<{ webhook_id: string; signing_key_id: string; signing_key: string }>;
  /** Resolves when no webhook is on its way; what waits for a retry stays waiting. */
  idle(): Promise<void>;
  reset(): Promise<void>;
};

export type RunningSimulator = {
  url: string;
  apiKey: string;
  fetch: (request: Request) => Promise<Response>;
  control: SimulatorControl;
  /** Opens the address that speaks TLS and asks for a client certificate; gives its URL. */
  listenTls(): Promise<string>;
  close(): Promise<void>;
};

export const TEST_API_KEY = "klarna_test_api_simulator_for_tests_only";

export async function startSimulator(
  options: { port?: number; dataDir?: string; apiKey?: string; autoAccounts?: boolean } = {},
): Promise<RunningSimulator> {
  const apiKey = options.apiKey ?? TEST_API_KEY;
  const app = createApp({ dataDir: options.dataDir ?? null, apiKey, autoAccounts: options.autoAccounts });
  const port = await app.listen(options.port ?? 0, "127.0.0.1");
  const url = `http://127.0.0.1:${port}`;

  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await app.fetch(
      new Request(`${url}${path}`, {
        method,
        headers: {
          authorization: `Basic ${apiKey}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    // The other end is this very program: its answers have the types that it was compiled with.
    return (text === "" ? null : JSON.parse(text)) as T;
  }
  const list = (path: string, filter: Record<string, string> | undefined): string =>
    filter === undefined ? path : `${path}?${new URLSearchParams(filter)}`;
  const requestPath = (id: string): string => `/_control/requests/${encodeURIComponent(id)}`;

  const control: SimulatorControl = {
    account: (input = {}) => call("POST", "/_control/accounts", input),
    settings: (input) => call("POST", "/_control/settings", input),
    requests: async (filter) =>
      (await call<{ requests: RequestView[] }>("GET", list("/_control/requests", filter))).requests,
    request: (id) => call("GET", requestPath(id)),
    play: (id, action, extra = {}) => call("POST", `${requestPath(id)}/play`, { action, ...extra }),
    transactions: async (filter) =>
      (await call<{ transactions: TransactionView[] }>("GET", list("/_control/transactions", filter))).transactions,
    customerTokens: async (filter) =>
      (await call<{ customer_tokens: CustomerTokenView[] }>("GET", list("/_control/customer-tokens", filter)))
        .customer_tokens,
    customerToken: (token, input) => call("POST", `/_control/customer-tokens/${encodeURIComponent(token)}`, input),
    books: async (account) =>
      (
        await call<{ books: ReturnType<typeof booksOf> }>(
          "GET",
          list("/_control/books", account === undefined ? undefined : { account }),
        )
      ).books,
    deliveries: async (filter) =>
      (await call<{ deliveries: DeliveryView[] }>("GET", list("/_control/webhook-deliveries", filter))).deliveries,
    async redeliver(deliveryId) {
      await call("POST", `/_control/webhook-deliveries/${deliveryId}/redeliver`);
    },
    calls: async (filter) => (await call<{ calls: LoggedCall[] }>("GET", list("/_control/calls", filter))).calls,
    fault: (input) => call("POST", "/_control/faults", input),
    async clearFaults() {
      await call("DELETE", "/_control/faults");
    },
    async stepsNow(filter = {}) {
      return (await call<{ count: number }>("POST", "/_control/steps/now", filter)).count;
    },
    product: (account, state, decision) =>
      call("POST", `/_control/accounts/${encodeURIComponent(account)}/product`, {
        state,
        ...(decision === undefined ? {} : { decision }),
      }),
    async accountState(account, state) {
      await call("POST", `/_control/accounts/${encodeURIComponent(account)}/state`, { state });
    },
    async management(input) {
      await call("POST", "/_control/management", input);
    },
    async advance(ms, account) {
      await call("POST", "/_control/clock", { advance_ms: ms, ...(account === undefined ? {} : { account }) });
    },
    openDispute: (input) => call("POST", "/_control/disputes", input),
    playDispute: (id, input) => call("POST", `/_control/disputes/${id}/play`, input),
    settle: async (input = {}) =>
      (await call<{ settlements: Record<string, unknown>[] }>("POST", "/_control/settlements", input)).settlements,
    async adjust(input) {
      await call("POST", "/_control/adjustments", input);
    },
    terms: (input) => call("POST", "/_control/terms", input),
    sftp: (input) => call("POST", "/_control/sftp", input),
    async webhook(target, eventTypes = ["payment.*"]) {
      const key = await call<{ signing_key_id: string; signing_key: string }>(
        "POST",
        "/v2/notification/signing-keys",
        {},
      );
      const webhook = await call<{ webhook_id: string }>("POST", "/v2/notification/webhooks", {
        url: target,
        event_types: eventTypes,
        event_version: "v2",
        signing_key_id: key.signing_key_id,
        status: "ENABLED",
      });
      return { webhook_id: webhook.webhook_id, signing_key_id: key.signing_key_id, signing_key: key.signing_key };
    },
    idle: () => app.sender.idle(),
    async reset() {
      await call("POST", "/_control/reset");
    },
  };

  return {
    url,
    apiKey,
    fetch: app.fetch,
    control,
    listenTls: async () => `https://localhost:${await app.listenTls(0, "127.0.0.1")}`,
    close: () => app.close(),
  };
}
