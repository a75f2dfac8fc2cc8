"use client";

import { z } from "zod";
import { CheckGroupField, SelectField, TextField } from "@/components/forms/fields";
import { Form } from "@/components/forms/form";
import { useZodForm } from "@/components/forms/use-zod-form";
import type { PartnerOption } from "../partner-options";
import { createKeyAction, type KeyMade } from "./actions";

const SCOPE_HINTS: Readonly<Record<string, string>> = {
  "payments:read": "Read payments and what they cost",
  "payments:write": "Take, cancel and void payments",
  "refunds:write": "Give money back",
  "stores:read": "Read stores and terminals",
  "stores:write": "Create and change stores and terminals",
  "webhooks:read": "Read webhook endpoints",
  "webhooks:write": "Add and delete webhook endpoints",
};

const LIVES = [
  { value: "90", label: "90 days" },
  { value: "365", label: "1 year" },
  { value: "730", label: "2 years" },
  { value: "never", label: "Does not expire" },
];

const KeyFormSchema = z.object({
  partner: z.string().min(1, "Choose the Partner."),
  name: z.string().trim().min(1, "Enter a name.").max(99),
  scopes: z.array(z.string()).min(1, "Choose at least one scope."),
  life: z.enum(["90", "365", "730", "never"]),
  addresses: z.string().trim().max(1000),
});

export function KeyForm({
  partners,
  scopes,
  onMade,
}: {
  partners: readonly PartnerOption[];
  scopes: readonly string[];
  onMade: (made: KeyMade) => void;
}) {
  const form = useZodForm(KeyFormSchema, {
    partner: partners.length === 1 ? (partners[0]?.value ?? "") : "",
    name: "",
    scopes: ["payments:read", "payments:write", "refunds:write"],
    life: "365",
    addresses: "",
  });
  return (
    <Form
      form={form}
      submitWord="Create key"
      onSubmit={async (values) => {
        const result = await createKeyAction({
          partner: values.partner,
          name: values.name,
          scopes: values.scopes,
          days: values.life === "never" ? null : Number(values.life),
          addresses: values.addresses.split(/[\s,]+/).filter((part) => part !== ""),
        });
        if (result.ok) onMade(result.data);
        return result;
      }}
    >
      {partners.length < 2 ? null : (
        <SelectField
          control={form.control}
          name="partner"
          label="Partner"
          options={partners}
          placeholder="Whose systems will use it"
        />
      )}
      <TextField
        control={form.control}
        name="name"
        label="Name"
        hint="Which system uses it: it stands in the request log"
        maxLength={99}
        autoComplete="off"
      />
      <CheckGroupField
        control={form.control}
        name="scopes"
        label="Scopes"
        options={scopes.map((scope) => {
          const hint = SCOPE_HINTS[scope];
          return { value: scope, label: scope, ...(hint === undefined ? {} : { hint }) };
        })}
      />
      <SelectField control={form.control} name="life" label="Expires" options={LIVES} />
      <TextField
        control={form.control}
        name="addresses"
        label="Only from these addresses"
        isRequired={false}
        hint="IP addresses or networks such as 203.0.113.0/24, separated by commas"
        autoComplete="off"
      />
    </Form>
  );
}
