"use client";

import type { ReactNode } from "react";
import { type Control, Controller, type FieldPathByValue, useWatch } from "react-hook-form";
import type { ActionResult } from "@/components/action-result";
import type { Mode } from "@/components/display/mode-badge";
import { CheckGroupField, SelectField, TextField } from "@/components/forms/fields";
import { Form } from "@/components/forms/form";
import { useZodForm } from "@/components/forms/use-zod-form";
import { Checkbox } from "@/components/ui/checkbox";
import type { PartnerOption } from "../partner-options";
import { addEndpointAction, changeEndpointAction } from "./actions";
import {
  type EndpointFormInput,
  EndpointFormSchema,
  type EndpointFormValues,
  endpointFacts,
  onLines,
} from "./endpoint-values";
import { HeaderFields } from "./header-fields";

export type EndpointSettings = {
  id: string;
  url: string;
  description: string | null;
  events: readonly string[];
  ordered: boolean;
  header_names: readonly string[];
};

type Settled = { mode: Mode; eventTypes: readonly string[] };
type FormControl = Control<EndpointFormInput, unknown, EndpointFormValues>;

export function AddEndpointForm({
  mode,
  partners,
  eventTypes,
  onMade,
}: Settled & {
  partners: readonly PartnerOption[];
  onMade: (made: { id: string; secret: string }) => void;
}) {
  const form = useZodForm(EndpointFormSchema, {
    partner: partners.length === 1 ? (partners[0]?.value ?? "") : "",
    url: "",
    description: "",
    isAll: true,
    events: [],
    ordered: true,
    isNewHeaders: true,
    headers: [],
  });
  return (
    <Form
      form={form}
      submitWord="Add endpoint"
      onSubmit={async (values) => {
        const result = await addEndpointAction({
          ...endpointFacts(values),
          ...(values.description === "" ? {} : { description: values.description }),
          ...(values.partner === "" ? {} : { partner: values.partner }),
        });
        if (result.ok) onMade(result.data);
        return result.ok ? undefined : onLines(result, values);
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
      <Fields control={form.control} mode={mode} eventTypes={eventTypes} kept={[]} />
    </Form>
  );
}

export function ChangeEndpointForm({
  mode,
  eventTypes,
  endpoint,
  onSaved,
}: Settled & { endpoint: EndpointSettings; onSaved: () => void }) {
  const isAll = endpoint.events.includes("*");
  const form = useZodForm(EndpointFormSchema, {
    partner: "",
    url: endpoint.url,
    description: endpoint.description ?? "",
    isAll,
    events: isAll ? [] : [...endpoint.events],
    ordered: endpoint.ordered,
    isNewHeaders: endpoint.header_names.length === 0,
    headers: [],
  });
  // Families ("payment.*") come through the API; they stay choosable where one is in use.
  const families = endpoint.events.filter((event) => event !== "*" && !eventTypes.includes(event));
  return (
    <Form
      form={form}
      submitWord="Save"
      onSubmit={async (values): Promise<ActionResult | undefined> => {
        const result = await changeEndpointAction(endpoint.id, {
          ...endpointFacts(values),
          description: values.description === "" ? null : values.description,
        });
        if (result.ok) onSaved();
        return result.ok ? undefined : onLines(result, values);
      }}
    >
      <Fields
        control={form.control}
        mode={mode}
        eventTypes={[...families, ...eventTypes]}
        kept={endpoint.header_names}
      />
    </Form>
  );
}

function Fields({
  control,
  mode,
  eventTypes,
  kept,
}: Settled & {
  control: FormControl;
  /** Names of the headers that are stored now. */
  kept: readonly string[];
}) {
  const isAll = useWatch({ control, name: "isAll" });
  const isNewHeaders = useWatch({ control, name: "isNewHeaders" });
  return (
    <>
      <TextField
        control={control}
        name="url"
        label="Address"
        inputMode="url"
        autoComplete="off"
        placeholder="https://shop.example/hooks/tillgate"
        hint={mode === "live" ? "https only" : "https; in test mode also http on this machine"}
      />
      <TextField control={control} name="description" label="Description" isRequired={false} maxLength={255} />
      <Check control={control} name="isAll" label="All events" hint="Also those that are added later" />
      {isAll ? null : (
        <CheckGroupField
          control={control}
          name="events"
          label="Events"
          options={eventTypes.map((type) => ({ value: type, label: type }))}
        />
      )}
      <Check
        control={control}
        name="ordered"
        label="In order"
        hint="Events of one payment come one after the other; a failing one holds back those behind it"
      />
      {kept.length === 0 ? null : (
        <Check
          control={control}
          name="isNewHeaders"
          label="Replace the own headers"
          hint={`Now sent: ${kept.join(", ")}. Their values are not shown. Replaced by none, they are removed.`}
        />
      )}
      {isNewHeaders ? <HeaderFields control={control} /> : null}
    </>
  );
}

function Check({
  control,
  name,
  label,
  hint,
}: {
  control: FormControl;
  name: FieldPathByValue<EndpointFormInput, boolean>;
  label: string;
  hint: ReactNode;
}) {
  return (
    <Controller
      control={control}
      name={name}
      render={({ field }) => (
        // biome-ignore lint/a11y/noLabelWithoutControl: the checkbox inside is a button, which a label may hold
        <label className="flex items-start gap-2 text-sm">
          <Checkbox
            className="mt-0.5"
            checked={field.value}
            onCheckedChange={(isChecked) => field.onChange(isChecked === true)}
          />
          <span>
            {label}
            <span className="block text-ink-3 text-xs">{hint}</span>
          </span>
        </label>
      )}
    />
  );
}
