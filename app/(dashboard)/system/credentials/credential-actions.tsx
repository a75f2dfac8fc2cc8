"use client";

import { useState } from "react";
import { z } from "zod";
import { ConfirmAction } from "@/components/confirm-action";
import { type Mode, ModeBadge } from "@/components/display/mode-badge";
import { SelectField, TextareaField, TextField } from "@/components/forms/fields";
import { Form } from "@/components/forms/form";
import { useZodForm } from "@/components/forms/use-zod-form";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toast";
import { listOf } from "@/server/core/text";
import { type CredentialKind, IP_MODE_WORDS, IP_MODES, KIND_WORDS } from "@/server/domain/credentials/states";
import {
  activateCredentialAction,
  changeDomainsAction,
  changeIpListAction,
  createCredentialAction,
  disableCredentialAction,
  disableForeignAction,
  enforceCertificateAction,
  resumeCredentialAction,
} from "./actions";

const CreateFormSchema = z.object({
  purpose: z
    .string()
    .trim()
    .min(1, "Say what it is for.")
    .max(100, "At most 100 characters.")
    .regex(/^[a-zA-Z0-9\-:;., _]*$/, "Letters, digits, blanks and - : ; . , _ only."),
  domains: z.string(),
});

const AFTERWARDS: Readonly<Record<CredentialKind, string>> = {
  API_KEY: "Klarna makes a new key. It is kept here, sealed, and used only once you say so.",
  CLIENT_IDENTIFIER: "Klarna makes an identifier for the SDK in web pages. It is public and works on its domains only.",
  CLIENT_CERTIFICATE:
    "A key pair is made here; the private key stays here, sealed. Klarna signs the request and the certificate is used once you say so.",
};

export function CreateCredential({ kind, mode }: { kind: CredentialKind; mode: Mode }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <Dialog open={isOpen} onOpenChange={setOpen}>
      <DialogTrigger asChild>
        <Button size="sm">Create</Button>
      </DialogTrigger>
      <DialogContent
        title={`Create ${kind === "API_KEY" ? "an" : "a"} ${KIND_WORDS[kind].one}`}
        description={
          <span className="flex flex-wrap items-center gap-1.5">
            {AFTERWARDS[kind]} For <ModeBadge mode={mode} /> mode.
          </span>
        }
      >
        <CreateForm kind={kind} onDone={() => setOpen(false)} />
      </DialogContent>
    </Dialog>
  );
}

function CreateForm({ kind, onDone }: { kind: CredentialKind; onDone: () => void }) {
  const form = useZodForm(CreateFormSchema, { purpose: "", domains: "" });
  return (
    <Form
      form={form}
      submitWord="Create"
      onSubmit={async ({ purpose, domains }) => {
        const result = await createCredentialAction({
          kind,
          purpose,
          domains: kind === "CLIENT_IDENTIFIER" ? listOf(domains) : [],
        });
        if (result.ok) {
          toast.success(result.message ?? "Created");
          onDone();
        }
        return result;
      }}
    >
      <TextField
        control={form.control}
        name="purpose"
        label="Purpose"
        hint="One for each service: what it is for, as Klarna shows it too."
        placeholder="Gateway Stockholm"
        autoComplete="off"
      />
      {kind === "CLIENT_IDENTIFIER" ? (
        <TextareaField control={form.control} name="domains" label="Domains" hint="One on a line: shop.example.com" />
      ) : null}
    </Form>
  );
}

type RowAction = { id: string; purpose: string; mode: Mode };
const facts = (purpose: string) => [{ term: "Purpose", value: purpose }];

export function UseCredential({ id, purpose, mode, kind }: RowAction & { kind: CredentialKind }) {
  return (
    <ConfirmAction
      label="Use"
      variant="primary"
      size="sm"
      title={`Use this ${KIND_WORDS[kind].one}?`}
      verb="Use it"
      tone="primary"
      mode={mode}
      facts={facts(purpose)}
      consequence={
        kind === "API_KEY"
          ? "It is tried first. Every process calls with it within two seconds; the one before stays valid until you disable it."
          : "Calls show it within two seconds. Klarna's answers then say whether it is valid."
      }
      onConfirm={() => activateCredentialAction(id)}
    />
  );
}

