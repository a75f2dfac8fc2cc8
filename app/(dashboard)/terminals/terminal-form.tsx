"use client";

import type { Route } from "next";
import { useRouter } from "next/navigation";
import { Controller } from "react-hook-form";
import { z } from "zod";
import { SelectField, TextField } from "@/components/forms/fields";
import { Form } from "@/components/forms/form";
import { useZodForm } from "@/components/forms/use-zod-form";
import { ButtonLink } from "@/components/ui/button";
import { Checkbox } from "@/components/ui/checkbox";
import { toast } from "@/components/ui/toast";
import { lowerCase } from "@/server/core/text";
import type { TerminalRecord } from "@/server/domain/terminals/schema";
import { TERMINAL_DEVICE_WORDS, TERMINAL_DEVICES } from "@/server/domain/terminals/states";
import { addTerminalAction, changeTerminalAction } from "./actions";
import { type PickedStore, StorePicker } from "./store-picker";

const FormSchema = z.object({
  store: z.string().min(1, "Choose a store."),
  partner: z.string(),
  reference: z.string().trim().min(1, "Enter a reference.").max(255),
  label: z.string().trim().min(1, "Enter a label.").max(99),
  device: z.enum(TERMINAL_DEVICES),
  can_show_qr: z.boolean(),
});

export function TerminalForm({ terminal, store }: { terminal: TerminalRecord | null; store: PickedStore | null }) {
  const router = useRouter();
  const form = useZodForm(FormSchema, {
    store: terminal?.store.id ?? store?.id ?? "",
    partner: terminal?.partnerId ?? store?.partnerId ?? "",
    reference: terminal?.reference ?? "",
    label: terminal?.label ?? "",
    device: terminal?.device ?? "CARD_TERMINAL",
    can_show_qr: terminal?.canShowQr ?? true,
  });
  const back =
    terminal === null ? (store === null ? "/terminals" : `/stores/${store.id}`) : `/terminals/${terminal.id}`;
  return (
    <Form
      form={form}
      submitWord={terminal === null ? "Add terminal" : "Save terminal"}
      secondary={<ButtonLink href={back}>Cancel</ButtonLink>}
      onSubmit={async (values) => {
        const facts = { label: values.label, device: lowerCase(values.device), can_show_qr: values.can_show_qr };
        if (terminal !== null) {
          const result = await changeTerminalAction(terminal.id, terminal.version, facts);
          if (result.ok) {
            toast.success("Terminal saved");
            router.push(`/terminals/${terminal.id}` as Route);
          }
          return result;
        }
        const result = await addTerminalAction({
          ...facts,
          reference: values.reference,
          store: { id: values.store },
          partner: values.partner,
        });
        if (result.ok) {
          toast.success(`${values.label} added`);
          router.push(`/terminals/${result.data.id}` as Route);
        }
        return result;
      }}
    >
      {terminal === null ? (
        <StorePicker
          first={store}
          value={form.watch("store")}
          error={form.formState.errors.store?.message}
          onChange={(picked) => {
            form.setValue("store", picked.id, { shouldValidate: form.formState.isSubmitted });
            form.setValue("partner", picked.partnerId);
          }}
        />
      ) : null}
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField control={form.control} name="label" label="Label" maxLength={99} autoComplete="off" />
        {terminal === null ? (
          <TextField
            control={form.control}
            name="reference"
            label="Reference"
            hint="As the till names itself in payments. It stays."
            maxLength={255}
            autoComplete="off"
            spellCheck={false}
          />
        ) : null}
        <SelectField
          control={form.control}
          name="device"
          label="Device"
          options={TERMINAL_DEVICES.map((value) => ({ value, label: TERMINAL_DEVICE_WORDS[value] }))}
        />
      </div>
      <Controller
        control={form.control}
        name="can_show_qr"
        render={({ field }) => (
          // biome-ignore lint/a11y/noLabelWithoutControl: the checkbox inside is a button, which a label may hold
          <label className="flex min-h-8 items-start gap-2 text-sm">
            <Checkbox
              className="mt-0.5"
              checked={field.value}
              onCheckedChange={(isOn) => field.onChange(isOn === true)}
              onBlur={field.onBlur}
            />
            <span>
              Can show QR codes
              <span className="block text-ink-3 text-xs">To the customer: on its own screen or on one beside it.</span>
            </span>
          </label>
        )}
      />
    </Form>
  );
}
