import type { Metadata } from "next";
import { cookies, headers } from "next/headers";
import { notFound } from "next/navigation";
import { cache } from "react";
import type { DisplayManner } from "@/components/counter/customer-display";
import { DISPLAY_LANGUAGES } from "@/components/counter/display-languages";
import { type DisplayView, toDisplayView } from "@/components/counter/display-view";
import { LiveDisplay } from "@/components/counter/live-display";
import { ServerTime } from "@/components/counter/server-time";
import { can } from "@/server/auth/permissions";
import { actorOf } from "@/server/auth/sessions";
import { currentSession, webServices } from "@/server/auth/web";
import { createContext, type ServiceContext, systemContext } from "@/server/context";
import { isAppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import { type Language, localeFor, pickLanguage } from "@/server/core/languages";
import { MODES, type Mode } from "@/server/core/schema";
import { getPayment, getSurroundings, isDisplayToken, logoFor, storedLook } from "@/server/domain/payments/service";
import { displayCookieName } from "@/server/rest/display";

type Props = {
  params: Promise<{ paymentId: string }>;
  searchParams: Promise<Readonly<Record<string, string | string[] | undefined>>>;
};

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

type Shown = { view: DisplayView; language: Language; manner: DisplayManner };
/** As long as Klarna's own: how a code looks before there is one. */
const ANY_TARGET = "https://pay.klarna.com/na/requests/00000000-0000-0000-0000-000000000000/start";

const readDisplay = cache(async (paymentId: string, asked: string): Promise<Shown | null> => {
  if (!idSchema("payment").safeParse(paymentId).success) return null;
  const inMode = await contextIn(paymentId);
  if (!inMode) return null;
  for (const mode of MODES) {
    try {
      const ctx = inMode(mode);
      const [payment, place] = await Promise.all([getPayment(ctx, paymentId), getSurroundings(ctx, paymentId)]);
      const view = toDisplayView(payment);
      const language = pickLanguage({
        asked,
        setting: place.settings.language,
        country: place.country,
        accept: (await headers()).get("accept-language"),
      });
      const look = storedLook(place.settings, payment.klarna.qr_code?.target_url ?? ANY_TARGET);
      const logo = view.qrTarget === null && view.status !== "processing" ? null : await logoFor(ctx, look, place);
      return {
        view,
        language,
        manner: {
          words: DISPLAY_LANGUAGES[language],
          locale: localeFor(language, place.country),
          look: { ...look, picture: logo?.dataUri ?? null },
        },
      };
    } catch (error) {
      if (!isAppError(error) || error.status !== 404) throw error;
    }
  }
  return null;
});

export default async function DisplayPage({ params, searchParams }: Props) {
  const { lang } = await searchParams;
  const shown = await readDisplay((await params).paymentId, typeof lang === "string" ? lang.slice(0, 20) : "");
  if (!shown) notFound();
  return (
    <div lang={shown.language}>
      <ServerTime atMs={webServices().clock.now().getTime()} />
      <LiveDisplay initial={shown.view} manner={shown.manner} />
    </div>
  );
}
