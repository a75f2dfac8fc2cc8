import "server-only";
import { z } from "zod";
import type { ActionResult } from "@/components/action-result";
import { readInput } from "@/server/auth/action-input";
import type { Permission } from "@/server/auth/permissions";
import { failureOf } from "@/server/auth/web";
import { idSchema } from "@/server/core/ids";
import type { CounterPayment } from "@/server/domain/counter/schema";
import { getAtCounter } from "@/server/domain/counter/service";
import type { DevicePurpose } from "@/server/domain/terminals/states";
import { type CounterEntry, counterAction } from "./access";
import { counterReceipt } from "./receipt";
import { letFollow } from "./take";

/** Which payment, asked at which terminal. */
export const OneSchema = z.strictObject({ terminalId: idSchema("terminal"), paymentId: idSchema("payment") });

type Outcome<Answer> = { ok: true; data: Answer } | Extract<ActionResult, { ok: false }>;
type CounterCall = <Input extends { terminalId: string }, Answer>(
  permission: Permission,
  schema: z.ZodType<Input>,
  raw: unknown,
  run: (entry: CounterEntry, input: Input) => Promise<Answer>,
) => Promise<Outcome<Answer>>;

/** How the actions of a till or kiosk are run: first who asks and whether they may, then what was asked. */
export function counterCall(purpose: DevicePurpose): CounterCall {
  return async (permission, schema, raw, run) => {
    let entry: CounterEntry | undefined;
    try {
      const named = z.looseObject({ terminalId: z.string() }).safeParse(raw);
      entry = await counterAction(named.data?.terminalId ?? "", purpose, permission);
      return { ok: true, data: await run(entry, readInput(schema, raw)) };
    } catch (error) {
      return failureOf(error, entry?.ctx);
    }
  };
}

/** The payment as it is now, which this browser may follow from here on. Errors: payment_not_found. */
export async function readPayment({ ctx }: CounterEntry, input: { paymentId: string }): Promise<CounterPayment> {
  const payment = await getAtCounter(ctx, input.paymentId);
  await letFollow(payment);
  return payment;
}

/** A receipt as text, 42 signs a line. Errors: those of counterReceipt. */
export async function receiptText(
  entry: CounterEntry,
  { paymentId, ...options }: { paymentId: string } & Omit<Parameters<typeof counterReceipt>[2], "format">,
): Promise<string> {
  const { body } = await counterReceipt(entry, paymentId, { ...options, format: "text" });
  return typeof body === "string" ? body : body.toString("utf8");
}
