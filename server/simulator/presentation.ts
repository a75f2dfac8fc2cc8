import { invalid } from "./errors";
import { newUuid, uuidOf } from "./ids";
import { countryOfCurrency, isCurrencyTaken, MARKETS } from "./markets";
import type { Account } from "./model";
import type { ApiCall } from "./routing";
import { customerTokenOf, isPendingAuthorization, requestOfTokens, sessionTokensOf } from "./session-tokens";
import { type Simulator, switchOf } from "./simulator";

/** What a checkout shows for Klarna: texts by language, and whether to show it at all. */

type Words = { header: string; subheader: string; message: string; link: string; badge: string; button: string };

const WORDS: Record<string, Words> = {
  en: {
    header: "Pay with Klarna",
    subheader: "Pay now, later or over time.",
    message: "Choose how you pay on your phone.",
    link: "Learn more",
    badge: "Buyer protection",
    button: "Pay with Klarna",
  },
  de: {
    header: "Mit Klarna bezahlen",
    subheader: "Sofort, später oder in Raten bezahlen.",
    message: "Wähle auf deinem Handy, wie du bezahlst.",
    link: "Mehr erfahren",
    badge: "Käuferschutz",
    button: "Mit Klarna bezahlen",
  },
  sv: {
    header: "Betala med Klarna",
    subheader: "Betala nu, senare eller över tid.",
    message: "Välj i mobilen hur du vill betala.",
    link: "Läs mer",
    badge: "Köpskydd",
    button: "Betala med Klarna",
  },
  nb: {
    header: "Betal med Klarna",
    subheader: "Betal nå, senere eller over tid.",
    message: "Velg på mobilen hvordan du vil betale.",
    link: "Les mer",
    badge: "Kjøperbeskyttelse",
    button: "Betal med Klarna",
  },
  da: {
    header: "Betal med Klarna",
    subheader: "Betal nu, senere eller over tid.",
    message: "Vælg på din mobil, hvordan du vil betale.",
    link: "Læs mere",
    badge: "Køberbeskyttelse",
    button: "Betal med Klarna",
  },
  fi: {
    header: "Maksa Klarnalla",
    subheader: "Maksa heti, myöhemmin tai osissa.",
    message: "Valitse maksutapa puhelimellasi.",
    link: "Lue lisää",
    badge: "Ostajan turva",
    button: "Maksa Klarnalla",
  },
  fr: {
    header: "Payer avec Klarna",
    subheader: "Payez maintenant, plus tard ou en plusieurs fois.",
    message: "Choisissez sur votre téléphone comment payer.",
    link: "En savoir plus",
    badge: "Protection de l’acheteur",
    button: "Payer avec Klarna",
  },
  nl: {
    header: "Betaal met Klarna",
    subheader: "Betaal nu, later of in delen.",
    message: "Kies op je telefoon hoe je betaalt.",
    link: "Meer informatie",
    badge: "Kopersbescherming",
    button: "Betaal met Klarna",
  },
  it: {
    header: "Paga con Klarna",
    subheader: "Paga ora, più tardi o a rate.",
    message: "Scegli sul telefono come pagare.",
    link: "Scopri di più",
    badge: "Protezione acquisti",
    button: "Paga con Klarna",
  },
  es: {
    header: "Paga con Klarna",
    subheader: "Paga ahora, más tarde o a plazos.",
    message: "Elige en tu móvil cómo quieres pagar.",
    link: "Más información",
    badge: "Protección del comprador",
    button: "Pagar con Klarna",
  },
  pt: {
    header: "Pagar com Klarna",
    subheader: "Pague agora, mais tarde ou em prestações.",
    message: "Escolha no telemóvel como quer pagar.",
    link: "Saber mais",
    badge: "Proteção do comprador",
    button: "Pagar com Klarna",
  },
  pl: {
    header: "Zapłać z Klarna",
    subheader: "Zapłać teraz, później lub w ratach.",
    message: "Wybierz na telefonie, jak chcesz zapłacić.",
    link: "Dowiedz się więcej",
    badge: "Ochrona kupujących",
    button: "Zapłać z Klarna",
  },
  cs: {
    header: "Zaplatit přes Klarnu",
    subheader: "Zaplaťte hned, později nebo na splátky.",
    message: "V telefonu si vyberte, jak zaplatíte.",
    link: "Více informací",
    badge: "Ochrana kupujícího",
    button: "Zaplatit přes Klarnu",
  },
  sk: {
    header: "Zaplatiť cez Klarnu",
    subheader: "Zaplaťte hneď, neskôr alebo na splátky.",
    message: "V telefóne si vyberte, ako zaplatíte.",
    link: "Viac informácií",
    badge: "Ochrana kupujúceho",
    button: "Zaplatiť cez Klarnu",
  },
  hu: {
    header: "Fizetés Klarnával",
    subheader: "Fizess most, később vagy részletekben.",
    message: "A telefonodon választhatod ki, hogyan fizetsz.",
    link: "További információ",
    badge: "Vásárlóvédelem",
    button: "Fizetés Klarnával",
  },
  ro: {
    header: "Plătește cu Klarna",
    subheader: "Plătește acum, mai târziu sau în rate.",
    message: "Alege pe telefon cum plătești.",
    link: "Află mai multe",
    badge: "Protecția cumpărătorului",
    button: "Plătește cu Klarna",
  },
  el: {
    header: "Πληρωμή με Klarna",
    subheader: "Πληρώστε τώρα, αργότερα ή σε δόσεις.",
    message: "Επιλέξτε στο κινητό σας πώς θα πληρώσετε.",
    link: "Μάθετε περισσότερα",
    badge: "Προστασία αγοραστή",
    button: "Πληρωμή με Klarna",
  },
};

