import { newUuid } from "./ids";
import { type Account, type Fault, type FaultKind, FaultKindSchema } from "./model";
import { type Facts, type Simulator, switchOf } from "./simulator";

/** What an amount, a header or the control panel makes happen. */

/** How long a slow call takes where nobody says. */
const SLOW_MS = 3_000;

/** A fault of this call alone, which is not kept. */
function faultOfCall(kind: FaultKind, delayMs: number | null = null): Fault {
  return {
    fault_id: "-",
    operation: "-",
    account: null,
    match: {},
    kind,
    delay_ms: delayMs,
    times: 1,
    hits: 1,
  };
}

/** What the header `X-Simulator-Fault` asks for; `refusal` makes the error for a kind that there is not. */
export function faultAsked(header: string, refusal: (detail: string) => Error): Fault {
  const [kind, ...options] = header.split(";").map((part) => part.trim());
  const parsed = FaultKindSchema.safeParse(kind);
  if (!parsed.success) throw refusal(`X-Simulator-Fault: unknown kind ${kind ?? ""}.`);
  const delay = options.find((option) => option.startsWith("delay_ms="))?.slice("delay_ms=".length);
  return faultOfCall(parsed.data, delay === undefined ? null : Number(delay));
}

/** What the last digits of an amount do to a call, the first time for this key. */
export function faultTriggered(sim: Simulator, trigger: string | null, key: string): Fault | null {
  if (trigger === "08" && fireOnce(sim, key)) return faultOfCall("status_500");
  if (trigger === "09" && fireOnce(sim, key)) return faultOfCall("status_429");
  if (trigger === "10" && fireOnce(sim, key)) return faultOfCall("slow", SLOW_MS);
  return null;
}

/** Passes the time that a slow call takes. */
export function beSlow(fault: Fault): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, fault.delay_ms ?? SLOW_MS));
}

/** The last two digits of an amount, where triggers are on for the account. */
export function triggerOf(sim: Simulator, account: Account, amount: number): string | null {
  if (!switchOf(sim, account, "amount_triggers")) return null;
  const digits = String(amount % 100).padStart(2, "0");
  return digits >= "01" && digits <= "10" ? digits : null;
}

/** True the first time it is asked for this key. Remembered over restarts. */
function fireOnce(sim: Simulator, key: string): boolean {
  if (sim.state.firedTriggers.get(key) !== undefined) return false;
  sim.state.firedTriggers.put({ id: key });
  return true;
}

export const CALL_FAULTS: ReadonlySet<FaultKind> = new Set<FaultKind>([
  "slow",
  "slow_before",
  "status_500",
  "status_503",
  "status_429",
  "timeout",
  "status_500_after",
  "cut_before",
  "cut_after",
  "cut_halfway",
  "malformed",
  "wrong_schema",
  "unknown_word",
  "odd_form",
  "html_502",
  "html_403",
  "decline",
  "approve",
  "step_up",
  "step_up_again",
]);

export type FaultInput = {
  operation: string;
  account?: string | undefined;
  match?: Fault["match"] | undefined;
  kind: FaultKind;
  delay_ms?: number | undefined;
  times?: number | null | undefined;
};

/** Arms a fault. Without `times` it happens once; with null it stays until removed. */
export function addFault(sim: Simulator, input: FaultInput): Fault {
  const fault: Fault = {
    fault_id: newUuid(),
    operation: input.operation,
    account: input.account ?? null,
    match: input.match ?? {},
    kind: input.kind,
    delay_ms: input.delay_ms ?? null,
    times: input.times === undefined ? 1 : input.times,
    hits: 0,
  };
  sim.state.faults.put(fault);
  return fault;
}

function doesMatch(fault: Fault, operation: string, accountId: string | null, facts: Facts): boolean {
  if (fault.operation !== operation && (fault.operation !== "*" || operation === "webhook")) return false;
  if (fault.account !== null && fault.account !== accountId) return false;
  if (fault.times !== null && fault.hits >= fault.times) return false;
  const { match } = fault;
  return (
    (match.payment_request_id === undefined || match.payment_request_id === facts.payment_request_id) &&
    (match.payment_request_reference === undefined ||
      match.payment_request_reference === facts.payment_request_reference) &&
    (match.payment_transaction_reference === undefined ||
      match.payment_transaction_reference === facts.payment_transaction_reference) &&
    (match.purchase_reference === undefined || match.purchase_reference === facts.purchase_reference) &&
    (match.amount === undefined || match.amount === facts.amount) &&
    (match.event_type === undefined || match.event_type === facts.event_type) &&
    (match.store_reference === undefined || match.store_reference === facts.store_reference) &&
    (match.email === undefined || match.email === facts.email)
  );
}

/** The first armed fault for this call or event; using it counts one hit. */
export function takeFault(sim: Simulator, operation: string, accountId: string | null, facts: Facts): Fault | null {
  if (sim.state.faults.size === 0) return null;
  for (const fault of sim.state.faults.values()) {
    if (!doesMatch(fault, operation, accountId, facts)) continue;
    fault.hits += 1;
    sim.state.faults.put(fault);
    return fault;
  }
  return null;
}

/** An answer or an event that is not what it should be: half of it, or with a word that nobody has heard of. */
export function spoil(text: string, kind: "malformed" | "unknown_word" | "odd_form"): string {
  if (kind === "malformed") return text.slice(0, Math.ceil(text.length / 2));
  if (kind === "odd_form") return JSON.stringify(oddly(JSON.parse(text)));
  return text.replace(/"(result|state|status|instruction|payment_status)":"[A-Z_]+"/g, '"$1":"UNHEARD_OF"');
}

/** Members that Klarna's objects may have; where one has none of them it says so by null. */
const MAY_BE_NULL = [
  "state_reason",
  "result_reason",
  "previous_state",
  "payment_token",
  "klarna_network_session_token",
  "payment_capture_id",
  "payment_captures",
  "payment_refunds",
  "payment_funding",
  "payment_request",
  "state_context",
  "customer_interaction",
  "qr_code",
  "validation_errors",
  "errors",
  "expires_at",
  "created_at",
  "amount",
  "currency",
];

/** The same, as another release might say it: nulls for what is absent, fields that nobody knows, other forms of time. */
function oddly(value: unknown): unknown {
  if (typeof value === "string")
    return /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/.test(value) ? `${value.slice(0, -1).padEnd(23, "0")}000+0000` : value;
  if (Array.isArray(value)) return value.map(oddly);
  if (typeof value !== "object" || value === null) return value;
  return {
    not_known_yet: { since: "r9", words: ["NEW", null] },
    ...Object.fromEntries(MAY_BE_NULL.map((name) => [name, null])),
    ...Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, oddly(inner)])),
  };
}
