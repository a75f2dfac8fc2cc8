"use client";

import { Trash2 } from "lucide-react";
import { useFieldArray } from "react-hook-form";
import { z } from "zod";
import type { PartnerOption } from "@/app/(dashboard)/partner-options";
import { SelectField } from "@/components/forms/fields";
import { Form } from "@/components/forms/form";
import { MoneyField } from "@/components/forms/money-input";
import { useZodForm } from "@/components/forms/use-zod-form";
import { Button } from "@/components/ui/button";
import { Select } from "@/components/ui/select";
import { toast } from "@/components/ui/toast";
import { saveRulesAction } from "../actions";

export type Rules = {
  partnerId: string | null;
  partnerName: string | null;
  refundLimits: Readonly<Record<string, number>>;
  apiKeys: boolean | null;
  payoutData: boolean | null;
};

const CURRENCIES = [
  "EUR",
  "SEK",
  "NOK",
  "DKK",
  "GBP",
  "USD",
  "PLN",
  "CHF",
  "CZK",
  "AUD",
  "CAD",
  "NZD",
  "RON",
  "HUF",
  "MXN",
];
const CHOICES = ["open", "two", "one"] as const;

const RulesFormSchema = z.object({
  partner: z.string().min(1, "Choose the Partner."),
  limits: z.array(z.object({ currency: z.string(), amount: z.number("Enter an amount.").int().min(0) })),
  apiKeys: z.enum(CHOICES),
  payoutData: z.enum(CHOICES),
});

const EVERY = "default";
const choiceOf = (value: boolean | null | undefined) => (value === true ? "two" : value === false ? "one" : "open");
const ruleOf = (choice: (typeof CHOICES)[number]) => (choice === "open" ? null : choice === "two");

export function RulesForm({
  rules,
  partners,
  onDone,
}: {
  rules: Rules | null;
  partners: readonly PartnerOption[];
  onDone: () => void;
}) {
  const isShared = rules !== null && rules.partnerId === null;
  const form = useZodForm(RulesFormSchema, {
    partner: rules === null ? "" : (rules.partnerId ?? EVERY),
    limits: Object.entries(rules?.refundLimits ?? {}).map(([currency, amount]) => ({ currency, amount })),
    apiKeys: isShared && rules.apiKeys === null ? "one" : choiceOf(rules?.apiKeys),
    payoutData: isShared && rules.payoutData === null ? "one" : choiceOf(rules?.payoutData),
  });
  const limits = useFieldArray({ control: form.control, name: "limits" });
  const named = limits.fields.map((field) => field.currency);
  const open = CURRENCIES.filter((currency) => !named.includes(currency));
  const options = [
    ...(isShared ? [] : [{ value: "open", label: "As for every Partner" }]),
    { value: "one", label: "One person is enough" },
    { value: "two", label: "Two people" },
  ];
  return (
    <Form
      form={form}
      submitWord="Save rules"
      onSubmit={async (values) => {
        const result = await saveRulesAction({
          partnerId: values.partner === EVERY ? null : values.partner,
          refundLimits: Object.fromEntries(values.limits.map((limit) => [limit.currency, limit.amount])),
          apiKeys: ruleOf(values.apiKeys),
          payoutData: ruleOf(values.payoutData),
        });
        if (result.ok) {
          toast.success(result.message ?? "Rules saved");
          onDone();
        }
        return result;
      }}
    >
      {rules === null ? <SelectField control={form.control} name="partner" label="Partner" options={partners} /> : null}
      <fieldset className="grid gap-3">
        <legend className="mb-1.5 font-medium text-xs">Refunds that one person may make alone</legend>
        <p className="text-ink-3 text-xs">
          On one payment, all its refunds together.{" "}
          {isShared
            ? "A currency that is not named has no limit."
            : "A currency that is not named is as for every Partner."}
        </p>
        {limits.fields.map((limit, index) => (
          <div key={limit.id} className="grid grid-cols-[1fr_auto] items-end gap-2">
            <MoneyField
              control={form.control}
              name={`limits.${index}.amount`}
              label={`Limit in ${limit.currency}`}
              currency={limit.currency}
            />
            <Button
              variant="ghost"
              size="icon"
              aria-label={`No limit in ${limit.currency}`}
              onClick={() => limits.remove(index)}
            >
              <Trash2 aria-hidden />
            </Button>
          </div>
        ))}
        {open.length === 0 ? null : (
          <Select
            key={named.join()}
            aria-label="Add a limit"
            placeholder="Add a limit in a currency"
            options={open.map((currency) => ({ value: currency, label: currency }))}
            onValueChange={(currency) => limits.append({ currency, amount: 0 }, { shouldFocus: false })}
          />
        )}
      </fieldset>
      <SelectField control={form.control} name="apiKeys" label="New API keys and secrets" options={options} />
      <SelectField control={form.control} name="payoutData" label="Payout data" options={options} />
    </Form>
  );
}
