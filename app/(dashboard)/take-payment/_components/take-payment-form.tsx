"use client";

import { RotateCw } from "lucide-react";
import type { Route } from "next";
import { useRouter } from "next/navigation";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { Controller, useWatch } from "react-hook-form";
import { newIntent } from "@/app/(dashboard)/payments/_components/intent";
import type { ActionResult } from "@/components/action-result";
import { moneyText } from "@/components/display/money";
import { Form } from "@/components/forms/form";
import { MoneyInput } from "@/components/forms/money-input";
import { useZodForm } from "@/components/forms/use-zod-form";
import { useStored } from "@/components/hooks";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Select, type SelectOption } from "@/components/ui/select";
import { takePaymentAction } from "../actions";
import { newReference } from "./new-reference";
import {
  type PointOfSale,
  type SaleAgain,
  type TakePayment,
  type TakePaymentInput,
  TakePaymentSchema,
} from "./take-payment-schema";

const DISPLAY_WINDOW = "tillgate-display";
const TERMINAL_KEY = "tillgate-till-terminal";

export type TakePaymentFormProps = {
  points: readonly PointOfSale[];
  chosen: PointOfSale;
  /** The address named the terminal: then what this browser remembers does not count. */
  isNamed: boolean;
  reference: string;
  again: SaleAgain | null;
};

const LAUNCH_OPTIONS: readonly SelectOption[] = [
  { value: "qr", label: "Scans a QR code here" },
  { value: "short_code", label: "Reads out a short code" },
];

/** The cashier's form: how much, where, which sale. The amount has the focus; Enter takes the payment. */
export function TakePaymentForm({ points, chosen, isNamed, reference, again }: TakePaymentFormProps) {
  const router = useRouter();
  /** Kept until it is known what became of the payment: pressing again makes no second one. */
  const [intent] = useState(newIntent);
  const form = useZodForm(TakePaymentSchema, {
    partnerId: chosen.partner.id,
    storeId: chosen.store.id,
    terminalId: chosen.terminal.id,
    currency: again?.currency ?? chosen.partner.currency,
    reference,
    ...(again === null ? {} : { amount: again.amount }),
    launch: launchAt(chosen, again?.launch ?? "qr"),
    shortCode: "",
  });
  const [currency, amount, launch, placeId] = useWatch({
    control: form.control,
    name: ["currency", "amount", "launch", "terminalId"],
  });
  const launches = points.find((point) => point.terminal.id === placeId)?.launches ?? ["qr"];
  const isByCode = launch === "short_code";
  const asksForCode = again?.launch === "short_code" && isByCode;
  const [terminalId, setTerminalId] = useStored<string>(TERMINAL_KEY, "", (value) =>
    typeof value === "string" ? value : null,
  );

  async function submit(input: TakePayment): Promise<ActionResult | undefined> {
    // Opened by the press itself: a browser blocks a window that comes later.
    const display = window.open("", DISPLAY_WINDOW);
    let result: Awaited<ReturnType<typeof takePaymentAction>>;
    try {
      result = await intent((nonce) => takePaymentAction({ nonce, input }));
    } catch (error) {
      display?.close();
      throw error;
    }
    if (!result.ok) {
      display?.close();
      return result;
    }
    setTerminalId(input.terminalId);
    const id = encodeURIComponent(result.data.paymentId);
    display?.location.replace(`/payments/${id}/display`);
    router.push(`/take-payment/${id}` as Route);
    return undefined;
  }

  const place = (point: PointOfSale | undefined): void => {
    if (point === undefined) return;
    form.setValue("partnerId", point.partner.id);
    form.setValue("storeId", point.store.id);
    form.setValue("terminalId", point.terminal.id);
    form.setValue("currency", point.partner.currency);
    form.setValue("launch", launchAt(point, form.getValues("launch")));
  };
  const remembered = isNamed ? undefined : points.find((point) => point.terminal.id === terminalId);
  const placeRef = useRef(place);
  useEffect(() => placeRef.current(remembered), [remembered]);

  return (
    <Form
      form={form}
      onSubmit={submit}
      submitWord={typeof amount === "number" && amount > 0 ? `Take ${moneyText(amount, currency)}` : "Take payment"}
    >
      <Controller
        control={form.control}
        name="amount"
        render={({ field, fieldState }) => (
          <Field
            label="Amount"
            isRequired
            error={fieldState.error === undefined ? undefined : "Enter an amount above zero."}
          >
            {(attributes) => (
              <div ref={asksForCode ? undefined : focusFirst}>
                <MoneyInput
                  {...attributes}
                  key={currency}
                  value={typeof field.value === "number" ? field.value : null}
                  currency={currency}
                  onChange={field.onChange}
                  onBlur={field.onBlur}
                  isLarge
                />
              </div>
            )}
          </Field>
        )}
      />
      <PlaceFields form={form} points={points} place={place} />
      {launches.includes("short_code") ? (
        <div className="grid gap-4 sm:grid-cols-2">
          {launches.length > 1 ? (
            <PlaceField
              label="The customer"
              options={LAUNCH_OPTIONS}
              value={launch ?? "qr"}
              error={form.formState.errors.launch?.message}
              onChange={(value) => form.setValue("launch", value === "short_code" ? "short_code" : "qr")}
            />
          ) : null}
          {isByCode ? (
            <Controller
              control={form.control}
              name="shortCode"
              render={({ field, fieldState }) => (
                <Field
                  label="Short code"
                  isRequired
                  hint="The digits on the customer’s phone, after the shop’s own Klarna code was scanned"
                  error={fieldState.error?.message}
                >
                  {(attributes) => (
                    <div ref={asksForCode ? focusFirst : undefined}>
                      <Input
                        {...attributes}
                        {...field}
                        value={field.value ?? ""}
                        className="tabular-nums"
                        inputMode="numeric"
                        maxLength={60}
                        autoComplete="off"
                        spellCheck={false}
                      />
                    </div>
                  )}
                </Field>
              )}
            />
          ) : null}
        </div>
      ) : null}
      <Controller
        control={form.control}
        name="reference"
        render={({ field, fieldState }) => (
          <Field
            label="Reference"
            isRequired
            hint="The number of the sale as the customer knows it"
            error={fieldState.error?.message}
          >
            {(attributes) => (
              <div className="flex gap-2">
                <Input {...attributes} {...field} maxLength={255} autoComplete="off" spellCheck={false} />
                <Button
                  size="icon"
                  aria-label="New reference"
                  title="New reference"
                  className="shrink-0"
                  onClick={() => form.setValue("reference", newReference(new Date()), { shouldValidate: true })}
                >
                  <RotateCw aria-hidden />
                </Button>
              </div>
            )}
          </Field>
        )}
      />
    </Form>
  );
}

