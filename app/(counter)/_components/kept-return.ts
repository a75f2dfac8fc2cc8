import { z } from "zod";
import { type ReturnInput, ReturnSchema } from "@/server/domain/counter/schema";

/*
 * Returns that were asked for and whose answer is not known, kept in this browser before they are sent: neither a lost
 * answer nor a page that is loaded again makes a second return of one.
 */

const KeptSchema = z.array(z.strictObject({ input: ReturnSchema, at: z.number() }));
type Kept = z.infer<typeof KeptSchema>;

/** As long as the server knows what was made under a nonce. */
const KEPT_FOR_MS = 30 * 24 * 60 * 60_000;
/** How long a page that is loaded anew goes back to it by itself. */
const RESUMED_FOR_MS = 15 * 60_000;

const keyOf = (terminalId: string): string => `tillgate-return:${terminalId}`;

function read(terminalId: string): Kept {
  try {
    const kept = KeptSchema.safeParse(JSON.parse(window.localStorage.getItem(keyOf(terminalId)) ?? "[]")).data ?? [];
    return kept.filter((each) => Date.now() - each.at < KEPT_FOR_MS);
  } catch {
    return [];
  }
}

function write(terminalId: string, kept: Kept): void {
  try {
    if (kept.length === 0) window.localStorage.removeItem(keyOf(terminalId));
    else window.localStorage.setItem(keyOf(terminalId), JSON.stringify(kept));
  } catch {
    // Without storage a page that is loaded again starts anew; the sale shows what is left of it.
  }
}

/** The return of this sale of which nobody knows yet. */
export function keptReturn(terminalId: string, paymentId: string): ReturnInput | null {
  return read(terminalId).find((each) => each.input.paymentId === paymentId)?.input ?? null;
}

/** The sale whose return was asked for just now, without an answer. */
export function latestKeptReturn(terminalId: string): string | null {
  const [latest] = read(terminalId).toSorted((a, b) => b.at - a.at);
  return latest !== undefined && Date.now() - latest.at < RESUMED_FOR_MS ? latest.input.paymentId : null;
}

export function keepReturn(input: ReturnInput): void {
  const kept = read(input.terminalId);
  const others = kept.filter((each) => each.input.paymentId !== input.paymentId);
  // From the first press on: the server counts from there, too.
  const at = kept.find((each) => each.input.nonce === input.nonce)?.at ?? Date.now();
  write(input.terminalId, [...others, { input: ReturnSchema.parse(input), at }]);
}

export function forgetReturn({ terminalId, paymentId }: Pick<ReturnInput, "terminalId" | "paymentId">): void {
  write(
    terminalId,
    read(terminalId).filter((each) => each.input.paymentId !== paymentId),
  );
}
