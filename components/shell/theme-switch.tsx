"use client";

import { useTheme } from "next-themes";
import { useHydrated } from "@/components/hooks";
import { Select } from "@/components/ui/select";
import { THEMES } from "./theme-choice";

/** By itself, on pages without the frame. */
export function ThemeSwitch() {
  const { theme, setTheme } = useTheme();
  const isHydrated = useHydrated();
  return (
    <Select
      aria-label="Theme"
      className="w-36"
      value={isHydrated ? (theme ?? "system") : "system"}
      onValueChange={setTheme}
      options={THEMES}
    />
  );
}