/** The way that was chosen, where this terminal has it; else its first. */
function launchAt(point: PointOfSale, wanted: TakePaymentInput["launch"]): "qr" | "short_code" {
  return point.launches.find((each) => each === wanted) ?? point.launches[0] ?? "qr";
}

function focusFirst(node: HTMLDivElement | null): void {
  node?.querySelector("input")?.focus();
}

/** Partner (only with several), store, terminal: a choice moves what stands below it to the first that fits. */
function PlaceFields({
  form,
  points,
  place,
}: {
  form: ReturnType<typeof useZodForm<TakePaymentInput, TakePayment>>;
  points: readonly PointOfSale[];
  place: (point: PointOfSale | undefined) => void;
}): ReactNode {
  const [partnerId, storeId, terminalId] = useWatch({
    control: form.control,
    name: ["partnerId", "storeId", "terminalId"],
  });
  const { errors } = form.formState;
  const partners = distinct(points.map(({ partner }) => ({ value: partner.id, label: partner.name })));
  const stores = distinct(
    points
      .filter((point) => point.partner.id === partnerId)
      .map(({ store }) => ({ value: store.id, label: store.name, hint: store.reference })),
  );
  const terminals = points
    .filter((point) => point.store.id === storeId)
    .map(({ terminal }) => ({ value: terminal.id, label: terminal.label, hint: terminal.reference }));
  return (
    <>
      {partners.length > 1 ? (
        <PlaceField
          label="Partner"
          options={partners}
          value={partnerId}
          error={errors.partnerId?.message}
          onChange={(id) => place(points.find((point) => point.partner.id === id))}
        />
      ) : null}
      <div className="grid gap-4 sm:grid-cols-2">
        <PlaceField
          label="Store"
          options={stores}
          value={storeId}
          error={errors.storeId?.message}
          onChange={(id) => place(points.find((point) => point.store.id === id))}
        />
        <PlaceField
          label="Terminal"
          options={terminals}
          value={terminalId}
          error={errors.terminalId?.message}
          onChange={(id) => place(points.find((point) => point.terminal.id === id))}
        />
      </div>
    </>
  );
}

function PlaceField({
  label,
  options,
  value,
  error,
  onChange,
}: {
  label: string;
  options: readonly SelectOption[];
  value: string;
  error: string | undefined;
  onChange: (value: string) => void;
}) {
  return (
    <Field label={label} isRequired error={error}>
      {(attributes) => <Select {...attributes} options={options} value={value} onValueChange={onChange} />}
    </Field>
  );
}

function distinct<Option extends { value: string }>(options: readonly Option[]): Option[] {
  return [...new Map(options.map((option) => [option.value, option])).values()];
}