const ENGLISH: Words = WORDS.en ?? { header: "", subheader: "", message: "", link: "", badge: "", button: "" };

function languageOf(locale: string | null, country: string): string {
  const wanted = locale?.split("-")[0]?.toLowerCase();
  const language = wanted === "no" ? "nb" : wanted;
  if (language !== undefined && WORDS[language] !== undefined) return language;
  return locale === null ? (MARKETS.find((market) => market.country === country)?.languages[0] ?? "en") : "en";
}

const INTENTS = ["PAY", "SUBSCRIBE", "ADD_TO_WALLET", "DONATE", "SIGNIN", "SIGNUP"];
const INTERVALS = ["DAY", "WEEK", "MONTH", "YEAR"];

type Asked = { currency: string; amount: number | null; isOffered: boolean };

function askedOf(sim: Simulator, account: Account, query: URLSearchParams, amountName: string): Asked {
  const currency = query.get("currency")?.toUpperCase();
  if (currency === undefined || !/^[A-Z]{3}$/.test(currency)) throw invalid("currency", "is required");
  const rawAmount = query.get(amountName);
  const amount = rawAmount === null ? null : Number(rawAmount);
  if (amount !== null && (!Number.isInteger(amount) || amount < 1 || amount > 2_147_483_647)) {
    throw invalid(amountName, "must be an integer from 1 to 2147483647");
  }
  const isOffered = isCurrencyTaken(currency) && (amount ?? 0) <= switchOf(sim, account, "amount_max");
  return { currency, amount, isOffered };
}

function checkIntents(query: URLSearchParams): void {
  const intents = [...query.getAll("intents"), ...query.getAll("intents[]")].flatMap((value) => value.split(","));
  for (const intent of intents) {
    if (!INTENTS.includes(intent)) throw invalid("intents", `must be one of ${INTENTS.join(", ")}`);
  }
  const interval = query.get("subscription_billing_interval");
  if (interval !== null && !INTERVALS.includes(interval)) {
    throw invalid("subscription_billing_interval", `must be one of ${INTERVALS.join(", ")}`);
  }
  const frequency = query.get("subscription_billing_interval_frequency");
  if (frequency !== null && !/^[1-9]\d{0,3}$/.test(frequency)) {
    throw invalid("subscription_billing_interval_frequency", "must be a positive integer");
  }
}

/** What a session or a saved customer lets Klarna know about who is shopping. */
function recognised(sim: Simulator, account: Account, sessionTokens: readonly string[], customerToken?: string) {
  const request = requestOfTokens(sim, account, sessionTokens);
  const session = sessionTokens
    .map((token) => sim.state.shoppingSessions.get(token))
    .find((found) => found?.account_id === account.account_id);
  const given = customerToken ?? session?.customer_token ?? undefined;
  const saved = given === undefined ? undefined : sim.state.customerTokens.get(given);
  return {
    request,
    session,
    saved: saved?.account_id === account.account_id && saved.status === "ACTIVE" ? saved : undefined,
    isPending: isPendingAuthorization(sim, account, request),
  };
}

