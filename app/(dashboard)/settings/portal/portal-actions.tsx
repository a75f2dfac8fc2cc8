"use client";

import { ExternalLink } from "lucide-react";
import { useState, useTransition } from "react";
import { z } from "zod";
import type { ActionFailure } from "@/components/action-result";
import { ConfirmAction } from "@/components/confirm-action";
import type { Mode } from "@/components/display/mode-badge";
import { SelectField, TextField } from "@/components/forms/fields";
import { Form } from "@/components/forms/form";
import { useZodForm } from "@/components/forms/use-zod-form";
import { FailureNotice } from "@/components/notice";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import { toast } from "@/components/ui/toast";
import { PORTAL_ROLE_WORDS, PORTAL_ROLES } from "@/server/domain/portal/states";
import type { PartnerOption } from "../../partner-options";
import { inviteToPortalAction, openPortalAction, revokePortalAction } from "./actions";

export function OpenPortal({ partners, first }: { partners: readonly PartnerOption[]; first: string | null }) {
  const [partner, setPartner] = useState(first ?? partners[0]?.value ?? "");
  const [failure, setFailure] = useState<ActionFailure | null>(null);
  const [isBusy, start] = useTransition();
  const open = () =>
    start(async () => {
      const result = await openPortalAction(partner);
      setFailure(result.ok ? null : result);
      if (result.ok && result.data !== undefined) window.location.assign(result.data.url);
    });
  return (
    <div className="grid max-w-[640px] gap-4">
      {partners.length > 1 ? (
        <Field label="Partner" isRequired>
          {(attributes) => <Select {...attributes} options={partners} value={partner} onValueChange={setPartner} />}
        </Field>
      ) : null}
      <div aria-live="polite">
        <FailureNotice failure={failure} />
      </div>
      <div>
        <Button variant="primary" isBusy={isBusy} onClick={open}>
          <ExternalLink aria-hidden />
          Continue to Klarna's portal
        </Button>
      </div>
    </div>
  );
}

const InviteFormSchema = z.object({
  partner: z.string().min(1, "Choose a Partner."),
  email: z.email("This is not an e-mail address.").max(254),
  role: z.enum(PORTAL_ROLES),
});

export function InviteToPortal({ partners, first }: { partners: readonly PartnerOption[]; first: string | null }) {
  const [isOpen, setOpen] = useState(false);
  const form = useZodForm(InviteFormSchema, {
    partner: first ?? partners[0]?.value ?? "",
    email: "",
    role: "merchant:developer",
  });
  return (
    <Dialog open={isOpen} onOpenChange={setOpen}>
      <DialogTrigger asChild>
        <Button size="sm">Invite</Button>
      </DialogTrigger>
      <DialogContent
        title="Invite to Klarna's portal"
        description="Klarna writes to the person, who makes a password there. For those who do not sign in here."
      >
        <Form
          form={form}
          submitWord="Invite"
          onSubmit={async (values) => {
            const result = await inviteToPortalAction(values);
            if (result.ok) {
              toast.success(result.message ?? "Invited");
              setOpen(false);
              form.reset();
            }
            return result;
          }}
        >
          {partners.length > 1 ? (
            <SelectField control={form.control} name="partner" label="Partner" options={partners} />
          ) : null}
          <TextField control={form.control} name="email" label="E-mail" type="email" autoComplete="off" />
          <SelectField
            control={form.control}
            name="role"
            label="Role in the portal"
            options={PORTAL_ROLES.map((value) => ({ value, label: PORTAL_ROLE_WORDS[value] }))}
          />
        </Form>
      </DialogContent>
    </Dialog>
  );
}

export function RevokePortal({ id, email, mode }: { id: string; email: string; mode: Mode }) {
  return (
    <ConfirmAction
      label="Take back"
      variant="danger-quiet"
      size="sm"
      title="Take back the access to Klarna's portal?"
      verb="Take back"
      mode={mode}
      facts={[{ term: "Person", value: email }]}
      consequence="The person can no longer sign in to Klarna's portal for this Partner."
      onConfirm={() => revokePortalAction(id)}
    />
  );
}
