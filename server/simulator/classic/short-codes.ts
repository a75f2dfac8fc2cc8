import { randomInt } from "node:crypto";
import { newUuid } from "../ids";
import { nowFor } from "../simulator";
import type { Classic } from "./context";
import type { ShortCode } from "./model";

/** The printed QR code belongs to no store: who scans it gets a code of digits, and the cashier types it in. */

const DIGITS = 6;
const VALID_MS = 15 * 60_000;

export function createShortCode(classic: Classic): ShortCode {
  const { shortCodes } = classic.sim.state;
  const now = nowFor(classic.sim, undefined);
  const taken = new Set<string>();
  for (const visit of shortCodes.values()) {
    if (visit.expires_at <= now && visit.session_id === null) shortCodes.remove(visit.visit_id);
    else taken.add(visit.short_code);
  }
  let code: string;
  do code = String(randomInt(10 ** DIGITS)).padStart(DIGITS, "0");
  while (taken.has(code));
  const visit: ShortCode = {
    visit_id: newUuid(),
    short_code: code,
    session_id: null,
    created_at: now,
    expires_at: now + VALID_MS,
  };
  shortCodes.put(visit);
  return visit;
}
