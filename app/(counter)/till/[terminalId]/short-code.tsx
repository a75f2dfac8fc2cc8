"use client";

import { Delete } from "lucide-react";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { ShortCodeSchema } from "@/server/domain/payments/schema";
import type { TillWords } from "../../_components/till-words";

const TYPED_MAX = 60;
const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9"] as const;

/** What is read out in groups is one code. */
const digitsOf = (typed: string): string => typed.replace(/[\s.-]/g, "");

/**
 * Asks for what the customer reads out. It stands over the till, so that no digit of it ever falls into the amount: typed,
 * touched, or read by a scanner, which ends with Enter.
 */
export function ShortCode({
  isOpen,
  total,
  words,
  onClose,
  onCode,
}: {
  isOpen: boolean;
  /** What the customer pays, as it is written. */
  total: string;
  words: TillWords;
  onClose: () => void;
  onCode: (code: string) => void;
}) {
  const texts = words.shortCode;
  const [typed, setTyped] = useState("");
  const [isWrong, setWrong] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  // Each customer has a code of their own.
  useEffect(() => {
    if (!isOpen) return;
    setTyped("");
    setWrong(false);
  }, [isOpen]);

  function change(text: string): void {
    setTyped(text.slice(0, TYPED_MAX));
    setWrong(false);
  }
  function submit(event: FormEvent): void {
    event.preventDefault();
    const code = ShortCodeSchema.safeParse(digitsOf(typed));
    if (code.success) {
      onCode(code.data);
      return;
    }
    setWrong(true);
    field.current?.select();
  }
  /** Touched with a finger, a key leaves the focus where the scanner writes. */
  const pad = (label: string, text: string, next: string) => (
    <Button
      key={label}
      className="h-full min-h-12 text-xl tabular-nums [&_svg]:size-6"
      aria-label={label}
      onMouseDown={(event) => event.preventDefault()}
      onClick={() => change(next)}
    >
      {text === "" ? <Delete aria-hidden /> : text}
    </Button>
  );
  return (
    <Dialog open={isOpen} onOpenChange={(next) => (next ? undefined : onClose())}>
      <DialogContent
        title={texts.title}
        description={texts.hint}
        closeWord={texts.close}
        className="top-[6dvh] max-h-[90dvh]"
      >
        <form noValidate onSubmit={submit} className="grid gap-3">
          <Field label={texts.button} isRequired error={isWrong ? texts.wrong : undefined}>
            {(control) => (
              <Input
                {...control}
                ref={field}
                className="h-14 text-center text-3xl tabular-nums tracking-widest max-md:text-3xl"
                // The keys below are larger than those that a tablet would lay over them.
                inputMode="none"
                autoComplete="off"
                spellCheck={false}
                maxLength={TYPED_MAX}
                value={typed}
                onChange={(event) => change(event.target.value)}
              />
            )}
          </Field>
          <fieldset className="grid grid-cols-3 gap-2" aria-label={texts.keypad}>
            {KEYS.map((key) => pad(key, key, `${typed}${key}`))}
            <span />
            {pad("0", "0", `${typed}0`)}
            {pad(words.erase, "", typed.slice(0, -1))}
          </fieldset>
          <Button type="submit" variant="primary" className="h-16 text-xl" disabled={typed.trim() === ""}>
            {words.klarna} · {total}
          </Button>
        </form>
      </DialogContent>
    </Dialog>
  );
}