export function DisableCredential({ id, purpose, mode }: RowAction) {
  return (
    <ConfirmAction
      label="Disable"
      variant="danger-quiet"
      size="sm"
      title="Disable it at Klarna?"
      verb="Disable"
      mode={mode}
      facts={facts(purpose)}
      consequence="Klarna refuses it from now on, and it is removed here. It cannot be taken back."
      onConfirm={() => disableCredentialAction(id)}
    />
  );
}

export function DisableForeign({ id, purpose, mode }: RowAction) {
  return (
    <ConfirmAction
      label="Disable"
      variant="danger-quiet"
      size="sm"
      title="Disable it at Klarna?"
      verb="Disable"
      mode={mode}
      facts={[...facts(purpose === "" ? "none given" : purpose), { term: "Id", value: id }]}
      consequence="Whoever still uses it is refused from now on. Make sure that nothing of yours does."
      onConfirm={() => disableForeignAction(id)}
    />
  );
}

export function ResumeCredential({ id, purpose, mode }: RowAction) {
  return (
    <ConfirmAction
      label="Ask again"
      size="sm"
      title="Ask Klarna again?"
      verb="Ask again"
      tone="primary"
      mode={mode}
      facts={facts(purpose)}
      consequence="No answer came when it was asked for. The same request gives the same credential, not a second one."
      onConfirm={() => resumeCredentialAction(id)}
    />
  );
}

const TextSchema = z.object({ text: z.string() });

export function ChangeDomains({ id, domains }: { id: string; domains: readonly string[] }) {
  const [isOpen, setOpen] = useState(false);
  const form = useZodForm(TextSchema, { text: domains.join("\n") });
  return (
    <Dialog open={isOpen} onOpenChange={setOpen}>
      <DialogTrigger asChild>
        <Button size="sm" variant="ghost">
          Domains
        </Button>
      </DialogTrigger>
      <DialogContent title="Where it may be used" description="Pages of these domains may start Klarna's SDK with it.">
        <Form
          form={form}
          submitWord="Save"
          onSubmit={async ({ text }) => {
            const result = await changeDomainsAction({ id, domains: listOf(text) });
            if (result.ok) {
              toast.success(result.message ?? "Saved");
              setOpen(false);
            }
            return result;
          }}
        >
          <TextareaField control={form.control} name="text" label="Domains" hint="One on a line" />
        </Form>
      </DialogContent>
    </Dialog>
  );
}

const IpFormSchema = z.object({ mode: z.enum(IP_MODES), addresses: z.string() });

export function ChangeIpList({ mode, addresses }: { mode: (typeof IP_MODES)[number]; addresses: readonly string[] }) {
  const [isOpen, setOpen] = useState(false);
  const form = useZodForm(IpFormSchema, { mode, addresses: addresses.join("\n") });
  return (
    <Dialog open={isOpen} onOpenChange={setOpen}>
      <DialogTrigger asChild>
        <Button size="sm">Change</Button>
      </DialogTrigger>
      <DialogContent
        title="Addresses that may call"
        description="Begin with reporting: Klarna then only says whether our address is on the list. Enforcing is offered once it is."
      >
        <Form
          form={form}
          submitWord="Save"
          onSubmit={async (values) => {
            const result = await changeIpListAction({ mode: values.mode, addresses: listOf(values.addresses) });
            if (result.ok) {
              toast.success(result.message ?? "Saved");
              setOpen(false);
            }
            return result;
          }}
        >
          <SelectField
            control={form.control}
            name="mode"
            label="Mode"
            options={IP_MODES.map((value) => ({ value, label: IP_MODE_WORDS[value] }))}
          />
          <TextareaField
            control={form.control}
            name="addresses"
            label="Addresses"
            hint="One on a line, at most 100: 203.0.113.7, 203.0.113.0/24, 2001:db8::/32"
            isRequired={false}
          />
        </Form>
      </DialogContent>
    </Dialog>
  );
}

export function EnforceCertificate({ mode }: { mode: Mode }) {
  return (
    <ConfirmAction
      label="Enforce"
      size="sm"
      title="Take calls with our certificate only?"
      verb="Enforce"
      mode={mode}
      consequence="Klarna refuses calls without the certificate from now on. Only Klarna can take this back."
      onConfirm={() => enforceCertificateAction({ from: new Date() })}
    />
  );
}
