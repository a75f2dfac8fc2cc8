import { z } from "zod";
import { amountSchema, currencySchema, referenceSchema } from "@/server/core/schema";
import { ShortCodeSchema } from "@/server/domain/payments/schema";

/** What the form says; the same for the browser and the server action. */
export const TakePaymentSchema = z
  .strictObject({
    partnerId: z.string().min(1, "Choose a Partner.").max(40),
    storeId: z.string().min(1, "Choose a store.").max(40),
    terminalId: z.string().min(1, "Choose a terminal.").max(40),
    amount: z.int({ error: "Enter an amount." }).pipe(amountSchema),
    currency: currencySchema,
    reference: z.string().trim().min(1, "Enter a reference.").pipe(referenceSchema),
    launch: z.enum(["qr", "short_code"]).default("qr"),
    /** As the customer read it out: spaces between groups do not matter. */
    shortCode: z
      .string()
      .max(60)
      .transform((typed) => typed.replace(/[\s.-]/g, ""))
      .default(""),
  })
  .refine(({ launch, shortCode }) => launch === "qr" || ShortCodeSchema.safeParse(shortCode).success, {
    path: ["shortCode"],
    message: "Enter the 2 to 20 digits that the customer reads out.",
  });
export type TakePaymentInput = z.input<typeof TakePaymentSchema>;
export type TakePayment = z.output<typeof TakePaymentSchema>;

/** A sale that came to nothing, to be taken once more. */
export type SaleAgain = { amount: number; currency: string; reference: string; launch: "qr" | "short_code" };

/** A terminal where payments are taken, with where it stands. */
export type PointOfSale = {
  partner: { id: string; name: string; currency: string };
  store: { id: string; name: string; reference: string };
  terminal: { id: string; label: string; reference: string };
  /** How the customer can begin here; at least one. A short code goes with Klarna's classic sessions alone. */
  launches: readonly ("qr" | "short_code")[];
};
