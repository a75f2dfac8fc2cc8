"use client";

import { z } from "zod";
import { CheckGroupField, SelectField, TextField } from "@/components/forms/fields";
import { Form } from "@/components/forms/form";
import { useZodForm } from "@/components/forms/use-zod-form";
import type { KeyMade } from "../../developers/actions";
import { createSystemKeyAction } from "./actions";

const SCOPE_HINTS: Readonly<Record<string, string>> = {
  "partners:read": "Find Partners and read how they stand, their brands and store groups",
  "partners:write": "Begin, fill and approve onboardings",
  "partners:suspend": "Suspend, resume and off-board Partners",
  "stores:read": "Read stores",
  "stores:write": "Create and change brands, store groups and stores",
  "imports:write": "Import rows, with the scope of what they make",
};

const LIVES = [
  { value: "90", label: "90 days" },
  { value: "365", label: "1 year" },
  { value: "730", label: "2 years" },
  { value: "never", label: "Does not expire" },
];

const FormSchema = z.object({
  name: z.string().trim().min(1, "Enter a name.").max(99),
  scopes: z.array(z.string()).min(1, "Choose at least one scope."),
  life: z.enum(["90", "365", "730", "never"]),
  addresses: z.string().trim().max(1000),
});

export function SystemKeyForm({ scopes, onMade }: { scopes: readonly string[]; onMade: (made: KeyMade) => void }) {
  const form = useZodForm(FormSchema, { name: "", scopes: ["partners:read"], life: "365", addresses: "" });
  return (
    <Form
      form={form}
      submitWord="Create key"
      onSubmit={async (values) => {
        const result = await createSystemKeyAction({
          name: values.name,
          scopes: values.scopes,
          days: values.life === "never" ? null : Number(values.life),
          addresses: values.addresses.split(/[\s,]+/).filter((part) => part !== ""),
        });
        if (result.ok) onMade(result.data);
        return result;
      }}
    >
      <TextField
        control={form.control}
        name="name"
        label="Name"
        hint="Which system uses it: it stands in the request log and in the audit"
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
