import type { Account, Fault } from "../model";
import { type ApiCall, numberAt, textAt } from "../routing";
import { faultAsked, faultTriggered, takeFault, triggerOf } from "../scenarios";
import type { Facts } from "../simulator";
import type { Classic } from "./context";
import { ClassicError } from "./errors";
import type { ClassicRoute } from "./routing";

/** What goes wrong with a call of the classic APIs: asked for by header, armed in the control panel, set off by the amount. */

/** What faults are matched by. */
export function factsOf({ sim }: Classic, call: ApiCall, account: Account, body: unknown): Facts {
  const id = call.path.split("/")[4];
  const session = id === undefined ? undefined : sim.state.classicSessions.get(id);
  const order = id === undefined ? undefined : sim.state.classicOrders.get(id);
  const isOwn = (owner: { account_id: string } | undefined): boolean => owner?.account_id === account.account_id;
  const reference = isOwn(session)
    ? session?.merchant_reference1
    : isOwn(order)
      ? order?.merchant_reference1
      : undefined;
  return {
    purchase_reference: textAt(body, "merchant_reference1") ?? reference ?? undefined,
    amount: numberAt(body, "order_amount") ?? numberAt(body, "captured_amount") ?? numberAt(body, "refunded_amount"),
  };
}

export function faultOf(
  { sim }: Classic,
  call: ApiCall,
  route: ClassicRoute,
  account: Account,
  facts: Facts,
): Fault | null {
  const asked = call.header("x-simulator-fault");
  if (asked !== undefined) return faultAsked(asked, (detail) => new ClassicError(400, "BAD_REQUEST", detail));
  const armed = takeFault(sim, route.operation, account.account_id, facts);
  if (armed !== null) return armed;
  if (route.operation !== "classic_create_session" || facts.amount === undefined) return null;
  const trigger = triggerOf(sim, account, facts.amount);
  const once = `classic ${trigger} ${account.account_id} ${facts.purchase_reference ?? "-"}`;
  return faultTriggered(sim, trigger, once);
}
