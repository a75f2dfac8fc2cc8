import { z } from "zod";
import { amountSchema, currencySchema, referenceSchema } from "@/server/core/schema";

/** What the form says; the same for the browser and the server action. */
export const TakePaymentSchema = z.strictObject({
  partnerId: z.string().min(1, "Choose a Partner.").max(40),
  storeId: z.string().min(1, "Choose a store.").max(40),
  terminalId: z.string().min(1, "Choose a terminal.").max(40),
  amount: z.int({ error: "Enter an amount." }).pipe(amountSchema),
  currency: currencySchema,
  reference: z.string().trim().min(1, "Enter a reference.").pipe(referenceSchema),
});
export type TakePaymentInput = z.infer<typeof TakePaymentSchema>;

/** A terminal that can show a QR code, with where it stands. */
export type PointOfSale = {
  partner: { id: string; name: string; currency: string };
  store: { id: string; name: string; reference: string };
  terminal: { id: string; label: string; reference: string };
};
