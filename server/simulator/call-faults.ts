import { SimulatedError } from "./errors";
import type { Account, Fault } from "./model";
import { type ApiCall, numberAt, type Route } from "./routing";
import { faultAsked, faultTriggered, takeFault, triggerOf } from "./scenarios";
import { type Facts, type Simulator, switchOf } from "./simulator";

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
  if (asked !== undefined) return faultAsked(asked, (detail) => new SimulatedError("VALIDATION_ERROR", detail));
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
  return faultTriggered(sim, trigger, once);
}
