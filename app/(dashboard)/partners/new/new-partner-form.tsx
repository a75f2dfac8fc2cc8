"use client";

import type { Route } from "next";
import { useRouter } from "next/navigation";
import { z } from "zod";
import { COUNTRY_OPTIONS } from "@/app/(dashboard)/countries";
import { SelectField, TextField } from "@/components/forms/fields";
import { Form } from "@/components/forms/form";
import { useZodForm } from "@/components/forms/use-zod-form";
import { ButtonLink } from "@/components/ui/button";
import { CURRENCY_OPTIONS } from "../_forms/choices";
import { startOnboardingAction } from "../actions";

const NewPartnerSchema = z.object({
  name: z.string().trim().min(1, "Enter a name.").max(99),
  reference: z.string().trim().min(1, "Enter a reference.").max(255),
  country: z.string().min(1, "Choose a country."),
  currency: z.string().min(1, "Choose a currency."),
});

export function NewPartnerForm() {
  const router = useRouter();
  const form = useZodForm(NewPartnerSchema, { name: "", reference: "", country: "", currency: "" });
  return (
    <Form
      form={form}
      submitWord="Begin the draft"
      secondary={<ButtonLink href="/partners">Back to the Partners</ButtonLink>}
      onSubmit={async (values) => {
        const result = await startOnboardingAction(values);
        if (result.ok) router.push(`/partners/${result.data.partnerId}/onboarding` as Route);
        return result;
      }}
    >
      <TextField control={form.control} name="name" label="Name" maxLength={99} autoComplete="off" />
      <TextField
        control={form.control}
        name="reference"
        label="Reference"
        maxLength={255}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        hint="Yours. Klarna knows the account by it in both modes."
      />
      <SelectField control={form.control} name="country" label="Country" options={COUNTRY_OPTIONS} />
      <SelectField control={form.control} name="currency" label="Currency" options={CURRENCY_OPTIONS} />
    </Form>
  );
}