export function presentationOf(sim: Simulator, account: Account, call: ApiCall): Record<string, unknown> {
  const { query } = call;
  const { currency, isOffered } = askedOf(sim, account, query, "amount");
  checkIntents(query);
  if (!isOffered) return { instruction: "HIDE_KLARNA", payment_status: "PAYMENT_UNSUPPORTED" };

  const { saved, session, isPending } = recognised(
    sim,
    account,
    sessionTokensOf(sim, account, call),
    customerTokenOf(call),
  );
  const locale = query.get("locale");
  const country = countryOfCurrency(currency, locale?.split("-")[1]?.toUpperCase() ?? account.country);
  const words = WORDS[languageOf(locale, country)] ?? ENGLISH;
  const optionId = `krn:payment:eu1:option:${country.toLowerCase()}-${currency.toLowerCase()}`;
  const option = optionOf(sim, `${optionId}-all`, words);
  const isKnown = saved !== undefined || session !== undefined;
  const names = switchOf(sim, account, "names");
  return {
    instruction: isPending ? "SHOW_ONLY_KLARNA" : isKnown ? "PRESELECT_KLARNA" : "SHOW_KLARNA",
    payment_status: isPending ? "PENDING_PARTNER_AUTHORIZATION" : "REQUIRES_CUSTOMER_ACTION",
    ...(names === "legacy" ? {} : { payment_option: option }),
    ...(names === "current" ? {} : { payment_options: [option] }),
    ...(saved === undefined
      ? {}
      : {
          saved_payment_option: {
            ...optionOf(sim, `${optionId}-saved`, words),
            subheader: { text: `•••• ${saved.phone.slice(-4)}` },
          },
        }),
  };
}

function optionOf(sim: Simulator, id: string, words: Words): Record<string, unknown> {
  const assets = `${sim.publicUrl()}/assets`;
  const learnMore = `${sim.publicUrl()}/`;
  return {
    payment_option_id: id,
    header: { text: words.header },
    subheader: { text: words.subheader },
    message: {
      text: `${words.message} ${words.link}`,
      parts: [
        { type: "TEXT", text: `${words.message} ` },
        { type: "LINK", text: words.link, url: learnMore },
      ],
    },
    icon: {
      badge_image_url: `${assets}/badge.svg`,
      rectangle_image_url: `${assets}/rectangle.svg`,
      square_image_url: `${assets}/square.svg`,
      alt: "Klarna",
    },
    badge: { text: words.badge },
    payment_button: { text: words.button, image_url: `${assets}/rectangle.svg` },
    terms: { text: words.link, url: learnMore },
  };
}

/** The older question for the same: may Klarna be shown, and how far is this customer. */
export function interoperabilityOf(sim: Simulator, account: Account, call: ApiCall): Record<string, unknown> {
  const { query } = call;
  const { currency, isOffered } = askedOf(sim, account, query, "payment_amount");
  const country = query.get("country")?.toUpperCase();
  if (country !== undefined && !/^[A-Z]{2}$/.test(country)) throw invalid("country", "must be two letters");
  const isServed = country === undefined || MARKETS.some((market) => market.country === country);
  const asked = query.get("interoperability_token");
  const tokens = [...(asked === null ? [] : [asked]), ...sessionTokensOf(sim, account, call)];
  const { request, saved, session, isPending } = recognised(sim, account, tokens, customerTokenOf(call));
  const status =
    !isOffered || !isServed
      ? "PAYMENT_UNSUPPORTED"
      : isPending
        ? "PAYMENT_PENDING_CONFIRMATION"
        : saved !== undefined || session !== undefined
          ? "PAYMENT_PREPARED"
          : "PAYMENT_SUPPORTED";
  return {
    status,
    currency,
    shopping_session_id:
      session?.shopping_session_id ??
      `krn:shopping:eu1:session:${request === null ? newUuid() : uuidOf(request.payment_request_id)}`,
    ...(isPending && request?.payment_token != null ? { payment_confirmation_token: request.payment_token } : {}),
  };
}
