"use client";

import { type ReactNode, useDeferredValue, useState } from "react";
import { z } from "zod";
import type { ActionResult } from "@/components/action-result";
import { CheckGroupField, SelectField, TextField } from "@/components/forms/fields";
import { Form } from "@/components/forms/form";
import { useZodForm } from "@/components/forms/use-zod-form";
import { Notice } from "@/components/notice";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import type { PartnerOption } from "../../partner-options";
import { findPartnersAction } from "./actions";
import type { RoleChoice } from "./role-choices";

const SEARCH_FROM = 9;

const AccessFormSchema = z.object({
  name: z.string().trim().min(1, "Enter a name.").max(99),
  email: z.string().trim().min(3, "Enter an e-mail address.").max(254),
  role: z.string().min(1, "Choose a role."),
  partners: z.array(z.string()),
});
export type AccessValues = z.infer<typeof AccessFormSchema>;

/** Role and Partners, and for somebody new also who they are. */
export function AccessForm({
  roles,
  partners,
  person,
  submitWord,
  onSubmit,
}: {
  roles: readonly RoleChoice[];
  partners: readonly PartnerOption[];
  /** null: somebody new. */
  person: AccessValues | null;
  submitWord: string;
  onSubmit: (values: AccessValues) => Promise<ActionResult<unknown> | ActionResult>;
}) {
  const only = partners.length === 1 ? partners[0] : undefined;
  const form = useZodForm(
    AccessFormSchema,
    person ?? { name: "", email: "", role: "", partners: only === undefined ? [] : [only.value] },
  );
  const role = roles.find((candidate) => candidate.id === form.watch("role"));
  const asksForPartners = role?.canBeTied === true && role.partnerId === null && !(only && role.isForPartners);
  return (
    <Form
      form={form}
      submitWord={submitWord}
      onSubmit={(values) =>
        onSubmit({
          ...values,
          partners:
            role === undefined || !role.canBeTied
              ? []
              : role.partnerId !== null
                ? [role.partnerId]
                : only !== undefined && role.isForPartners
                  ? [only.value]
                  : values.partners,
        })
      }
    >
      {person === null ? (
        <>
          <TextField control={form.control} name="name" label="Name" maxLength={99} autoComplete="off" />
          <TextField
            control={form.control}
            name="email"
            label="E-mail"
            type="email"
            maxLength={254}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
          />
        </>
      ) : null}
      <SelectField
        control={form.control}
        name="role"
        label="Role"
        placeholder="What they may do"
        options={roles.map((choice) => ({
          value: choice.id,
          label: choice.name,
          hint: choice.isForPartners ? "Partner" : "Acquirer",
        }))}
        {...(role?.description ? { hint: role.description } : {})}
      />
      {asksForPartners ? (
        <PartnersField
          options={partners}
          render={(options) => (
            <CheckGroupField
              control={form.control}
              name="partners"
              label={role.isForPartners ? "Partners" : "Only these Partners"}
              hint={role.isForPartners ? "The role counts at each of them alike." : "None: all Partners."}
              options={options}
              className="max-h-56 overflow-y-auto"
            />
          )}
        />
      ) : null}
      {role?.needsTwoFactor ? (
        <Notice tone="info" title="This role needs a second factor">
          An authenticator app or a passkey is set up at the first sign-in.
        </Notice>
      ) : null}
    </Form>
  );
}

/** A search above the choices where there are many Partners; what is chosen stays chosen. */
function PartnersField({
  options,
  render,
}: {
  options: readonly PartnerOption[];
  render: (options: readonly PartnerOption[]) => ReactNode;
}) {
  const [text, setText] = useState("");
  const [found, setFound] = useState<readonly PartnerOption[] | null>(null);
  const shown = useDeferredValue(found ?? options);
  if (options.length < SEARCH_FROM) return render(options);
  return (
    <div className="grid gap-2">
      <Field label="Find a Partner">
        {(control) => (
          <Input
            {...control}
            type="search"
            value={text}
            autoComplete="off"
            onChange={(event) => {
              const wanted = event.target.value;
              setText(wanted);
              void findPartnersAction(wanted).then((result) => {
                if (result.ok) setFound(result.data);
              });
            }}
          />
        )}
      </Field>
      {render(shown)}
    </div>
  );
}
