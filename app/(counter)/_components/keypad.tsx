"use client";

import { Delete } from "lucide-react";
import { useEffect, useRef } from "react";
import { hasOpenLayer, isTyping } from "@/components/hooks";
import { Button } from "@/components/ui/button";

/** Ten digits are more than Klarna takes in any currency. */
const DIGITS_MAX = 10;
const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "00", "0"] as const;

/** The amount after one more key, in minor units: digits come in from the right, as at any card terminal. */
export function typed(amount: number, key: string): number {
  if (key === "Backspace") return Math.floor(amount / 10);
  if (key === "Escape") return 0;
  const next = `${amount === 0 ? "" : amount}${key}`.replace(/^0+/, "");
  return next.length > DIGITS_MAX ? amount : Number(next === "" ? "0" : next);
}

/** No hand presses keys so closely one after the other; every scanner that types as a keyboard does. */
const SCAN_GAP_MS = 30;
/** The shortest code on goods. An amount of as many digits is not typed at that speed. */
const SCAN_DIGITS_MIN = 8;

/** Digits that came as closely as a scanner types, and when the last of them came. */
export type Burst = { digits: number; lastMs: number };
export const NO_BURST: Burst = { digits: 0, lastMs: Number.NEGATIVE_INFINITY };

export const withDigit = ({ digits, lastMs }: Burst, atMs: number): Burst => ({
  digits: atMs - lastMs <= SCAN_GAP_MS ? digits + 1 : 1,
  lastMs: atMs,
});

/** Whether an Enter at this moment ends the code of some goods, which is no amount and no press of somebody. */
export const isScan = ({ digits, lastMs }: Burst, enterMs: number): boolean =>
  digits >= SCAN_DIGITS_MIN && enterMs - lastMs <= SCAN_GAP_MS;

/** A number pad for an amount: to touch, and by the keys of a keyboard wherever nothing else is written. */
export function Keypad({
  value,
  onChange,
  onEnter,
  isActive = true,
  words,
}: {
  value: number;
  onChange: (value: number) => void;
  onEnter: () => void;
  /** Whether the keyboard's keys are for it. */
  isActive?: boolean;
  words: { keypad: string; erase: string };
}) {
  const latest = useRef({ value, onChange, onEnter });
  latest.current = { value, onChange, onEnter };
  useEffect(() => {
    if (!isActive) return;
    let burst = NO_BURST;
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event) || hasOpenLayer()) return;
      const isOnControl = event.target instanceof Element && event.target.closest("button, a") !== null;
      const { value, onChange, onEnter } = latest.current;
      if (event.key === "Enter" && !isOnControl) {
        event.preventDefault();
        const isScanned = isScan(burst, event.timeStamp);
        burst = NO_BURST;
        if (isScanned) {
          latest.current.value = 0;
          onChange(0);
        } else onEnter();
      } else if (/^\d$/.test(event.key) || event.key === "Backspace" || event.key === "Escape") {
        event.preventDefault();
        burst = /^\d$/.test(event.key) ? withDigit(burst, event.timeStamp) : NO_BURST;
        // Whatever was pressed last has the focus: Enter after digits is for the amount, not for that button.
        if (isOnControl && document.activeElement instanceof HTMLElement) document.activeElement.blur();
        const next = typed(value, event.key);
        // Two quick keys come before the next render.
        latest.current.value = next;
        onChange(next);
      }
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [isActive]);
  return (
    <fieldset className="grid min-h-0 grid-cols-3 gap-2" aria-label={words.keypad}>
      {KEYS.map((key) => (
        <Button key={key} className="h-full min-h-14 text-xl tabular-nums" onClick={() => onChange(typed(value, key))}>
          {key}
        </Button>
      ))}
      <Button
        className="h-full min-h-14 [&_svg]:size-6"
        aria-label={words.erase}
        onClick={() => onChange(typed(value, "Backspace"))}
      >
        <Delete aria-hidden />
      </Button>
    </fieldset>
  );
}
