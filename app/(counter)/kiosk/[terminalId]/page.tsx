import type { Metadata } from "next";
import { headers } from "next/headers";
import { z } from "zod";
import { ServerTime } from "@/components/counter/server-time";
import { webServices } from "@/server/auth/web";
import { languageOf, pickLanguage } from "@/server/core/languages";
import { amountSchema, currencySchema, referenceSchema } from "@/server/core/schema";
import { toSpot } from "../../_components/place";
import { Refused } from "../../_components/refused";
import { counterEntry } from "../../_lib/access";
import { Kiosk } from "./kiosk";

type Props = {
  params: Promise<{ terminalId: string }>;
  searchParams: Promise<Record<string, string | string[] | undefined>>;
};

export const metadata: Metadata = { title: { absolute: "Pay with Klarna" }, referrer: "same-origin" };

/** What the self-checkout's software hands over in the address. All three, or there is nothing to pay yet. */
const HandoverSchema = z.object({
  amount: z
    .string()
    .regex(/^\d{1,10}$/)
    .transform(Number)
    .pipe(amountSchema),
  currency: currencySchema,
  reference: referenceSchema,
});

/** The kiosk of one terminal: waits for a purchase, offers Klarna in Klarna's words, takes the payment, starts over. */
export default async function KioskPage({ params, searchParams }: Props) {
  const [{ terminalId }, query, sent] = await Promise.all([params, searchParams, headers()]);
  const entry = await counterEntry(terminalId, "KIOSK");
  if ("refusal" in entry) return <Refused refusal={entry.refusal} home={entry.home} />;
  const handover = HandoverSchema.safeParse(query);
  const asked = query["language"];
  const language = pickLanguage({
    asked: typeof asked === "string" ? asked : null,
    setting: entry.place.settings.language,
    country: entry.place.country,
    accept: sent.get("accept-language"),
  });
  return (
    <>
      <ServerTime atMs={webServices().clock.now().getTime()} />
      <Kiosk
        key={handover.success ? `${handover.data.reference} ${handover.data.amount}` : "start"}
        spot={toSpot(entry.place)}
        first={languageOf(language) ?? "en"}
        isDevice={entry.device !== null}
        canType={entry.place.settings.kiosk_amount}
        handover={handover.success ? handover.data : null}
        isHandoverWrong={query["amount"] !== undefined && !handover.success}
      />
    </>
  );
}
