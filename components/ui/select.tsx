"use client";

import { Check, ChevronDown } from "lucide-react";
import { Select as Primitive } from "radix-ui";
import type { ReactNode } from "react";
import { cn } from "@/components/cn";
import { useNonce } from "@/components/providers";
import { inputStyles } from "./input";

export type SelectOption = { value: string; label: string; hint?: string; isDisabled?: boolean };

export type SelectProps = {
  options: readonly SelectOption[];
  value?: string | undefined;
  defaultValue?: string;
  onValueChange?: (value: string) => void;
  placeholder?: string;
  name?: string;
  id?: string;
  disabled?: boolean;
  className?: string;
  leading?: ReactNode;
  "aria-label"?: string;
  "aria-describedby"?: string | undefined;
  "aria-invalid"?: true | undefined;
  "aria-required"?: true | undefined;
};

/** One of few choices. For many choices use a command list in a popover. */
export function Select({
  options,
  value,
  defaultValue,
  onValueChange,
  placeholder = "Choose",
  name,
  disabled,
  className,
  leading,
  ...control
}: SelectProps) {
  const nonce = useNonce();
  return (
    <Primitive.Root
      {...(value === undefined ? {} : { value })}
      {...(defaultValue === undefined ? {} : { defaultValue })}
      {...(onValueChange === undefined ? {} : { onValueChange })}
      {...(name === undefined ? {} : { name })}
      {...(disabled === undefined ? {} : { disabled })}
    >
      <Primitive.Trigger
        className={cn(
          inputStyles,
          "inline-flex items-center justify-between gap-2 data-placeholder:text-ink-3",
          className,
        )}
        {...control}
      >
        <span className="flex min-w-0 items-center gap-1.5 truncate">
          {leading}
          {/* Named here too, so that the server's markup already says what is chosen. */}
          <Primitive.Value placeholder={placeholder}>
            {options.find((option) => option.value === value)?.label}
          </Primitive.Value>
        </span>
        <ChevronDown aria-hidden className="size-4 shrink-0 text-ink-3" />
      </Primitive.Trigger>
      <Primitive.Portal>
        <Primitive.Content
          position="popper"
          sideOffset={4}
          className="z-50 max-h-(--radix-select-content-available-height) min-w-(--radix-select-trigger-width) animate-in overflow-hidden rounded-md border border-line bg-raised shadow-float"
        >
          <Primitive.Viewport className="p-1" {...(nonce === undefined ? {} : { nonce })}>
            {options.map((option) => (
              <Primitive.Item
                key={option.value}
                value={option.value}
                disabled={option.isDisabled ?? false}
                className="relative flex min-h-8 cursor-default items-center gap-2 rounded-sm py-1 pr-2 pl-7 text-sm outline-none data-disabled:opacity-50 data-highlighted:bg-hover"
              >
                <Primitive.ItemIndicator className="absolute left-2">
                  <Check aria-hidden className="size-4 text-accent" />
                </Primitive.ItemIndicator>
                <Primitive.ItemText>{option.label}</Primitive.ItemText>
                {option.hint === undefined ? null : (
                  <span className="ml-auto pl-4 text-ink-3 text-xs">{option.hint}</span>
                )}
              </Primitive.Item>
            ))}
          </Primitive.Viewport>
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}
