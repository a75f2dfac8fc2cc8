/** By which way something was done. */
export const WAY_WORDS: Readonly<Record<string, string>> = {
  SCREEN: "Dashboard",
  API: "API",
  JOB: "Job",
  WEBHOOK: "Webhook",
};

export const ACTOR_WORDS: Readonly<Record<string, string>> = {
  USER: "A person",
  API_KEY: "An API key",
  DEVICE: "Paired device",
  KLARNA: "Klarna",
  SYSTEM: "Tillgate",
};

/** `webhook_endpoint.created` as "Webhook endpoint created". */
export function actionWords(action: string): string {
  const words = action.replaceAll(/[._]/g, " ");
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}
