"use client";

import { Controller, useWatch } from "react-hook-form";
import { z } from "zod";
import type { Mode } from "@/components/display/mode-badge";
import { CheckGroupField, SelectField, TextField } from "@/components/forms/fields";
import { Form } from "@/components/forms/form";
import { useZodForm } from "@/components/forms/use-zod-form";
import { Checkbox } from "@/components/ui/checkbox";
import type { PartnerOption } from "../partner-options";
import { addEndpointAction } from "./actions";

const AddFormSchema = z
  .object({
    partner: z.string(),
    url: z.string().trim().min(1, "Enter an address.").max(2048),
    description: z.string().trim().max(255),
    isAll: z.boolean(),
    events: z.array(z.string()),
    ordered: z.boolean(),
  })
  .refine((form) => form.isAll || form.events.length > 0, { path: ["events"], message: "Choose at least one event." });

export function EndpointForm({
  mode,
  partners,
  eventTypes,
  onMade,
}: {
  mode: Mode;
  partners: readonly PartnerOption[];
  eventTypes: readonly string[];
  onMade: (made: { id: string; secret: string }) => void;
}) {
  const form = useZodForm(AddFormSchema, {
    partner: partners.length === 1 ? (partners[0]?.value ?? "") : "",
    url: "",
    description: "",
    isAll: true,
    events: [],
    ordered: true,
  });
  const isAll = useWatch({ control: form.control, name: "isAll" });
  return (
    <Form
      form={form}
      submitWord="Add endpoint"
      onSubmit={async (values) => {
        const result = await addEndpointAction({
          url: values.url,
          events: values.isAll ? ["*"] : values.events,
          ordered: values.ordered,
          ...(values.description === "" ? {} : { description: values.description }),
          ...(values.partner === "" ? {} : { partner: values.partner }),
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
          placeholder="Whose events"
        />
      )}
      <TextField
        control={form.control}
        name="url"
        label="Address"
        inputMode="url"
        autoComplete="off"
        placeholder="https://shop.example/hooks/tillgate"
        hint={mode === "live" ? "https only" : "https; in test mode also http on this machine"}
      />
      <TextField control={form.control} name="description" label="Description" isRequired={false} maxLength={255} />
      <Controller
        control={form.control}
        name="isAll"
        render={({ field }) => (
          // biome-ignore lint/a11y/noLabelWithoutControl: the checkbox inside is a button, which a label may hold
          <label className="flex items-start gap-2 text-sm">
            <Checkbox
              className="mt-0.5"
              checked={field.value}
              onCheckedChange={(isChecked) => field.onChange(isChecked === true)}
            />
            <span>
              All events
              <span className="block text-ink-3 text-xs">Also those that are added later</span>
            </span>
          </label>
        )}
      />
      {isAll ? null : (
        <CheckGroupField
          control={form.control}
          name="events"
          label="Events"
          options={eventTypes.map((type) => ({ value: type, label: type }))}
        />
      )}
      <Controller
        control={form.control}
        name="ordered"
        render={({ field }) => (
          // biome-ignore lint/a11y/noLabelWithoutControl: the checkbox inside is a button, which a label may hold
          <label className="flex items-start gap-2 text-sm">
            <Checkbox
              className="mt-0.5"
              checked={field.value}
              onCheckedChange={(isChecked) => field.onChange(isChecked === true)}
            />
            <span>
              In order
              <span className="block text-ink-3 text-xs">
                Events of one payment come one after the other; a failing one holds back those behind it
              </span>
            </span>
          </label>
        )}
      />
    </Form>
  );
}
