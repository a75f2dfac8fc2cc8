import { iso } from "../ids";
import type { Account } from "../model";
import { nowFor, type Simulator } from "../simulator";

/** Raises an event about an account as a whole: its metadata names no product. */
export function emitAboutAccount(
  sim: Simulator,
  account: Account,
  type: string,
  subjectId: string,
  payload: Record<string, unknown>,
): void {
  sim.emit({
    account,
    type,
    subjectId,
    payload: { ...payload, updated_at: iso(nowFor(sim, account)) },
    facts: {},
    isAccountWide: true,
  });
}

export function emitAboutProduct(
  sim: Simulator,
  account: Account,
  type: string,
  payload: Record<string, unknown>,
): void {
  sim.emit({
    account,
    type,
    subjectId: account.product_instance_id,
    payload: { ...payload, updated_at: iso(nowFor(sim, account)) },
    facts: {},
  });
}
