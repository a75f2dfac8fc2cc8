import type { Metadata } from "next";
import { toSpot } from "../../../_components/place";
import { Refused } from "../../../_components/refused";
import { counterEntry } from "../../../_lib/access";
import { CustomerScreen } from "./customer-screen";

export const metadata: Metadata = { title: { absolute: "Pay with Klarna" }, referrer: "same-origin" };

/** The customer's side of a till: a second window of its browser, that shows whatever the till takes now. */
export default async function CustomerScreenPage({ params }: { params: Promise<{ terminalId: string }> }) {
  const entry = await counterEntry((await params).terminalId, "TILL");
  if ("refusal" in entry) return <Refused refusal={entry.refusal} home={entry.home} />;
  return <CustomerScreen spot={toSpot(entry.place)} />;
}
