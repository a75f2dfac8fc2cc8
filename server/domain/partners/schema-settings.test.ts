import { expect, it } from "vitest";
import { StoredSettingsSchema } from "./schema-settings";
import { inheritSettings } from "./settings";

const limited = { till_return_limit: 5_000, till_return_currency: "SEK" };

it("what another version wrote and this one cannot read takes nothing else with it, least of all a limit", () => {
  const stored = { ...limited, language: "xx", colour_of_later: 1, receipt_footer: "Thanks" };
  expect(StoredSettingsSchema.parse(stored)).toEqual({ ...limited, receipt_footer: "Thanks" });
});

it("a limit of returns that cannot be read is not no limit: there are no returns then", () => {
  for (const unread of [{ till_return_limit: "5000" }, { ...limited, till_return_currency: "krona" }]) {
    const store = StoredSettingsSchema.parse({ ...unread, capture: "MANUAL" });
    const { values } = inheritSettings({ partner: { till_returns: true }, store });
    expect(values).toMatchObject({ till_returns: false, capture: "MANUAL" });
  }
});

it("what is no settings at all holds nothing", () => {
  for (const stored of [undefined, null, "", 7, []]) expect(StoredSettingsSchema.parse(stored)).toEqual({});
});
