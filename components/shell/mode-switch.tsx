"use client";

import { ChevronsUpDown } from "lucide-react";
import { useTransition } from "react";
import { type Mode, ModeBadge } from "@/components/display/mode-badge";
import {
  DropdownMenu,
  DropdownMenuContent,
  DropdownMenuLabel,
  DropdownMenuRadioGroup,
  DropdownMenuRadioItem,
  DropdownMenuTrigger,
} from "@/components/ui/dropdown-menu";

const WORDS: Record<Mode, { label: string; hint: string }> = {
  test: { label: "Test", hint: "Nothing here moves money" },
  live: { label: "Live", hint: "Real customers, real money" },
};

/** Test or live, always in sight; a choice only for those who may see both. */
export function ModeSwitch({
  mode,
  modes,
  setMode,
}: {
  mode: Mode;
  modes: readonly Mode[];
  setMode: (mode: Mode) => Promise<void>;
}) {
  const [isChanging, start] = useTransition();
  if (modes.length < 2) return <ModeBadge mode={mode} className="h-6 px-2" />;
  return (
    <DropdownMenu>
      <DropdownMenuTrigger
        aria-label={`Mode: ${WORDS[mode].label}`}
        disabled={isChanging}
        className="flex h-8 items-center gap-1 rounded-md px-1 hover:bg-hover disabled:opacity-60"
      >
        <ModeBadge mode={mode} className="h-6 px-2" />
        <ChevronsUpDown aria-hidden className="size-3.5 text-ink-3" />
      </DropdownMenuTrigger>
      <DropdownMenuContent>
        <DropdownMenuLabel>Which payments to look at</DropdownMenuLabel>
        <DropdownMenuRadioGroup
          value={mode}
          onValueChange={(value) => {
            const next = modes.find((candidate) => candidate === value);
            if (next !== undefined && next !== mode) start(() => setMode(next));
          }}
        >
          {modes.map((candidate) => (
            <DropdownMenuRadioItem key={candidate} value={candidate}>
              <span className="grid">
                {WORDS[candidate].label}
                <span className="text-ink-3 text-xs">{WORDS[candidate].hint}</span>
              </span>
            </DropdownMenuRadioItem>
          ))}
        </DropdownMenuRadioGroup>
      </DropdownMenuContent>
    </DropdownMenu>
  );
}
