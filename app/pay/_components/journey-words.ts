import type { Language } from "@/server/core/languages";
import type { PUBLIC_STATUSES } from "@/server/domain/payments/states";

/* Every word of the pages around Klarna's journey, in the languages of Klarna's markets. */

export type JourneyStatus = (typeof PUBLIC_STATUSES)[number];
export type JourneyPhase = "open" | "waiting" | "paid" | "declined" | "failed" | "canceled" | "expired" | "unknown";

const PHASES: Readonly<Record<JourneyStatus, JourneyPhase>> = {
  processing: "waiting",
  pending: "open",
  in_progress: "waiting",
  finalizing: "waiting",
  authorized: "paid",
  completed: "paid",
  authorization_expired: "paid",
  declined: "declined",
  failed: "failed",
  canceled: "canceled",
  voided: "canceled",
  expired: "expired",
};

export function phaseOf(status: JourneyStatus): JourneyPhase {
  return PHASES[status];
}

/** Whether the customer, Klarna or we still have something to do. */
export function isOpenPhase(phase: JourneyPhase): boolean {
  return phase === "open" || phase === "waiting";
}

type Words = { title: string; sentence: string };
type Table = Readonly<Record<JourneyPhase, readonly [title: string, sentence: string]>> & {
  readonly goOn: string;
  readonly back: string;
};

