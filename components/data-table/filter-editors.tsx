"use client";

import { Check } from "lucide-react";
import { useState } from "react";
import { cn } from "@/components/cn";
import { Button } from "@/components/ui/button";
import { Command, CommandEmpty, CommandInput, CommandItem, CommandList } from "@/components/ui/command";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Select } from "@/components/ui/select";
import { parseDecimal, toDecimalString } from "@/server/core/money";
import {
  type AmountFilterDef,
  DATE_PRESETS,
  type DateFilterDef,
  type EnumFilterDef,
  type TextFilterDef,
} from "./table-state";

type EditorProps<Def> = {
  filter: Def;
  value: string | undefined;
  onChange: (value: string | null) => void;
  close: () => void;
};

const SEARCH_FROM = 8;

export function EnumEditor({ filter, value, onChange }: Omit<EditorProps<EnumFilterDef>, "close">) {
  const chosen = value === undefined ? [] : value.split(",");
  return (
    <Command label={filter.label}>
      {filter.options.length < SEARCH_FROM ? null : <CommandInput placeholder={`Find ${filter.label.toLowerCase()}`} />}
      <CommandList>
        <CommandEmpty>Nothing matches.</CommandEmpty>
        {filter.options.map((option) => {
          const isChosen = chosen.includes(option.value);
          return (
            <CommandItem
              key={option.value}
              value={`${option.label} ${option.value}`}
              onSelect={() => {
                const others = filter.isSingle === true ? [] : chosen.filter((other) => other !== option.value);
                const next = isChosen ? others : [...others, option.value];
                onChange(next.length === 0 ? null : next.join(","));
              }}
            >
              <span
                aria-hidden
                className={cn(
                  "grid size-4 place-items-center rounded-xs border",
                  isChosen ? "border-accent bg-accent" : "border-line-strong",
                )}
              >
                {isChosen ? <Check className="size-3! text-accent-ink!" strokeWidth={3} /> : null}
              </span>
              <span className="min-w-0 flex-1 truncate">{option.label}</span>
              {option.hint === undefined ? null : <span className="text-ink-3 text-xs">{option.hint}</span>}
              <span className="sr-only">{isChosen ? "chosen" : "not chosen"}</span>
            </CommandItem>
          );
        })}
      </CommandList>
    </Command>
  );
}

export function TextEditor({ filter, value, onChange, close }: EditorProps<TextFilterDef>) {
  const [text, setText] = useState(value ?? "");
  return (
    <form
      className="grid gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        onChange(text.trim() === "" ? null : text.trim());
        close();
      }}
    >
      <Field label={filter.label} isRequired>
        {(control) => (
          <Input
            {...control}
            value={text}
            placeholder={filter.placeholder}
            onChange={(event) => setText(event.target.value)}
          />
        )}
      </Field>
      <Button type="submit" variant="primary">
        Apply
      </Button>
    </form>
  );
}

/** `datetime-local` speaks the reader's zone, the address speaks UTC. */
function toLocalInput(instant: string): string {
  if (instant === "") return "";
  const at = new Date(instant);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function fromLocalInput(text: string): string {
  if (text === "") return "";
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? "" : `${at.toISOString().slice(0, 16)}Z`;
}

export function DateEditor({ filter, value, onChange, close }: EditorProps<DateFilterDef>) {
  const isPreset = DATE_PRESETS.some((preset) => preset.value === value);
  const [savedFrom = "", savedTo = ""] = isPreset ? [] : (value ?? "").split("..");
  const [from, setFrom] = useState(toLocalInput(savedFrom));
  const [to, setTo] = useState(toLocalInput(savedTo));
  const isBackwards = from !== "" && to !== "" && from > to;
  return (
    <div className="grid gap-3">
      <fieldset className="grid grid-cols-2 gap-1">
        <legend className="sr-only">{filter.label}</legend>
        {DATE_PRESETS.map((preset) => (
          <Button
            key={preset.value}
            size="sm"
            variant={preset.value === value ? "secondary" : "ghost"}
            aria-pressed={preset.value === value}
            className="justify-start"
            onClick={() => {
              onChange(preset.value);
              close();
            }}
          >
            {preset.label}
          </Button>
        ))}
      </fieldset>
      <form
        className="grid gap-3 border-line border-t pt-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (isBackwards) return;
          const range = `${fromLocalInput(from)}..${fromLocalInput(to)}`;
          onChange(range === ".." ? null : range);
          close();
        }}
      >
        <Field label="From" isRequired>
          {(control) => (
            <Input {...control} type="datetime-local" value={from} onChange={(event) => setFrom(event.target.value)} />
          )}
        </Field>
        <Field label="To" isRequired error={isBackwards ? "Ends before it starts." : undefined}>
          {(control) => (
            <Input {...control} type="datetime-local" value={to} onChange={(event) => setTo(event.target.value)} />
          )}
        </Field>
        <Button type="submit" variant="primary" disabled={isBackwards || (from === "" && to === "")}>
          Apply
        </Button>
      </form>
    </div>
  );
}

export function AmountEditor({ filter, value, onChange, close }: EditorProps<AmountFilterDef>) {
  const [savedCurrency = "", savedRange = ""] = (value ?? "").split(":");
  const [savedMin = "", savedMax = ""] = savedRange.split("..");
  const [currency, setCurrency] = useState(savedCurrency === "" ? (filter.currencies[0] ?? "EUR") : savedCurrency);
  const [min, setMin] = useState(
    savedMin === "" ? "" : toDecimalString({ amount: Number(savedMin), currency: savedCurrency }),
  );
  const [max, setMax] = useState(
    savedMax === "" ? "" : toDecimalString({ amount: Number(savedMax), currency: savedCurrency }),
  );
  const minMoney = min.trim() === "" ? undefined : parseDecimal(min.trim(), currency);
  const maxMoney = max.trim() === "" ? undefined : parseDecimal(max.trim(), currency);
  const isBad = minMoney === null || maxMoney === null;
  return (
    <form
      className="grid gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        if (isBad) return;
        const range = `${minMoney?.amount ?? ""}..${maxMoney?.amount ?? ""}`;
        onChange(range === ".." ? null : `${currency}:${range}`);
        close();
      }}
    >
      <Field label="Currency" isRequired>
        {(control) => (
          <Select
            {...control}
            value={currency}
            onValueChange={setCurrency}
            options={filter.currencies.map((code) => ({ value: code, label: code }))}
          />
        )}
      </Field>
      <div className="grid grid-cols-2 gap-2">
        <Field label="At least" isRequired error={minMoney === null ? "Not an amount." : undefined}>
          {(control) => (
            <Input
              {...control}
              inputMode="decimal"
              className="text-right"
              value={min}
              onChange={(event) => setMin(event.target.value)}
            />
          )}
        </Field>
        <Field label="At most" isRequired error={maxMoney === null ? "Not an amount." : undefined}>
          {(control) => (
            <Input
              {...control}
              inputMode="decimal"
              className="text-right"
              value={max}
              onChange={(event) => setMax(event.target.value)}
            />
          )}
        </Field>
      </div>
      <Button type="submit" variant="primary" disabled={isBad}>
        Apply
      </Button>
    </form>
  );
}
