import { randomBytes } from "node:crypto";
import type { Account } from "../model";
import { nowFor, type Simulator } from "../simulator";
import type { CallbackSender } from "./callbacks";
import type { ClassicSession } from "./model";

/** What every part of the classic APIs works on. */
export type Classic = {
  readonly sim: Simulator;
  readonly callbacks: CallbackSender;
  /** Sessions that time or a customer can still change. */
  readonly open: Set<string>;
};

export function accountOf(classic: Classic, accountId: string): Account {
  const account = classic.sim.state.accounts.get(accountId);
  if (account === undefined) throw new Error(`the account ${accountId} of a classic session is gone`);
  return account;
}

export function nowOf(classic: Classic, session: Pick<ClassicSession, "account_id">): number {
  return nowFor(classic.sim, classic.sim.state.accounts.get(session.account_id));
}

const REFERENCE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/** What stands on the customer's receipt: eight characters. */
export function newKlarnaReference(): string {
  return Array.from(randomBytes(8), (byte) => REFERENCE_ALPHABET.charAt(byte % REFERENCE_ALPHABET.length)).join("");
}
