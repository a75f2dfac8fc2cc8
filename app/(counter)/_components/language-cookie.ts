/** What a till was set to: the one preference that the server reads before the page is drawn. */
export const LANGUAGE_COOKIE = "tillgate-counter-language";
