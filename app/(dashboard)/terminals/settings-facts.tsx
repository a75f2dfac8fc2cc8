import { DefinitionList } from "@/components/display/definition-list";
import type { EffectiveSettings, SettingsLevel } from "@/server/domain/partners/service";
import { SETTING_NAMES } from "@/server/domain/stores/states";
import { LEVEL_WORDS, SETTING_WORDS, settingText } from "./setting-words";

/** What holds, and where each value comes from. */
export function SettingsFacts({ settings, here }: { settings: EffectiveSettings; here: SettingsLevel }) {
  return (
    <DefinitionList
      items={SETTING_NAMES.map((name) => {
        const value = settingText(name, settings.values);
        const level = settings.from[name];
        return {
          term: SETTING_WORDS[name],
          value: (
            <span className="inline-flex min-w-0 items-center gap-2 whitespace-pre-line">
              {name === "qr_dark" || name === "qr_light" ? (
                <svg aria-hidden viewBox="0 0 16 16" className="size-4 shrink-0 rounded-sm border border-line">
                  <rect width="16" height="16" fill={value} />
                </svg>
              ) : null}
              {value === "" ? <span className="text-ink-3">Nothing</span> : value}
            </span>
          ),
          hint: level === here ? "its own" : LEVEL_WORDS[level],
        };
      })}
    />
  );
}
