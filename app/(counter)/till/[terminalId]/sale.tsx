"use client";

import { Hash, LoaderCircle, Minus, Plus, RotateCw, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { newReference } from "@/app/(dashboard)/take-payment/_components/new-reference";
import { cn } from "@/components/cn";
import { hasOpenLayer, isTyping } from "@/components/hooks";
import { Notice } from "@/components/notice";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Kbd } from "@/components/ui/kbd";
import { AMOUNT_MAX } from "@/server/core/money";
import type { CounterLine, TakeInput } from "@/server/domain/counter/schema";
import { Keypad } from "../../_components/keypad";
import type { CounterSpot } from "../../_components/place";
import { type TillWords, tillError } from "../../_components/till-words";
import type { Attempt } from "../../_components/use-attempt";
import { ShortCode } from "./short-code";

type Entry = CounterLine & { key: number };

const LONG_TEXT = 14;
/** Stands beside the digits of a number pad, and is no part of any amount. */
const CODE_KEY = "*";

/** What is sold: an amount, or items that add up to one. One press of Klarna takes it. */
export function Sale({
  isShown,
  again,
  asksForCode,
  spot,
  words,
  money,
  attempt,
  failure,
  onTake,
  onRepeat,
}: {
  /** On another part of the till it waits, with what was typed. */
  isShown: boolean;
  /** A sale that is to be taken once more. */
  again: Omit<TakeInput, "nonce"> | null;
  /** It is to be taken with another short code: that is asked for at once. */
  asksForCode: boolean;
  spot: CounterSpot;
  words: TillWords;
  money: (amount: number, currency: string) => string;
  attempt: Attempt;
  failure: string | null;
  onTake: (sale: Omit<TakeInput, "nonce">) => void;
  onRepeat: () => void;
}) {
  const [kind, setKind] = useState<"amount" | "items">((again?.lines?.length ?? 0) > 0 ? "items" : "amount");
  const [amount, setAmount] = useState(again === null || kind === "items" ? 0 : again.amount);
  const [entries, setEntries] = useState<Entry[]>((again?.lines ?? []).map((line, at) => ({ ...line, key: -1 - at })));
  const [name, setName] = useState("");
  const [quantity, setQuantity] = useState(1);
  const [reference, setReference] = useState(again?.reference ?? "");
  const [isCodeOpen, setCodeOpen] = useState(asksForCode);
  const nextKey = useRef(0);
  useEffect(() => setReference((before) => (before === "" ? newReference(new Date()) : before)), []);

  const sum = entries.reduce((all, line) => all + line.quantity * line.unitPrice, 0);
  const total = kind === "amount" ? amount : sum;
  // The largest amounts stand there whole, their currency too.
  const isLong = money(amount, spot.currency).length > LONG_TEXT;
  const isBusy = attempt.phase === "asking";
  const canTake =
    attempt.phase === "none" && total > 0 && total <= AMOUNT_MAX && reference.trim() !== "" && spot.isUsable;

  const mayAskForCode = spot.takesShortCodes && canTake;
  useEffect(() => {
    if (!isShown || !mayAskForCode) return;
    const press = (event: KeyboardEvent) => {
      if (event.key !== CODE_KEY || event.ctrlKey || event.metaKey || event.altKey) return;
      if (isTyping(event) || hasOpenLayer()) return;
      event.preventDefault();
      setCodeOpen(true);
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [isShown, mayAskForCode]);

  function take(shortCode: string | null): void {
    if (!canTake) return;
    onTake({
      terminalId: spot.terminalId,
      amount: total,
      currency: spot.currency,
      reference: reference.trim(),
      lines: kind === "amount" ? [] : entries.map(({ key: _, ...line }) => line),
      shortCode,
    });
  }
  function add(): void {
    if (amount === 0) return;
    nextKey.current += 1;
    const number = nextKey.current;
    setEntries([
      ...entries,
      { key: number, name: name.trim() === "" ? `${words.item} ${number}` : name.trim(), quantity, unitPrice: amount },
    ]);
    setAmount(0);
    setName("");
    setQuantity(1);
  }

  if (attempt.phase === "unsure" && isShown)
    return (
      <section className="m-auto grid max-w-md justify-items-center gap-4 text-center" aria-live="assertive">
        <p className="font-semibold text-3xl">{money(attempt.input.amount, attempt.input.currency)}</p>
        <Notice tone="warn" title={words.unsure.title}>
          {words.unsure.sentence}
        </Notice>
        <Button variant="primary" className="h-14 w-full text-xl" onClick={onRepeat} autoFocus>
          {words.unsure.again}
        </Button>
      </section>
    );

  return (
    <section
      hidden={!isShown}
      className="grid flex-1 content-start gap-3 md:grid-cols-[1fr_minmax(300px,380px)] md:max-h-[760px] md:content-stretch"
    >
      <div className="grid min-h-0 grid-rows-[auto_auto_1fr] gap-3">
        <div className="flex gap-1 rounded-md bg-neutral-soft p-1">
          {(["amount", "items"] as const).map((each) => (
            <button
              key={each}
              type="button"
              aria-pressed={kind === each}
              className="h-10 flex-1 rounded-sm font-medium text-base text-ink-2 aria-pressed:bg-raised aria-pressed:text-ink"
              onClick={() => setKind(each)}
            >
              {words[each]}
            </button>
          ))}
        </div>
        <output
          aria-label={kind === "amount" ? words.amount : words.item}
          className={cn(
            "block min-w-0 truncate rounded-md border border-line bg-raised px-4 py-2 text-right font-semibold tabular-nums",
            kind === "amount" && !isLong ? "text-[clamp(28px,7vw,44px)] leading-tight" : "text-3xl",
            amount === 0 && "text-ink-3",
          )}
        >
          {money(amount, spot.currency)}
        </output>
        <div className={cn("grid min-h-0 gap-3", kind === "items" && "grid-rows-[auto_1fr]")}>
          {kind === "items" ? (
            <div className="flex flex-wrap items-end gap-2">
              <Field label={words.item} className="min-w-40 flex-1">
                {(control) => (
                  <Input
                    {...control}
                    className="h-12 text-base"
                    maxLength={255}
                    value={name}
                    autoComplete="off"
                    onChange={(event) => setName(event.target.value)}
                  />
                )}
              </Field>
              <fieldset className="flex items-center gap-1" aria-label={words.quantity}>
                <Button
                  className="size-12 px-0"
                  aria-label={words.fewer}
                  disabled={quantity <= 1}
                  onClick={() => setQuantity(quantity - 1)}
                >
                  <Minus aria-hidden />
                </Button>
                <output className="w-10 text-center text-xl tabular-nums">{quantity}</output>
                <Button
                  className="size-12 px-0"
                  aria-label={words.more}
                  disabled={quantity >= 999}
                  onClick={() => setQuantity(quantity + 1)}
                >
                  <Plus aria-hidden />
                </Button>
              </fieldset>
              <Button className="h-12 text-base" disabled={amount === 0} onClick={add}>
                {words.addItem}
              </Button>
            </div>
          ) : null}
          <Keypad
            value={amount}
            onChange={setAmount}
            onEnter={kind === "amount" ? () => take(null) : add}
            isActive={isShown}
            words={words}
          />
        </div>
      </div>
      <div className="flex min-h-0 flex-col gap-3">
        {kind === "items" ? (
          <ul className="min-h-24 flex-1 divide-y divide-line overflow-y-auto rounded-md border border-line bg-surface">
            {entries.length === 0 ? <li className="p-4 text-base text-ink-2">{words.noItems}</li> : null}
            {entries.map((line) => (
              <li key={line.key} className="flex items-center gap-2 py-1 pr-1 pl-3 text-base">
                <span className="min-w-0 flex-1 break-words">
                  {line.quantity === 1 ? "" : `${line.quantity} × `}
                  {line.name}
                </span>
                <span className="tabular-nums">{money(line.quantity * line.unitPrice, spot.currency)}</span>
                <Button
                  variant="ghost"
                  className="size-11 px-0"
                  aria-label={`${words.remove}: ${line.name}`}
                  onClick={() => setEntries(entries.filter((each) => each.key !== line.key))}
                >
                  <X aria-hidden />
                </Button>
              </li>
            ))}
          </ul>
        ) : (
          <div className="flex-1 max-md:hidden" />
        )}
        <div className="flex items-end gap-2">
          <Field label={words.reference} isRequired className="min-w-0 flex-1">
            {(control) => (
              <Input
                {...control}
                className="h-12 text-base"
                maxLength={255}
                value={reference}
                autoComplete="off"
                spellCheck={false}
                onChange={(event) => setReference(event.target.value)}
              />
            )}
          </Field>
          <Button
            className="size-12 px-0"
            aria-label={words.newReference}
            title={words.newReference}
            onClick={() => setReference(newReference(new Date()))}
          >
            <RotateCw aria-hidden />
          </Button>
        </div>
        {failure === null ? null : <Notice tone="bad" title={tillError(words, failure)} />}
        <p className="flex items-baseline justify-between gap-4 text-base max-md:hidden">
          <span className="text-ink-2">{words.total}</span>
          <strong className="min-w-0 truncate font-semibold text-3xl tabular-nums">
            {money(total, spot.currency)}
          </strong>
        </p>
        {spot.takesShortCodes ? (
          <>
            <Button
              className="h-14 w-full text-base [&_svg]:size-5"
              disabled={!canTake}
              aria-keyshortcuts={CODE_KEY}
              onClick={() => setCodeOpen(true)}
            >
              <Hash aria-hidden />
              {words.shortCode.button}
              <span aria-hidden className="max-md:hidden">
                <Kbd>{CODE_KEY}</Kbd>
              </span>
            </Button>
            <ShortCode
              isOpen={isCodeOpen && isShown && canTake}
              total={money(total, spot.currency)}
              words={words}
              onClose={() => setCodeOpen(false)}
              onCode={(code) => {
                setCodeOpen(false);
                take(code);
              }}
            />
          </>
        ) : null}
        <Button
          variant="primary"
          className="h-16 w-full text-xl max-md:sticky max-md:bottom-3"
          disabled={!canTake}
          aria-busy={isBusy || undefined}
          onClick={() => take(null)}
        >
          {isBusy ? <LoaderCircle aria-hidden className="animate-spin" /> : null}
          {isBusy ? words.asking : total > 0 ? `${words.klarna} · ${money(total, spot.currency)}` : words.klarna}
        </Button>
      </div>
    </section>
  );
}
