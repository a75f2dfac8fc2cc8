import { expect } from "vitest";
import type { Database } from "@/server/db/client";
import { PAYMENT_STATES, type PaymentState, paymentMachine } from "@/server/domain/payments/states";

/** Klarna places a classic order itself; on the Network nothing but the final call approves. */
const CLASSIC_ONLY: readonly PaymentState[] = ["AUTHORIZED", "COMPLETED"];

class Undo extends Error {}

/** What the database says to the move; null where it lets it happen. Undone in any case. */
async function tryMove(db: Database, id: string, to: PaymentState): Promise<string | null> {
  try {
    await db.transaction(async (tx) => {
      await tx.query({ text: "update payments set state = $2, version = version + 1 where id = $1", values: [id, to] });
      throw new Undo();
    });
    return null;
  } catch (error) {
    if (error instanceof Undo) return null;
    return error instanceof Error ? error.message : String(error);
  }
}

/** Asks the database to move the payment from its state to each of the twelve in turn: it refuses what the table has not. */
export async function expectGuardedMoves(
  db: Database,
  rail: "NETWORK" | "CLASSIC",
  from: PaymentState,
  id: string,
): Promise<void> {
  for (const to of PAYMENT_STATES) {
    if (to === from) continue;
    const isOthers = rail === "NETWORK" && (from === "PENDING" || from === "IN_PROGRESS") && CLASSIC_ONLY.includes(to);
    const refusal = await tryMove(db, id, to);
    if (paymentMachine.leads(from, to) && !isOthers)
      expect(refusal ?? "", `${from} to ${to}`).not.toMatch(/does not lead to/);
    else expect(refusal, `${from} to ${to}`).toMatch(new RegExp(`${from} does not lead to ${to}`));
  }
}
