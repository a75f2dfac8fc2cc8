import type { DisplayPhase, DisplayView } from "./display-view";

type Words = { title: string; sentence: string };

/** Every word that a customer reads on the display, in one table per language. */
const ENGLISH = {
  scan: { title: "Scan to pay", sentence: "Scan with your phone’s camera to pay with Klarna." },
  starting: { title: "One moment", sentence: "We are getting your code ready." },
  paying: { title: "Continue on your phone", sentence: "Finish paying with Klarna on your phone." },
  confirming: { title: "Almost done", sentence: "Klarna is confirming your payment." },
  done: { title: "Paid", sentence: "Paid with Klarna. Thank you." },
  declined: {
    title: "Not approved",
    sentence: "Klarna could not approve this payment. Please choose another way to pay.",
  },
  failed: {
    title: "It did not work",
    sentence: "The payment could not be made. Please try again or choose another way to pay.",
  },
  canceled: { title: "Canceled", sentence: "This payment was canceled. You have not been charged." },
  expired: { title: "Time is up", sentence: "The code is no longer valid. Please ask for a new one." },
  ended: { title: "Closed", sentence: "This payment is closed. Please ask at the till." },
} as const satisfies Record<string, Words>;

export const DISPLAY_LABELS = {
  qr: "QR code to pay with Klarna",
  left: "left",
  session: "Session",
  test: "Test",
  reconnecting: "Reconnecting",
} as const;

export function displayWords(status: DisplayView["status"], phase: DisplayPhase): Words {
  switch (phase) {
    case "refused":
      return status === "failed" ? ENGLISH.failed : ENGLISH.declined;
    case "over":
      return status === "canceled" ? ENGLISH.canceled : status === "expired" ? ENGLISH.expired : ENGLISH.ended;
    default:
      return ENGLISH[phase];
  }
}

/** "14:05": minutes and seconds, as on any timer. */
export function clockWords(leftMs: number): string {
  const seconds = Math.max(0, Math.ceil(leftMs / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
