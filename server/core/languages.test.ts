import { expect, it } from "vitest";
import { acceptedLanguages, LANGUAGES, languageOf, localeFor, pickLanguage } from "./languages";

it("tags of browsers and callers are read as one of ours, whatever their form", () => {
  expect(["de", "de-AT", "DE_at", " no ", "nn-NO", "nb"].map(languageOf)).toEqual(["de", "de", "de", "nb", "nb", "nb"]);
  expect(["", "xx", "zh-Hans", null, undefined, "../de"].map(languageOf)).toEqual([null, null, null, null, null, null]);
  expect(acceptedLanguages("zh-CN, fr-CH;q=0.7, de;q=0.9, *;q=0.1, en;q=0")).toEqual(["de", "fr"]);
  expect(acceptedLanguages("de;q=nonsense, ;;;,")).toEqual(["de"]);
});

it("the customer's language: asked, else set at the terminal, else of the country as the screen has it, else English", () => {
  const accept = "fr-BE,fr;q=0.9,en;q=0.8";
  expect(pickLanguage({ asked: "pl-PL", setting: "sv", country: "BE", accept })).toBe("pl");
  expect(pickLanguage({ asked: "xx", setting: "sv", country: "BE", accept })).toBe("sv");
  expect(pickLanguage({ setting: "auto", country: "BE", accept })).toBe("fr");
  expect(pickLanguage({ country: "DE", accept })).toBe("en");
  expect(pickLanguage({ country: "DE", accept: "fr" })).toBe("de");
  expect(pickLanguage({ country: "GR" })).toBe("el");
  expect(pickLanguage({ country: "ZZ", accept })).toBe("fr");
  expect(pickLanguage({})).toBe("en");
});

it("figures are written as in the country of the store, and every locale is one that this runtime knows", () => {
  expect(localeFor("de", "AT")).toBe("de-AT");
  expect(localeFor("en", "SE")).toBe("en-SE");
  expect(localeFor("de", "SE")).toBe("de-DE");
  expect(localeFor("fr", null)).toBe("fr-FR");
  for (const language of LANGUAGES) {
    expect(Intl.NumberFormat.supportedLocalesOf(localeFor(language, null)), language).toHaveLength(1);
  }
});
