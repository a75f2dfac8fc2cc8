import type { Metadata } from "next";
import { cookies, headers } from "next/headers";
import { notFound } from "next/navigation";
import { acceptedLanguages } from "@/server/core/languages";
import { isReturnToken } from "@/server/domain/payments/service";
import { JourneyScreen } from "../../_components/journey-screen";
import { journeyOf, returnCookieName } from "../../journey";

type Props = { params: Promise<{ paymentId: string }> };

export const metadata: Metadata = { title: { absolute: "Pay with Klarna" }, robots: { index: false } };

/** What became of a payment, for the customer's own browser: whoever has the address learns how it stands, no more. */
export default async function JourneyPage({ params }: Props) {
  const journey = await journeyOf((await params).paymentId);
  if (!journey) notFound();
  const { ctx, id, view } = journey;
  const token = (await cookies()).get(returnCookieName(id))?.value;
  const isCustomer = token !== undefined && isReturnToken(ctx, id, token);
  return (
    <JourneyScreen
      id={id}
      status={view.payment.status}
      mode={view.payment.mode}
      shop={view.partnerName}
      canGoOn={view.klarnaUrl !== null}
      isCustomer={isCustomer}
      hasReturn={isCustomer && view.returnUrl !== null}
      language={acceptedLanguages((await headers()).get("accept-language"))[0] ?? "en"}
    />
  );
}
