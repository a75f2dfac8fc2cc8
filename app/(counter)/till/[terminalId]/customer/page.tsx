import type { Metadata } from "next";
import { ServerTime } from "@/components/counter/server-time";
import { webServices } from "@/server/auth/web";
import { storedLook } from "@/server/domain/payments/service";
import { toSpot } from "../../../_components/place";
import { Refused } from "../../../_components/refused";
import { counterEntry } from "../../../_lib/access";
import { CustomerScreen } from "./customer-screen";

export const metadata: Metadata = { title: { absolute: "Pay with Klarna" }, referrer: "same-origin" };

/** As long as Klarna's own: what a code must hold before there is one. */
const ANY_TARGET = "https://pay.klarna.com/na/requests/00000000-0000-0000-0000-000000000000/start";

/** The customer's side of a till: a second window of its browser, that shows whatever the till takes now. */
export default async function CustomerScreenPage({ params }: { params: Promise<{ terminalId: string }> }) {
  const entry = await counterEntry((await params).terminalId, "TILL");
  if ("refusal" in entry) return <Refused refusal={entry.refusal} home={entry.home} />;
  // The brand's logo is left to the display of one payment, whose code it is checked against.
  const plain = { ...entry.place.settings, qr_logo: "none" as const };
  const look = { ...storedLook(plain, ANY_TARGET), picture: null };
  return (
    <>
      <ServerTime atMs={webServices().clock.now().getTime()} />
      <CustomerScreen spot={toSpot(entry.place)} look={look} />
    </>
  );
}
