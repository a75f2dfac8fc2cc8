import type { DisplayPhase, DisplayView } from "./display-view";

type Words = { title: string; sentence: string };

/** Every word that a customer reads on the display. `left` has the place of the time in it. */
export type DisplayWords = {
  scan: Words;
  starting: Words;
  phone: Words;
  paying: Words;
  confirming: Words;
  done: Words;
  held: Words;
  declined: Words;
  failed: Words;
  canceled: Words;
  expired: Words;
  ended: Words;
  labels: { qr: string; left: string; session: string; test: string; reconnecting: string; fullScreen: string };
};

export const ENGLISH: DisplayWords = {
  scan: { title: "Scan to pay", sentence: "Scan with your phone’s camera to pay with Klarna." },
  starting: { title: "One moment", sentence: "We are getting your code ready." },
  phone: { title: "Continue on your phone", sentence: "Klarna guides you there." },
  paying: { title: "Continue on your phone", sentence: "Finish paying with Klarna on your phone." },
  confirming: { title: "Almost done", sentence: "Klarna is confirming your payment." },
  done: { title: "Paid", sentence: "Paid with Klarna. Thank you." },
  held: { title: "Approved", sentence: "Approved by Klarna. Please wait for the staff." },
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
  labels: {
    qr: "QR code to pay with Klarna",
    left: "{time} left",
    session: "Session",
    test: "Test",
    reconnecting: "Reconnecting",
    fullScreen: "Full screen",
  },
};

export function displayWords(status: DisplayView["status"], phase: DisplayPhase, words: DisplayWords = ENGLISH): Words {
  switch (phase) {
    case "refused":
      return status === "failed" ? words.failed : words.declined;
    case "over":
      return status === "canceled" ? words.canceled : status === "expired" ? words.expired : words.ended;
    default:
      return words[phase];
  }
}

/** "14:05": minutes and seconds, as on any timer. */
export function clockWords(leftMs: number): string {
  const seconds = Math.max(0, Math.ceil(leftMs / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
