"use client";

import { Plus, X } from "lucide-react";
import dynamic from "next/dynamic";
import { type ReactNode, useState } from "react";
import { cn } from "@/components/cn";
import { moneyText } from "@/components/display/money";
import { absoluteWords } from "@/components/display/time-words";
import { useHydrated } from "@/components/hooks";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import { DATE_PRESETS, type FilterDef } from "./table-state";

// Loaded when a filter is first opened.
const AmountEditor = dynamic(() => import("./filter-editors").then((module) => module.AmountEditor));
const DateEditor = dynamic(() => import("./filter-editors").then((module) => module.DateEditor));
const EnumEditor = dynamic(() => import("./filter-editors").then((module) => module.EnumEditor));
const TextEditor = dynamic(() => import("./filter-editors").then((module) => module.TextEditor));

/** One filter: a word while unset, its value once set, a small editor under it. */
export function FilterChip({
  filter,
  value,
  onChange,
}: {
  filter: FilterDef;
  value: string | undefined;
  onChange: (value: string | null) => void;
}) {
  const [isOpen, setOpen] = useState(false);
  const isHydrated = useHydrated();
  const isSet = value !== undefined;
  const close = () => setOpen(false);
  return (
    <Popover open={isOpen} onOpenChange={setOpen}>
      <div
        className={cn(
          "flex h-8 shrink-0 items-center rounded-md border text-sm",
          isSet ? "border-accent/50 bg-accent-soft" : "border-line-strong border-dashed",
        )}
      >
        <PopoverTrigger
          className={cn(
            "flex h-full items-center gap-1 rounded-md px-2.5 transition-colors",
            isSet ? "pr-1 text-ink" : "text-ink-2 hover:bg-hover hover:text-ink",
          )}
        >
          {isSet ? null : <Plus aria-hidden className="size-3.5 text-ink-3" />}
          <span className={isSet ? "text-ink-2" : ""}>
            {filter.label}
            {isSet ? ":" : ""}
          </span>
          {isSet ? (
            <span className="max-w-48 truncate font-medium">{describeValue(filter, value, isHydrated)}</span>
          ) : null}
        </PopoverTrigger>
        {isSet ? (
          <button
            type="button"
            aria-label={`Clear ${filter.label.toLowerCase()}`}
            onClick={() => onChange(null)}
            className="mr-0.5 grid size-6 place-items-center rounded-sm text-ink-3 hover:bg-hover hover:text-ink"
          >
            <X aria-hidden className="size-3.5" />
          </button>
        ) : null}
      </div>
      <PopoverContent className={filter.kind === "enum" ? "w-60 p-0" : "w-72"}>
        {editor(filter, value, onChange, close)}
      </PopoverContent>
    </Popover>
  );
}

function editor(
  filter: FilterDef,
  value: string | undefined,
  onChange: (value: string | null) => void,
  close: () => void,
): ReactNode {
  switch (filter.kind) {
    case "enum":
      return <EnumEditor filter={filter} value={value} onChange={onChange} />;
    case "text":
      return <TextEditor filter={filter} value={value} onChange={onChange} close={close} />;
    case "date":
      return <DateEditor filter={filter} value={value} onChange={onChange} close={close} />;
    case "amount":
      return <AmountEditor filter={filter} value={value} onChange={onChange} close={close} />;
  }
}

function describeValue(filter: FilterDef, value: string, isHydrated: boolean): string {
  switch (filter.kind) {
    case "text":
      return value;
    case "enum": {
      const labels = value
        .split(",")
        .map((part) => filter.options.find((option) => option.value === part)?.label ?? part);
      return labels.length > 2 ? `${labels.slice(0, 2).join(", ")} +${labels.length - 2}` : labels.join(", ");
    }
    case "date": {
      const preset = DATE_PRESETS.find((candidate) => candidate.value === value);
      if (preset !== undefined) return preset.label;
      const [from = "", to = ""] = value.split("..");
      const words = (text: string) => absoluteWords(new Date(text), "minute", isHydrated ? undefined : "UTC");
      return from === "" ? `until ${words(to)}` : to === "" ? `since ${words(from)}` : `${words(from)} – ${words(to)}`;
    }
    case "amount": {
      const [currency = "", range = ""] = value.split(":");
      const [min = "", max = ""] = range.split("..");
      const words = (text: string) => moneyText(Number(text), currency);
      return min === "" ? `up to ${words(max)}` : max === "" ? `from ${words(min)}` : `${words(min)} – ${words(max)}`;
    }
  }
}
