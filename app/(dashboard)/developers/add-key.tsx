"use client";

import { Plus } from "lucide-react";
import { useState } from "react";
import { z } from "zod";
import { type Mode, ModeBadge } from "@/components/display/mode-badge";
import { CheckGroupField, SelectField, TextField } from "@/components/forms/fields";
import { Form } from "@/components/forms/form";
import { useZodForm } from "@/components/forms/use-zod-form";
import { SecretOnce } from "@/components/secret-once";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import type { PartnerOption } from "../partner-options";
import { createKeyAction } from "./actions";

const SCOPE_HINTS: Readonly<Record<string, string>> = {
  "payments:read": "Read payments and what they cost",
  "payments:write": "Take, cancel and void payments",
  "refunds:write": "Give money back",
  "stores:read": "Read stores and terminals",
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

export function AddKey({
  mode,
  partners,
  scopes,
  isOpenAtFirst,
}: {
  mode: Mode;
  partners: readonly PartnerOption[];
  scopes: readonly string[];
  isOpenAtFirst: boolean;
}) {
  const [isOpen, setOpen] = useState(isOpenAtFirst);
  const [secret, setSecret] = useState<string | null>(null);
  const close = (): void => {
    setOpen(false);
    setSecret(null);
  };
  return (
    <Dialog open={isOpen} onOpenChange={(open) => (open ? setOpen(true) : close())}>
      <DialogTrigger asChild>
        <Button variant="primary">
          <Plus aria-hidden />
          Create key
        </Button>
      </DialogTrigger>
      {secret === null ? (
        <DialogContent
          title="Create an API key"
          description={
            <span className="flex flex-wrap items-center gap-1.5">
              Works in <ModeBadge mode={mode} /> mode only, for one Partner.
            </span>
          }
          className="max-w-[560px]"
        >
          <KeyForm partners={partners} scopes={scopes} onMade={setSecret} />
        </DialogContent>
      ) : (
        <DialogContent
          title="The key is created"
          onInteractOutside={(event) => event.preventDefault()}
          footer={
            <Button variant="primary" onClick={close}>
              I have copied it
            </Button>
          }
        >
          <SecretOnce
            label="API key"
            value={secret}
            hint="Keep it where only your systems can read it. It is not shown again; lost keys are revoked and replaced."
          />
        </DialogContent>
      )}
    </Dialog>
  );
}

function KeyForm({
  partners,
  scopes,
  onMade,
}: {
  partners: readonly PartnerOption[];
  scopes: readonly string[];
  onMade: (key: string) => void;
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
        if (result.ok) onMade(result.data.key);
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
