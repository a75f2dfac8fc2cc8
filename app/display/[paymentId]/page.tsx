import type { Metadata } from "next";
import { cookies } from "next/headers";
import { notFound } from "next/navigation";
import { cache } from "react";
import { type DisplayView, toDisplayView } from "@/components/counter/display-view";
import { LiveDisplay } from "@/components/counter/live-display";
import { can } from "@/server/auth/permissions";
import { actorOf } from "@/server/auth/sessions";
import { currentSession, webServices } from "@/server/auth/web";
import { createContext, type ServiceContext, systemContext } from "@/server/context";
import { isAppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import { MODES, type Mode } from "@/server/core/schema";
import { getPayment, isDisplayToken } from "@/server/domain/payments/service";
import { displayCookieName } from "@/server/rest/display";

type Props = { params: Promise<{ paymentId: string }> };

export const metadata: Metadata = { title: { absolute: "Pay with Klarna" } };

/**
 * Who looks: a screen that holds the cookie of this payment, or somebody signed in who may see it. A payment that exists
 * and one that does not are answered alike.
 */
async function contextIn(paymentId: string): Promise<((mode: Mode) => ServiceContext) | null> {
  const services = webServices();
  const token = (await cookies()).get(displayCookieName(paymentId))?.value;
  if (token !== undefined && isDisplayToken(services, paymentId, token)) {
    return (mode) => systemContext(services, "display", mode, "SCREEN");
  }
  const session = await currentSession();
  if (!session || !can(session.user, "payments:read")) return null;
  return (mode) =>
    createContext(services, { actor: actorOf(session), scope: { partners: session.partners, mode }, way: "SCREEN" });
}

const readDisplay = cache(async (paymentId: string): Promise<DisplayView | null> => {
  if (!idSchema("payment").safeParse(paymentId).success) return null;
  const inMode = await contextIn(paymentId);
  if (!inMode) return null;
  for (const mode of MODES) {
    try {
      return toDisplayView(await getPayment(inMode(mode), paymentId));
    } catch (error) {
      if (!isAppError(error) || error.status !== 404) throw error;
    }
  }
  return null;
});

export default async function DisplayPage({ params }: Props) {
  const view = await readDisplay((await params).paymentId);
  if (!view) notFound();
  return <LiveDisplay initial={view} />;
}
