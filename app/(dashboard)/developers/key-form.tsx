"use client";

import { z } from "zod";
import type { ActionResult } from "@/components/action-result";
import { CheckGroupField, SelectField, TextField } from "@/components/forms/fields";
import { Form } from "@/components/forms/form";
import { useZodForm } from "@/components/forms/use-zod-form";
import { listOf } from "@/server/core/text";
import type { PartnerOption } from "../partner-options";
import type { KeyMade } from "./actions";

const LIVES = [
  { value: "90", label: "90 days" },
  { value: "365", label: "1 year" },
  { value: "730", label: "2 years" },
  { value: "never", label: "Does not expire" },
];

const KeyFormSchema = z.object({
  /** Null where a key is of no Partner. */
  partner: z.string().min(1, "Choose the Partner.").nullable(),
  name: z.string().trim().min(1, "Enter a name.").max(99),
  scopes: z.array(z.string()).min(1, "Choose at least one scope."),
  life: z.enum(["90", "365", "730", "never"]),
  addresses: z.string().trim().max(1000),
});

export type NewKey = { name: string; scopes: string[]; days: number | null; addresses: string[] };

export type KeyFormProps = {
  /** Whose it can be; null where it is of no Partner. */
  partners: readonly PartnerOption[] | null;
  nameHint: string;
  scopes: readonly string[];
  scopeHints: Readonly<Record<string, string>>;
  firstScopes: readonly string[];
  create: (key: NewKey, partner: string | null) => Promise<ActionResult<KeyMade>>;
};

export function KeyForm({
  partners,
  nameHint,
  scopes,
  scopeHints,
  firstScopes,
  create,
  onMade,
}: KeyFormProps & { onMade: (made: KeyMade) => void }) {
  const form = useZodForm(KeyFormSchema, {
    partner: partners === null ? null : partners.length === 1 ? (partners[0]?.value ?? "") : "",
    name: "",
    scopes: [...firstScopes],
    life: "365",
    addresses: "",
  });
  return (
    <Form
      form={form}
      submitWord="Create key"
      onSubmit={async (values) => {
        const result = await create(
          {
            name: values.name,
            scopes: values.scopes,
            days: values.life === "never" ? null : Number(values.life),
            addresses: listOf(values.addresses),
          },
          values.partner,
        );
        if (result.ok) onMade(result.data);
        return result;
      }}
    >
      {partners === null || partners.length < 2 ? null : (
        <SelectField
          control={form.control}
          name="partner"
          label="Partner"
          options={partners}
          placeholder="Whose systems will use it"
        />
      )}
      <TextField control={form.control} name="name" label="Name" hint={nameHint} maxLength={99} autoComplete="off" />
      <CheckGroupField
        control={form.control}
        name="scopes"
        label="Scopes"
        options={scopes.map((scope) => {
          const hint = scopeHints[scope];
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
