"use client";

import { useState } from "react";
import { z } from "zod";
import { ConfirmAction } from "@/components/confirm-action";
import { type Mode, ModeBadge } from "@/components/display/mode-badge";
import { TextField } from "@/components/forms/fields";
import { Form } from "@/components/forms/form";
import { useZodForm } from "@/components/forms/use-zod-form";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toast";
import { registerKeyAction, repairSubscriptionAction, retireKeyAction, rotateKeyAction } from "../actions";

export function RepairSubscription({
  mode,
  isMissing,
  isInOrder,
}: {
  mode: Mode;
  isMissing: boolean;
  isInOrder: boolean;
}) {
  return (
    <ConfirmAction
      label={isMissing ? "Create" : "Repair"}
      variant={isInOrder ? "secondary" : "primary"}
      size="sm"
      isDisabled={isInOrder}
      title={isMissing ? "Create the subscription at Klarna?" : "Repair the subscription at Klarna?"}
      verb={isMissing ? "Create subscription" : "Repair subscription"}
      tone="primary"
      mode={mode}
      consequence={
        isMissing
          ? "Klarna makes a signing key and sends its events of this mode to us from then on."
          : "What differs is set to what we want, and webhooks that can only disturb are removed. Those of others are left alone."
      }
      onConfirm={() => repairSubscriptionAction()}
    />
  );
}

export function RotateKey({ mode }: { mode: Mode }) {
  return (
    <ConfirmAction
      label="Rotate key"
      size="sm"
      title="Rotate the signing key?"
      verb="Rotate key"
      tone="primary"
      mode={mode}
      consequence="Klarna makes a new key and signs with it from now on. The one before is accepted for another day and retired after that."
      onConfirm={() => rotateKeyAction()}
    />
  );
}

export function RetireKey({ id, mode }: { id: string; mode: Mode }) {
  return (
    <ConfirmAction
      label="Retire"
      variant="danger-quiet"
      size="sm"
      title="Retire this key?"
      verb="Retire key"
      mode={mode}
      facts={[{ term: "Key", value: <span className="break-all font-mono text-xs">{id}</span> }]}
      consequence="Events signed with it are refused within a minute, also those that Klarna sends again. It cannot be taken back."
      successMessage="The key is retired"
      onConfirm={() => retireKeyAction(id)}
    />
  );
}

const KeyFormSchema = z.object({
  id: z.string().trim().min(8, "Enter the id that Klarna shows.").max(255),
  secret: z.string().trim().min(16, "A signing key has at least 16 characters.").max(1024),
});

/** Takes over a key that was made in Klarna's portal. */
export function AddKey({ mode }: { mode: Mode }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <Dialog open={isOpen} onOpenChange={setOpen}>
      <DialogTrigger asChild>
        <Button size="sm">Enter a key</Button>
      </DialogTrigger>
      <DialogContent
        title="Enter a signing key"
        description={
          <span className="flex flex-wrap items-center gap-1.5">
            Made in Klarna's portal, for <ModeBadge mode={mode} /> mode. Events signed with it are accepted from then
            on.
          </span>
        }
      >
        <KeyForm onDone={() => setOpen(false)} />
      </DialogContent>
    </Dialog>
  );
}

function KeyForm({ onDone }: { onDone: () => void }) {
  const form = useZodForm(KeyFormSchema, { id: "", secret: "" });
  return (
    <Form
      form={form}
      submitWord="Enter key"
      onSubmit={async (values) => {
        const result = await registerKeyAction(values);
        if (result.ok) {
          toast.success("The key is accepted");
          onDone();
        }
        return result;
      }}
    >
      <TextField
        control={form.control}
        name="id"
        label="Key id"
        placeholder="krn:partner:global:notification:signing-key:…"
      />
      <TextField
        control={form.control}
        name="secret"
        label="Signing key"
        type="password"
        autoComplete="off"
        hint="Stored encrypted and never shown again"
      />
    </Form>
  );
}
