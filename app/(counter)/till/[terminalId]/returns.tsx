"use client";

import { type FormEvent, useCallback, useEffect, useRef, useState } from "react";
import { isUnsure, newNonce } from "@/app/(dashboard)/payments/_components/nonce";
import { useOneRun } from "@/components/hooks";
import { Notice, type NoticeProps } from "@/components/notice";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { type Language, localeFor } from "@/server/core/languages";
import { parseDecimal, toDecimalString } from "@/server/core/money";
import type { ReturnInput, ReturnOutcome, SaleRecord } from "@/server/domain/counter/schema";
import { forgetReturn, keepReturn, keptReturn, latestKeptReturn } from "../../_components/kept-return";
import { type TillWords, tillError } from "../../_components/till-words";
import { answerOf, isGone } from "../../_components/use-live-payment";
import { findSalesAction, returnAtTillAction } from "./actions";
import { Question } from "./taken";

type Common = {
  terminalId: string;
  words: TillWords;
  language: Language;
  money: (amount: number, currency: string) => string;
  onGone: () => void;
  onPrint: (paymentId: string, refundId: string | null) => Promise<void>;
};

/** Finds a sale of any store or of the web by what stands on its receipt, and gives it back here. */
export function Returns(props: Common) {
  const { terminalId, words, onGone } = props;
  const [text, setText] = useState("");
  const [found, setFound] = useState<SaleRecord[] | null>(null);
  const [sale, setSale] = useState<SaleRecord | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (sale === null) field.current?.focus();
  }, [sale]);

  const look = useCallback(
    async (wanted: string): Promise<void> => {
      setBusy(true);
      setFailure(null);
      const result = await answerOf(findSalesAction({ terminalId, text: wanted }));
      setBusy(false);
      if (result?.ok) {
        setFound(result.data);
        setSale(result.data.length === 1 ? (result.data[0] ?? null) : null);
      } else if (result !== null && isGone(result)) onGone();
      else setFailure(result?.code ?? "other");
    },
    [terminalId, onGone],
  );
  async function find(event: FormEvent): Promise<void> {
    event.preventDefault();
    if (text.trim() !== "" && !isBusy) await look(text.trim());
  }
  const isResumed = useRef(false);
  useEffect(() => {
    if (isResumed.current) return;
    isResumed.current = true;
    const paymentId = latestKeptReturn(terminalId);
    if (paymentId !== null) void look(paymentId);
  }, [terminalId, look]);

  if (sale !== null)
    return (
      <Return
        key={sale.id}
        {...props}
        sale={sale}
        onBack={() => {
          setSale(null);
          setFound(null);
          setText("");
        }}
      />
    );
  return (
    <section className="mx-auto grid w-full max-w-2xl gap-4">
      <form onSubmit={(event) => void find(event)} className="grid gap-3">
        <Field label={words.returns.label} hint={words.returns.hint} isRequired>
          {(control) => (
            <Input
              {...control}
              ref={field}
              className="h-14 text-xl"
              maxLength={255}
              value={text}
              autoComplete="off"
              autoCapitalize="off"
              spellCheck={false}
              onChange={(event) => setText(event.target.value)}
            />
          )}
        </Field>
        <Button type="submit" variant="primary" className="h-14 text-xl" isBusy={isBusy} disabled={text.trim() === ""}>
          {words.returns.find}
        </Button>
      </form>
      <div role="status" className="grid gap-3">
        {failure === null ? null : <Notice tone="bad" title={tillError(words, failure)} />}
        {found?.length === 0 ? <Notice tone="warn" title={words.returns.none} /> : null}
      </div>
      <ul className="grid gap-2">
        {(found ?? []).map((each) => (
          <li key={each.id}>
            <Button
              className="h-auto w-full justify-start whitespace-normal px-4 py-3 text-left text-base"
              onClick={() => setSale(each)}
            >
              <SaleFacts {...props} sale={each} />
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function SaleFacts({ sale, words, language, money }: Common & { sale: SaleRecord }) {
  const day = new Intl.DateTimeFormat(localeFor(language, null), { dateStyle: "medium", timeStyle: "short" });
  return (
    <span className="grid min-w-0 gap-0.5">
      <strong className="break-words font-semibold text-xl">{money(sale.amount, sale.currency)}</strong>
      <span className="break-words">{sale.reference}</span>
      <span className="text-ink-2">
        {sale.channel === "in_store" ? sale.storeName : words.returns.online} · {day.format(new Date(sale.createdAt))} ·{" "}
        {words.states[sale.status].title}
      </span>
    </span>
  );
}

const TONES: Readonly<Record<string, NonNullable<NoticeProps["tone"]>>> = {
  done: "good",
  processing: "warn",
  failed: "bad",
  approval: "info",
  limit: "warn",
  currency: "warn",
};

function Return(props: Common & { sale: SaleRecord; onBack: () => void }) {
  const { sale, words, money, terminalId, onGone, onPrint, onBack } = props;
  const texts = words.returns;
  const pots = sale.captures.filter((capture) => capture.left > 0);
  const [captureId, setCaptureId] = useState(pots[0]?.id ?? null);
  const left = pots.find((capture) => capture.id === captureId)?.left ?? 0;
  const [kind, setKind] = useState<"whole" | "part" | "lines">("whole");
  const [part, setPart] = useState("");
  const [chosen, setChosen] = useState<readonly number[]>([]);
  const [reason, setReason] = useState(texts.reasons[0] ?? "");
  const [failure, setFailure] = useState<string | null>(null);
  const [outcome, setOutcome] = useState<ReturnOutcome | null>(null);
  /** Asked for, and nobody knows what became of it: until that is known, nothing else of this sale is given back here. */
  const [open, setOpen] = useState(() => keptReturn(terminalId, sale.id));
  const typed = parseDecimal(part, sale.currency)?.amount ?? 0;
  const amount =
    kind === "whole"
      ? left
      : kind === "part"
        ? typed
        : sale.lines.filter((line) => chosen.includes(line.index)).reduce((sum, line) => sum + line.amount, 0);
  const isTooMuch = amount > left;

  const giveBack = (): Promise<void> =>
    send({
      terminalId,
      nonce: newNonce(),
      paymentId: sale.id,
      amount: kind === "lines" ? null : amount,
      lines: kind === "lines" ? [...chosen].sort((a, b) => a - b) : [],
      capture: captureId,
      reason: reason.trim(),
    });

  async function send(input: ReturnInput): Promise<void> {
    const wasOpen = open !== null;
    setFailure(null);
    keepReturn(input);
    const result = await answerOf(returnAtTillAction(input));
    if (result === null || (!result.ok && isUnsure(result.code))) return setOpen(input);
    const isKnown = result.ok || !isGone(result);
    // Whoever is no longer let in learns nothing of an earlier press.
    if (isKnown || !wasOpen) {
      forgetReturn(input);
      setOpen(null);
    }
    if (result.ok) setOutcome(result.data);
    else if (isKnown) setFailure(result.code);
    else onGone();
  }

  if (outcome !== null) {
    const said = outcome.kind === "refund" ? (outcome.status === "succeeded" ? "done" : outcome.status) : outcome.kind;
    const state = texts[said ?? "processing"];
    return (
      <section className="mx-auto grid w-full max-w-2xl content-start gap-4">
        <p className="text-center font-semibold text-[clamp(28px,7vw,44px)] tabular-nums">
          {money(outcome.amount, outcome.currency)}
        </p>
        <Notice tone={TONES[said ?? "processing"] ?? "info"} title={<span className="text-xl">{state.title}</span>}>
          <span className="text-base">{state.sentence}</span>
          {outcome.kind === "limit" ? <strong> {money(outcome.amount, outcome.currency)}</strong> : null}
        </Notice>
        <p className="break-words text-center text-base text-ink-2">{sale.reference}</p>
        {outcome.id !== null && outcome.status === "succeeded" ? (
          <Button className="h-14 text-base" onClick={() => void onPrint(sale.id, outcome.id)}>
            {texts.receipt}
          </Button>
        ) : null}
        <Button variant="primary" className="h-16 text-xl" onClick={onBack} autoFocus>
          {texts.another}
        </Button>
      </section>
    );
  }

  if (open !== null)
    return <OpenReturn {...props} amount={amountOf(open, sale)} onAgain={() => send(open)} onBack={onBack} />;

  return (
    <section className="mx-auto grid w-full max-w-2xl content-start gap-4">
      <div className="flex flex-wrap items-start justify-between gap-3 rounded-md border border-line bg-surface p-4 text-base">
        <SaleFacts {...props} />
        <p>
          <strong className="font-semibold">{money(sale.amountRefundable, sale.currency)}</strong> {texts.left}
        </p>
      </div>
      {pots.length === 0 ? (
        <Notice tone="warn" title={sale.captures.length === 0 ? texts.notCaptured : texts.nothingLeft} />
      ) : (
        <>
          {pots.length > 1 ? (
            <Choices
              label={texts.capture}
              value={captureId ?? ""}
              options={pots.map((each) => ({ value: each.id, label: money(each.left, sale.currency) }))}
              onChange={(id) => {
                setCaptureId(id);
                setPart("");
              }}
            />
          ) : null}
          <Choices
            label={texts.choose}
            value={kind}
            options={[
              { value: "whole", label: `${texts.whole} · ${money(left, sale.currency)}` },
              { value: "part", label: texts.part },
              ...(sale.lines.length > 0 ? [{ value: "lines", label: texts.byLine }] : []),
            ]}
            onChange={(value) => setKind(value === "part" || value === "lines" ? value : "whole")}
          />
          {kind === "part" ? (
            <Field
              label={`${words.amount} (${sale.currency})`}
              isRequired
              error={isTooMuch ? `${texts.tooMuch} ${money(left, sale.currency)}` : undefined}
            >
              {(control) => (
                <Input
                  {...control}
                  className="h-14 text-right text-xl tabular-nums"
                  inputMode="decimal"
                  autoComplete="off"
                  placeholder={toDecimalString({ amount: left, currency: sale.currency })}
                  value={part}
                  onChange={(event) => setPart(event.target.value)}
                />
              )}
            </Field>
          ) : null}
          {kind === "lines" ? (
            <ul className="divide-y divide-line rounded-md border border-line bg-surface">
              {sale.lines.map((line) => (
                <li key={line.index}>
                  <label className="flex min-h-14 items-center gap-3 px-4 text-base">
                    <input
                      type="checkbox"
                      className="size-6 accent-accent"
                      checked={chosen.includes(line.index)}
                      onChange={(event) =>
                        setChosen(
                          event.target.checked ? [...chosen, line.index] : chosen.filter((each) => each !== line.index),
                        )
                      }
                    />
                    <span className="min-w-0 flex-1 break-words">
                      {line.quantity === 1 ? "" : `${line.quantity} × `}
                      {line.name}
                    </span>
                    <span className="tabular-nums">{money(line.amount, sale.currency)}</span>
                  </label>
                </li>
              ))}
            </ul>
          ) : null}
          {kind === "lines" && isTooMuch ? <Notice tone="warn" title={texts.tooMuch} /> : null}
          <Choices
            label={texts.reason}
            value={reason}
            options={texts.reasons.map((each) => ({ value: each, label: each }))}
            onChange={setReason}
          />
        </>
      )}
      {failure === null ? null : <Notice tone="bad" title={tillError(words, failure)} />}
      <div className="grid gap-2 sm:grid-cols-[auto_1fr]">
        <Button className="h-14 px-6 text-base" onClick={onBack}>
          {texts.back}
        </Button>
        {pots.length === 0 ? null : (
          <Question
            trigger={`${texts.refund} ${money(amount, sale.currency)}`}
            isDisabled={amount < 1 || isTooMuch}
            title={texts.confirm}
            sentence={
              <>
                <strong className="block font-semibold text-ink text-xl">{money(amount, sale.currency)}</strong>
                {texts.consequence}
              </>
            }
            back={texts.back}
            verb={`${texts.refund} ${money(amount, sale.currency)}`}
            variant="primary"
            onYes={giveBack}
          />
        )}
      </div>
    </section>
  );
}

/** What was asked for: an amount, whole lines, or all that is left. */
function amountOf(input: ReturnInput, sale: SaleRecord): number {
  const chosen = input.lines ?? [];
  if (chosen.length > 0)
    return sale.lines.filter((line) => chosen.includes(line.index)).reduce((sum, line) => sum + line.amount, 0);
  return input.amount ?? sale.amountRefundable;
}

/** A return without an answer: asked for again it stays the same one, whatever happened to the first press. */
function OpenReturn({
  amount,
  onAgain,
  onBack,
  ...common
}: Common & { sale: SaleRecord; amount: number; onAgain: () => Promise<void>; onBack: () => void }) {
  const { sale, words, money } = common;
  const { isRunning, run } = useOneRun();
  return (
    <section className="mx-auto grid w-full max-w-2xl content-start gap-4">
      <div className="rounded-md border border-line bg-surface p-4 text-base">
        <SaleFacts {...common} />
      </div>
      <p className="text-center font-semibold text-[clamp(28px,7vw,44px)] tabular-nums">
        {money(amount, sale.currency)}
      </p>
      <div role="status">
        <Notice tone="warn" title={words.unsure.title}>
          {words.returns.unsure}
        </Notice>
      </div>
      <div className="grid gap-2 sm:grid-cols-[auto_1fr]">
        <Button className="h-14 px-6 text-base" onClick={onBack} disabled={isRunning}>
          {words.returns.back}
        </Button>
        <Button
          variant="primary"
          className="h-14 text-xl"
          isBusy={isRunning}
          onClick={() => void run(onAgain)}
          autoFocus
        >
          {words.unsure.again}
        </Button>
      </div>
    </section>
  );
}

/** One of a few, as large as a finger. */
function Choices({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: string;
  options: readonly { value: string; label: string }[];
  onChange: (value: string) => void;
}) {
  return (
    <fieldset className="grid gap-1.5">
      <legend className="mb-1.5 font-medium text-base">{label}</legend>
      <div className="flex flex-wrap gap-2">
        {options.map((option) => (
          <button
            key={option.value}
            type="button"
            aria-pressed={option.value === value}
            className="min-h-12 rounded-md border border-line-strong bg-raised px-4 text-base aria-pressed:border-accent aria-pressed:bg-accent-soft aria-pressed:text-accent"
            onClick={() => onChange(option.value)}
          >
            {option.label}
          </button>
        ))}
      </div>
    </fieldset>
  );
}
