/** QUEUED waits to be sent; KEPT was never to be sent, because no mail server is set. */
export const MAIL_STATES = ["QUEUED", "SENT", "KEPT", "FAILED"] as const;
export type MailState = (typeof MAIL_STATES)[number];
