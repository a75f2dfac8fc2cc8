import type { Metadata } from "next";
import { cookies, headers } from "next/headers";
import { ServerTime } from "@/components/counter/server-time";
import { webServices } from "@/server/auth/web";
import { languageOf, pickLanguage } from "@/server/core/languages";
import { LANGUAGE_COOKIE } from "../../_components/language-cookie";
import { toSpot } from "../../_components/place";
import { Refused } from "../../_components/refused";
import { counterEntry } from "../../_lib/access";
import { Till } from "./till";

type Props = { params: Promise<{ terminalId: string }> };

export const metadata: Metadata = { title: { absolute: "Till" }, referrer: "same-origin" };

/** The cashier's till of one terminal, in the browser that is paired with it or of somebody signed in. */
export default async function TillPage({ params }: Props) {
  const entry = await counterEntry((await params).terminalId, "TILL");
  if ("refusal" in entry) return <Refused refusal={entry.refusal} home={entry.home} />;
  const language = pickLanguage({
    asked: (await cookies()).get(LANGUAGE_COOKIE)?.value ?? null,
    country: null,
    accept: (await headers()).get("accept-language"),
  });
  return (
    <>
      <ServerTime atMs={webServices().clock.now().getTime()} />
      <Till
        spot={toSpot(entry.place)}
        first={languageOf(language) ?? "en"}
        isDevice={entry.device !== null}
        mayRefund={entry.mayRefund}
      />
    </>
  );
}
