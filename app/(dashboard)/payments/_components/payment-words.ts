/* Plain words for what a payment says of itself; keys are the stored words. */

export const CHANNEL_WORDS: Readonly<Record<string, string>> = {
  IN_STORE: "In store",
  WEB: "Web",
  MOBILE_APP: "Mobile app",
};
export const LAUNCH_WORDS: Readonly<Record<string, string>> = {
  QR: "QR code",
  REDIRECT: "Redirect",
  SDK: "SDK",
  SHORT_CODE: "Short code",
  NONE: "Customer absent",
};
export const RAIL_WORDS: Readonly<Record<string, string>> = { NETWORK: "Klarna Network", CLASSIC: "Classic" };

/** Neutral words for why a payment ended; the codes are the API's own. */
export const FAILURE_WORDS: Readonly<Record<string, string>> = {
  approval_lapsed: "The approval was not finalized in time and is void",
  klarna_refused: "Klarna refused the request",
  klarna_unavailable: "Klarna could not be reached",
  request_lost: "Klarna does not know the payment request any more",
  authorization_lost: "No approval was found at Klarna",
  short_code_refused: "Klarna does not know the short code: ask the customer for a new one",
  data_refused: "Klarna cannot use the data of the sale",
  klarna_not_permitted: "Klarna does not accept the Partner’s credentials for classic sessions",
  klarna_error: "Klarna had an error: the sale is not tried again",
};
/** The same, short enough for a filter or an axis. */
export const REASON_WORDS: Readonly<Record<string, string>> = {
  declined: "Declined by Klarna",
  approval_lapsed: "Not finalized in time",
  klarna_refused: "Refused by Klarna",
  klarna_unavailable: "Klarna not reached",
  request_lost: "Request unknown at Klarna",
  authorization_lost: "No approval at Klarna",
  short_code_refused: "Short code unknown",
  data_refused: "Data refused",
  klarna_not_permitted: "Credentials refused",
  klarna_error: "Error at Klarna",
};

export const choicesOf = (words: Readonly<Record<string, string>>) =>
  Object.entries(words).map(([value, label]) => ({ value: value.toLowerCase(), label }));