const TABLES: Readonly<Record<Language, Table>> = {
  en: {
    open: ["Not finished yet", "Your payment with Klarna is not finished. Nothing has been charged."],
    waiting: ["Confirming your payment", "This takes a moment. Please stay on this page."],
    paid: ["Paid", "Your payment with Klarna is confirmed. Thank you."],
    declined: ["Not approved", "Klarna could not approve this payment. Please choose another way to pay."],
    failed: ["It did not work", "The payment could not be made. Nothing has been charged."],
    canceled: ["Canceled", "This payment was canceled. Nothing has been charged."],
    expired: ["Time is up", "This payment was not finished in time. Nothing has been charged."],
    unknown: ["Nothing here", "There is no payment at this address."],
    goOn: "Continue with Klarna",
    back: "Back to the shop",
  },
  de: {
    open: ["Noch nicht abgeschlossen", "Deine Zahlung mit Klarna ist nicht abgeschlossen. Es wurde nichts abgebucht."],
    waiting: ["Deine Zahlung wird bestätigt", "Das dauert einen Moment. Bitte bleib auf dieser Seite."],
    paid: ["Bezahlt", "Deine Zahlung mit Klarna ist bestätigt. Vielen Dank."],
    declined: ["Nicht genehmigt", "Klarna konnte diese Zahlung nicht genehmigen. Bitte wähle eine andere Zahlungsart."],
    failed: ["Das hat nicht geklappt", "Die Zahlung war nicht möglich. Es wurde nichts abgebucht."],
    canceled: ["Abgebrochen", "Diese Zahlung wurde abgebrochen. Es wurde nichts abgebucht."],
    expired: [
      "Die Zeit ist abgelaufen",
      "Diese Zahlung wurde nicht rechtzeitig abgeschlossen. Es wurde nichts abgebucht.",
    ],
    unknown: ["Hier ist nichts", "Unter dieser Adresse gibt es keine Zahlung."],
    goOn: "Weiter mit Klarna",
    back: "Zurück zum Shop",
  },
  sv: {
    open: ["Inte klart än", "Din betalning med Klarna är inte klar. Inget har debiterats."],
    waiting: ["Vi bekräftar din betalning", "Det tar en liten stund. Stanna kvar på sidan."],
    paid: ["Betalt", "Din betalning med Klarna är bekräftad. Tack."],
    declined: ["Inte godkänd", "Klarna kunde inte godkänna betalningen. Välj ett annat sätt att betala."],
    failed: ["Det gick inte", "Betalningen kunde inte genomföras. Inget har debiterats."],
    canceled: ["Avbruten", "Betalningen avbröts. Inget har debiterats."],
    expired: ["Tiden är ute", "Betalningen blev inte klar i tid. Inget har debiterats."],
    unknown: ["Här finns inget", "Det finns ingen betalning på den här adressen."],
    goOn: "Fortsätt med Klarna",
    back: "Tillbaka till butiken",
  },
  nb: {
    open: ["Ikke fullført ennå", "Betalingen med Klarna er ikke fullført. Ingenting er trukket."],
    waiting: ["Vi bekrefter betalingen", "Det tar et øyeblikk. Bli på denne siden."],
    paid: ["Betalt", "Betalingen med Klarna er bekreftet. Takk."],
    declined: ["Ikke godkjent", "Klarna kunne ikke godkjenne betalingen. Velg en annen måte å betale på."],
    failed: ["Det gikk ikke", "Betalingen kunne ikke gjennomføres. Ingenting er trukket."],
    canceled: ["Avbrutt", "Betalingen ble avbrutt. Ingenting er trukket."],
    expired: ["Tiden er ute", "Betalingen ble ikke fullført i tide. Ingenting er trukket."],
    unknown: ["Ingenting her", "Det finnes ingen betaling på denne adressen."],
    goOn: "Fortsett med Klarna",
    back: "Tilbake til butikken",
  },
  da: {
    open: ["Ikke færdig endnu", "Din betaling med Klarna er ikke færdig. Der er ikke trukket noget."],
    waiting: ["Vi bekræfter din betaling", "Det tager et øjeblik. Bliv på denne side."],
    paid: ["Betalt", "Din betaling med Klarna er bekræftet. Tak."],
    declined: ["Ikke godkendt", "Klarna kunne ikke godkende betalingen. Vælg en anden måde at betale på."],
    failed: ["Det lykkedes ikke", "Betalingen kunne ikke gennemføres. Der er ikke trukket noget."],
    canceled: ["Annulleret", "Betalingen blev annulleret. Der er ikke trukket noget."],
    expired: ["Tiden er gået", "Betalingen blev ikke færdig i tide. Der er ikke trukket noget."],
    unknown: ["Her er ikke noget", "Der er ingen betaling på denne adresse."],
    goOn: "Fortsæt med Klarna",
    back: "Tilbage til butikken",
  },
  fi: {
    open: ["Maksu on kesken", "Klarna-maksuasi ei ole vahvistettu. Mitään ei ole veloitettu."],
    waiting: ["Vahvistamme maksuasi", "Tämä kestää hetken. Pysy tällä sivulla."],
    paid: ["Maksettu", "Klarna-maksusi on vahvistettu. Kiitos."],
    declined: ["Ei hyväksytty", "Klarna ei voinut hyväksyä maksua. Valitse toinen maksutapa."],
    failed: ["Maksu ei onnistunut", "Maksua ei voitu suorittaa. Mitään ei ole veloitettu."],
    canceled: ["Peruttu", "Maksu peruttiin. Mitään ei ole veloitettu."],
    expired: ["Aika loppui", "Maksua ei viety loppuun ajoissa. Mitään ei ole veloitettu."],
    unknown: ["Täällä ei ole mitään", "Tässä osoitteessa ei ole maksua."],
    goOn: "Jatka Klarnalla",
    back: "Takaisin kauppaan",
  },
  fr: {
    open: ["Paiement non terminé", "Votre paiement avec Klarna n’est pas terminé. Rien n’a été débité."],
    waiting: ["Confirmation de votre paiement", "Cela prend un instant. Restez sur cette page."],
    paid: ["Payé", "Votre paiement avec Klarna est confirmé. Merci."],
    declined: ["Non accepté", "Klarna n’a pas pu accepter ce paiement. Choisissez un autre moyen de paiement."],
    failed: ["Cela n’a pas fonctionné", "Le paiement n’a pas pu être effectué. Rien n’a été débité."],
    canceled: ["Annulé", "Ce paiement a été annulé. Rien n’a été débité."],
    expired: ["Délai dépassé", "Ce paiement n’a pas été terminé à temps. Rien n’a été débité."],
    unknown: ["Rien ici", "Il n’y a pas de paiement à cette adresse."],
    goOn: "Continuer avec Klarna",
    back: "Retour à la boutique",
  },
  nl: {
    open: ["Nog niet afgerond", "Je betaling met Klarna is niet afgerond. Er is niets afgeschreven."],
    waiting: ["We bevestigen je betaling", "Dit duurt even. Blijf op deze pagina."],
    paid: ["Betaald", "Je betaling met Klarna is bevestigd. Bedankt."],
    declined: ["Niet goedgekeurd", "Klarna kon deze betaling niet goedkeuren. Kies een andere manier om te betalen."],
    failed: ["Het is niet gelukt", "De betaling kon niet worden gedaan. Er is niets afgeschreven."],
    canceled: ["Geannuleerd", "Deze betaling is geannuleerd. Er is niets afgeschreven."],
    expired: ["De tijd is om", "Deze betaling is niet op tijd afgerond. Er is niets afgeschreven."],
    unknown: ["Hier is niets", "Er is geen betaling op dit adres."],
    goOn: "Doorgaan met Klarna",
    back: "Terug naar de winkel",
  },
  it: {
    open: ["Pagamento non concluso", "Il pagamento con Klarna non è concluso. Non è stato addebitato nulla."],
    waiting: ["Stiamo confermando il pagamento", "Ci vuole un momento. Resta su questa pagina."],
    paid: ["Pagato", "Il pagamento con Klarna è confermato. Grazie."],
    declined: ["Non approvato", "Klarna non ha potuto approvare il pagamento. Scegli un altro metodo di pagamento."],
    failed: ["Non ha funzionato", "Il pagamento non è riuscito. Non è stato addebitato nulla."],
    canceled: ["Annullato", "Questo pagamento è stato annullato. Non è stato addebitato nulla."],
    expired: ["Tempo scaduto", "Il pagamento non è stato concluso in tempo. Non è stato addebitato nulla."],
    unknown: ["Qui non c’è nulla", "A questo indirizzo non c’è alcun pagamento."],
    goOn: "Continua con Klarna",
    back: "Torna al negozio",
  },
  es: {
    open: ["Pago sin terminar", "Tu pago con Klarna no ha terminado. No se ha cobrado nada."],
    waiting: ["Estamos confirmando tu pago", "Tarda un momento. Quédate en esta página."],
    paid: ["Pagado", "Tu pago con Klarna está confirmado. Gracias."],
    declined: ["No aprobado", "Klarna no pudo aprobar este pago. Elige otra forma de pago."],
    failed: ["No ha funcionado", "No se pudo hacer el pago. No se ha cobrado nada."],
    canceled: ["Cancelado", "Este pago se canceló. No se ha cobrado nada."],
    expired: ["Se acabó el tiempo", "Este pago no se terminó a tiempo. No se ha cobrado nada."],
    unknown: ["Aquí no hay nada", "No hay ningún pago en esta dirección."],
    goOn: "Continuar con Klarna",
    back: "Volver a la tienda",
  },
  pt: {
    open: ["Pagamento por concluir", "O seu pagamento com a Klarna não foi concluído. Nada foi cobrado."],
    waiting: ["A confirmar o seu pagamento", "Demora um momento. Fique nesta página."],
    paid: ["Pago", "O seu pagamento com a Klarna está confirmado. Obrigado."],
    declined: ["Não aprovado", "A Klarna não pôde aprovar este pagamento. Escolha outra forma de pagar."],
    failed: ["Não resultou", "O pagamento não pôde ser feito. Nada foi cobrado."],
    canceled: ["Cancelado", "Este pagamento foi cancelado. Nada foi cobrado."],
    expired: ["O tempo acabou", "Este pagamento não foi concluído a tempo. Nada foi cobrado."],
    unknown: ["Não há nada aqui", "Não existe nenhum pagamento neste endereço."],
    goOn: "Continuar com a Klarna",
    back: "Voltar à loja",
  },
  pl: {
    open: ["Płatność niedokończona", "Płatność z Klarną nie została dokończona. Niczego nie pobrano."],
    waiting: ["Potwierdzamy płatność", "To chwilę potrwa. Zostań na tej stronie."],
    paid: ["Zapłacono", "Płatność z Klarną jest potwierdzona. Dziękujemy."],
    declined: ["Brak zgody", "Klarna nie mogła zatwierdzić tej płatności. Wybierz inny sposób płatności."],
    failed: ["Nie udało się", "Nie udało się dokonać płatności. Niczego nie pobrano."],
    canceled: ["Anulowano", "Ta płatność została anulowana. Niczego nie pobrano."],
    expired: ["Czas minął", "Płatność nie została dokończona na czas. Niczego nie pobrano."],
    unknown: ["Nic tu nie ma", "Pod tym adresem nie ma płatności."],
    goOn: "Kontynuuj z Klarną",
    back: "Wróć do sklepu",
  },
  cs: {
    open: ["Platba není dokončena", "Vaše platba přes Klarnu není dokončena. Nic nebylo strženo."],
    waiting: ["Potvrzujeme vaši platbu", "Chvilku to potrvá. Zůstaňte na této stránce."],
    paid: ["Zaplaceno", "Vaše platba přes Klarnu je potvrzena. Děkujeme."],
    declined: ["Neschváleno", "Klarna nemohla tuto platbu schválit. Zvolte jiný způsob platby."],
    failed: ["Nepodařilo se to", "Platbu nebylo možné provést. Nic nebylo strženo."],
    canceled: ["Zrušeno", "Tato platba byla zrušena. Nic nebylo strženo."],
    expired: ["Čas vypršel", "Platba nebyla dokončena včas. Nic nebylo strženo."],
    unknown: ["Nic tu není", "Na této adrese není žádná platba."],
    goOn: "Pokračovat s Klarnou",
    back: "Zpět do obchodu",
  },
  sk: {
    open: ["Platba nie je dokončená", "Vaša platba cez Klarnu nie je dokončená. Nič nebolo strhnuté."],
    waiting: ["Potvrdzujeme vašu platbu", "Chvíľu to potrvá. Zostaňte na tejto stránke."],
    paid: ["Zaplatené", "Vaša platba cez Klarnu je potvrdená. Ďakujeme."],
    declined: ["Neschválené", "Klarna nemohla túto platbu schváliť. Zvoľte iný spôsob platby."],
    failed: ["Nepodarilo sa to", "Platbu nebolo možné vykonať. Nič nebolo strhnuté."],
    canceled: ["Zrušené", "Táto platba bola zrušená. Nič nebolo strhnuté."],
    expired: ["Čas vypršal", "Platba nebola dokončená včas. Nič nebolo strhnuté."],
    unknown: ["Nič tu nie je", "Na tejto adrese nie je žiadna platba."],
    goOn: "Pokračovať s Klarnou",
    back: "Späť do obchodu",
  },
  hu: {
    open: ["Még nincs kész", "A Klarna-fizetésed nem fejeződött be. Semmit sem terheltünk meg."],
    waiting: ["Fizetésed megerősítése", "Egy pillanat az egész. Maradj ezen az oldalon."],
    paid: ["Kifizetve", "A Klarna-fizetésed megerősítve. Köszönjük."],
    declined: ["Nincs jóváhagyva", "A Klarna nem tudta jóváhagyni a fizetést. Válassz másik fizetési módot."],
    failed: ["Nem sikerült", "A fizetés nem volt lehetséges. Semmit sem terheltünk meg."],
    canceled: ["Megszakítva", "Ezt a fizetést megszakították. Semmit sem terheltünk meg."],
    expired: ["Lejárt az idő", "A fizetés nem fejeződött be időben. Semmit sem terheltünk meg."],
    unknown: ["Itt nincs semmi", "Ezen a címen nincs fizetés."],
    goOn: "Tovább a Klarnával",
    back: "Vissza az üzletbe",
  },
  ro: {
    open: ["Plată nefinalizată", "Plata cu Klarna nu este finalizată. Nu s-a debitat nimic."],
    waiting: ["Îți confirmăm plata", "Durează o clipă. Rămâi pe această pagină."],
    paid: ["Plătit", "Plata cu Klarna este confirmată. Mulțumim."],
    declined: ["Neaprobată", "Klarna nu a putut aproba această plată. Alege altă metodă de plată."],
    failed: ["Nu a reușit", "Plata nu a putut fi făcută. Nu s-a debitat nimic."],
    canceled: ["Anulată", "Această plată a fost anulată. Nu s-a debitat nimic."],
    expired: ["Timpul a expirat", "Plata nu a fost finalizată la timp. Nu s-a debitat nimic."],
    unknown: ["Nu este nimic aici", "Nu există nicio plată la această adresă."],
    goOn: "Continuă cu Klarna",
    back: "Înapoi la magazin",
  },
  el: {
    open: ["Δεν ολοκληρώθηκε ακόμη", "Η πληρωμή σας με Klarna δεν ολοκληρώθηκε. Δεν χρεώθηκε τίποτα."],
    waiting: ["Επιβεβαίωση της πληρωμής σας", "Θα χρειαστεί μια στιγμή. Μείνετε σε αυτή τη σελίδα."],
    paid: ["Πληρώθηκε", "Η πληρωμή σας με Klarna επιβεβαιώθηκε. Ευχαριστούμε."],
    declined: ["Δεν εγκρίθηκε", "Η Klarna δεν μπόρεσε να εγκρίνει την πληρωμή. Επιλέξτε άλλον τρόπο πληρωμής."],
    failed: ["Δεν τα καταφέραμε", "Η πληρωμή δεν ήταν δυνατή. Δεν χρεώθηκε τίποτα."],
    canceled: ["Ακυρώθηκε", "Αυτή η πληρωμή ακυρώθηκε. Δεν χρεώθηκε τίποτα."],
    expired: ["Ο χρόνος τελείωσε", "Η πληρωμή δεν ολοκληρώθηκε εγκαίρως. Δεν χρεώθηκε τίποτα."],
    unknown: ["Δεν υπάρχει τίποτα εδώ", "Δεν υπάρχει πληρωμή σε αυτή τη διεύθυνση."],
    goOn: "Συνέχεια με Klarna",
    back: "Πίσω στο κατάστημα",
  },
};

export function journeyWords(language: Language, phase: JourneyPhase): Words {
  const [title, sentence] = TABLES[language][phase];
  return { title, sentence };
}

export function journeyLabels(language: Language): { goOn: string; back: string } {
  const { goOn, back } = TABLES[language];
  return { goOn, back };
}
