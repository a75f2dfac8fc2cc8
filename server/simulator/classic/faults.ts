import { type Account, type Fault, type FaultKind, FaultKindSchema } from "../model";
import { type ApiCall, numberAt, textAt } from "../routing";
import { fireOnce, takeFault, triggerOf } from "../scenarios";
import type { Facts } from "../simulator";
import type { Classic } from "./context";
import { ClassicError } from "./errors";
import type { ClassicRoute } from "./routing";

/** What goes wrong with a call of the classic APIs: asked for by header, armed in the control panel, set off by the amount. */

/** How long a slow call takes where nobody says. */
export const SLOW_MS = 3_000;

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
  const made = (kind: FaultKind, delayMs: number | null = null): Fault => ({
    fault_id: "-",
    operation: "-",
    account: null,
    match: {},
    kind,
    delay_ms: delayMs,
    times: 1,
    hits: 1,
  });
  const asked = call.header("x-simulator-fault");
  if (asked !== undefined) {
    const [kind, ...options] = asked.split(";").map((part) => part.trim());
    const parsed = FaultKindSchema.safeParse(kind);
    if (!parsed.success) throw new ClassicError(400, "BAD_REQUEST", `X-Simulator-Fault: unknown kind ${kind ?? ""}.`);
    const delay = options.find((option) => option.startsWith("delay_ms="))?.slice("delay_ms=".length);
    return made(parsed.data, delay === undefined ? null : Number(delay));
  }
  const armed = takeFault(sim, route.operation, account.account_id, facts);
  if (armed !== null) return armed;
  if (route.operation !== "classic_create_session" || facts.amount === undefined) return null;
  const trigger = triggerOf(sim, account, facts.amount);
  const once = `classic ${trigger} ${account.account_id} ${facts.purchase_reference ?? "-"}`;
  if (trigger === "08" && fireOnce(sim, once)) return made("status_500");
  if (trigger === "09" && fireOnce(sim, once)) return made("status_429");
  if (trigger === "10" && fireOnce(sim, once)) return made("slow", SLOW_MS);
  return null;
}
