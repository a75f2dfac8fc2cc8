import { SimulatedError } from "./errors";
import { type Account, type Fault, type FaultKind, FaultKindSchema } from "./model";
import { type ApiCall, numberAt, type Route } from "./routing";
import { fireOnce, takeFault, triggerOf } from "./scenarios";
import { type Facts, type Simulator, switchOf } from "./simulator";

/** How long a slow call takes where nobody says. */
export const SLOW_MS = 3_000;

/** The fault for this call: asked for by header, armed in the control panel, or set off by the amount. */
export function faultOf(
  sim: Simulator,
  call: ApiCall,
  route: Route,
  account: Account | null,
  facts: Facts,
  body: unknown,
  key: string | undefined,
): Fault | null {
  const asked = call.header("x-simulator-fault");
  if (asked !== undefined) {
    const [kind, ...options] = asked.split(";").map((part) => part.trim());
    const parsed = FaultKindSchema.safeParse(kind);
    if (!parsed.success) throw new SimulatedError("VALIDATION_ERROR", `X-Simulator-Fault: unknown kind ${kind ?? ""}.`);
    const delay = options.find((option) => option.startsWith("delay_ms="))?.slice("delay_ms=".length);
    return headerFault(parsed.data, delay === undefined ? null : Number(delay));
  }
  const armed = takeFault(sim, route.operation, account?.account_id ?? null, facts);
  if (armed !== null) return armed;
  if (account === null) return null;
  // The first call of a payment is steered by its amount; any later one only by an amount of its own.
  const isFirst = route.operation === "authorize";
  if (!isFirst && !switchOf(sim, account, "operation_triggers")) return null;
  const amount = isFirst ? facts.amount : numberAt(body, "amount");
  if (amount === undefined) return null;
  const trigger = triggerOf(sim, account, amount);
  if (trigger === null) return null;
  const subject = facts.payment_request_reference ?? facts.purchase_reference ?? key ?? "-";
  const place = isFirst ? "" : ` ${route.operation} ${call.path}`;
  const once = `${trigger} ${account.account_id} ${subject}${place}`;
  if (trigger === "08" && fireOnce(sim, once)) return headerFault("status_500", null);
  if (trigger === "09" && fireOnce(sim, once)) return headerFault("status_429", null);
  if (trigger === "10" && fireOnce(sim, once)) return headerFault("slow", SLOW_MS);
  return null;
}

function headerFault(kind: FaultKind, delayMs: number | null): Fault {
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
