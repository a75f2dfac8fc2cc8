"use client";

import type { Route } from "next";
import { usePathname, useRouter } from "next/navigation";
import { z } from "zod";
import type { PartnerOption } from "@/app/(dashboard)/partner-options";
import { SelectField, TextareaField, TextField } from "@/components/forms/fields";
import { Form } from "@/components/forms/form";
import { useZodForm } from "@/components/forms/use-zod-form";
import { ButtonLink } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import { toast } from "@/components/ui/toast";
import { listOf, lowerCase } from "@/server/core/text";
import type { StoreGroupChoice, StoreRecord } from "@/server/domain/stores/schema";
import {
  APP_PLATFORMS,
  OPENING_STATES,
  OPENING_WORDS,
  PLATFORM_WORDS,
  STORE_TYPE_WORDS,
  STORE_TYPES,
  type StoreType,
} from "@/server/domain/stores/states";
import { COUNTRY_OPTIONS } from "../countries";
import { addStoreAction, changeStoreAction } from "./actions";

const text = (max: number) => z.string().trim().max(max);
const FormSchema = z
  .object({
    reference: text(255).min(1, "Enter a reference."),
    name: text(99).min(1, "Enter a name."),
    type: z.enum(STORE_TYPES),
    store_group: z.string().min(1, "Choose a store group."),
    address: z.object({
      street_address: text(99),
      street_address2: text(99),
      postal_code: text(10),
      city: text(99),
      region: text(99),
      country: z.string(),
    }),
    url: text(1024),
    app: z.object({ platform: z.enum(APP_PLATFORMS), bundle_names: z.string() }),
    opening_state: z.enum(OPENING_STATES),
    support: z.object({ email: text(254), phone: text(16) }),
  })
  .superRefine((store, problems) => {
    const need = (path: string[], message: string): void => problems.addIssue({ code: "custom", path, message });
    if (store.type === "PHYSICAL") {
      if (store.address.street_address === "") need(["address", "street_address"], "Enter the street.");
      if (store.address.postal_code === "") need(["address", "postal_code"], "Enter the postal code.");
      if (store.address.city === "") need(["address", "city"], "Enter the city.");
    }
    if (store.type === "WEBSITE" && !/^https?:\/\/./.test(store.url))
      need(["url"], "Enter an address that begins with https://");
    if (store.type === "MOBILE_APP" && listOf(store.app.bundle_names).length === 0)
      need(["app", "bundle_names"], "Enter at least one.");
  });
type Values = z.infer<typeof FormSchema>;

const NO_GROUP = "none";

/** What the server takes: only the fields of the type, and nothing that is empty. */
function toInput({ address, ...values }: Values) {
  const { street_address2, region, ...street } = address;
  return {
    name: values.name,
    ...(values.store_group === NO_GROUP ? {} : { store_group: { id: values.store_group } }),
    ...(values.type === "PHYSICAL"
      ? {
          address: {
            ...street,
            ...(street_address2 === "" ? {} : { street_address2 }),
            ...(region === "" ? {} : { region }),
          },
        }
      : {}),
    ...(values.type === "WEBSITE" ? { url: values.url } : {}),
    ...(values.type === "MOBILE_APP"
      ? { app: { platform: lowerCase(values.app.platform), bundle_names: listOf(values.app.bundle_names) } }
      : {}),
    opening_state: lowerCase(values.opening_state),
    support: {
      email: values.support.email === "" ? null : values.support.email,
      phone: values.support.phone === "" ? null : values.support.phone,
    },
  };
}

export function StoreForm({
  store,
  partner,
  partners,
  groups,
  country,
}: {
  /** Null for a new one. */
  store: StoreRecord | null;
  /** For whom. */
  partner: string | null;
  partners: readonly PartnerOption[];
  groups: readonly StoreGroupChoice[];
  /** The Partner's, for a new store. */
  country: string;
}) {
  const router = useRouter();
  const pathname = usePathname();
  const only = groups.length === 1 ? groups[0] : undefined;
  // Klarna hears of a store by its group; one that came with a payment waits for its group.
  const mayHaveNone = groups.length === 0 || (store !== null && store.storeGroup === null);
  const form = useZodForm(FormSchema, {
    reference: store?.reference ?? "",
    name: store?.name ?? "",
    type: store?.type ?? "PHYSICAL",
    store_group: store?.storeGroup?.id ?? only?.id ?? (mayHaveNone ? NO_GROUP : ""),
    address: {
      street_address: store?.address?.street_address ?? "",
      street_address2: store?.address?.street_address2 ?? "",
      postal_code: store?.address?.postal_code ?? "",
      city: store?.address?.city ?? "",
      region: store?.address?.region ?? "",
      country: store?.address?.country ?? country,
    },
    url: store?.url ?? "",
    app: { platform: store?.app?.platform ?? "IOS", bundle_names: store?.app?.bundleNames.join("\n") ?? "" },
    opening_state: store?.openingState ?? "OPEN",
    support: { email: store?.supportEmail ?? "", phone: store?.supportPhone ?? "" },
  });
  const type: StoreType = form.watch("type");
  return (
    <Form
      form={form}
      submitWord={store === null ? "Add store" : "Save store"}
      secondary={<ButtonLink href={store === null ? "/stores" : `/stores/${store.id}`}>Cancel</ButtonLink>}
      onSubmit={async (values) => {
        if (store !== null) {
          const result = await changeStoreAction(store.id, store.version, toInput(values));
          if (result.ok) {
            toast.success("Store saved");
            router.push(`/stores/${store.id}` as Route);
          }
          return result;
        }
        const result = await addStoreAction({
          ...toInput(values),
          reference: values.reference,
          type: lowerCase(values.type),
          ...(partner === null ? {} : { partner }),
        });
        if (result.ok) {
          toast.success(`${values.name} added`);
          router.push(`/stores/${result.data.id}` as Route);
        }
        return result;
      }}
    >
      {store === null && partners.length > 1 ? (
        <Field label="Partner" isRequired>
          {(control) => (
            <Select
              {...control}
              options={partners}
              value={partner ?? ""}
              placeholder="Choose a Partner"
              onValueChange={(id) => router.replace(`${pathname}?partner=${id}` as Route, { scroll: false })}
            />
          )}
        </Field>
      ) : null}
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField control={form.control} name="name" label="Name" maxLength={99} autoComplete="off" />
        {store === null ? (
          <TextField
            control={form.control}
            name="reference"
            label="Reference"
            hint="As tills and files call it. It stays."
            maxLength={255}
            autoComplete="off"
            spellCheck={false}
          />
        ) : null}
        {store === null ? (
          <SelectField
            control={form.control}
            name="type"
            label="Type"
            options={STORE_TYPES.map((value) => ({ value, label: STORE_TYPE_WORDS[value] }))}
          />
        ) : null}
        <SelectField
          control={form.control}
          name="store_group"
          label="Store group"
          placeholder="Choose a group"
          options={[
            ...(mayHaveNone ? [{ value: NO_GROUP, label: "None yet" }] : []),
            ...groups.map((group) => ({ value: group.id, label: group.name, hint: group.brandName })),
          ]}
        />
        <SelectField
          control={form.control}
          name="opening_state"
          label="Opening"
          options={OPENING_STATES.map((value) => ({ value, label: OPENING_WORDS[value] }))}
        />
      </div>
      {type === "PHYSICAL" ? (
        <fieldset className="grid gap-4 sm:grid-cols-2">
          <legend className="mb-3 font-semibold text-base">Address</legend>
          <TextField
            control={form.control}
            name="address.street_address"
            label="Street"
            maxLength={99}
            className="sm:col-span-2"
            autoComplete="off"
          />
          <TextField
            control={form.control}
            name="address.street_address2"
            label="Further line"
            isRequired={false}
            maxLength={99}
            className="sm:col-span-2"
            autoComplete="off"
          />
          <TextField
            control={form.control}
            name="address.postal_code"
            label="Postal code"
            maxLength={10}
            autoComplete="off"
          />
          <TextField control={form.control} name="address.city" label="City" maxLength={99} autoComplete="off" />
          <TextField
            control={form.control}
            name="address.region"
            label="State or region"
            isRequired={false}
            maxLength={99}
            autoComplete="off"
          />
          <SelectField control={form.control} name="address.country" label="Country" options={COUNTRY_OPTIONS} />
        </fieldset>
      ) : null}
      {type === "WEBSITE" ? (
        <TextField
          control={form.control}
          name="url"
          label="Web address"
          type="url"
          inputMode="url"
          placeholder="https://"
          maxLength={1024}
          autoComplete="off"
          spellCheck={false}
        />
      ) : null}
      {type === "MOBILE_APP" ? (
        <div className="grid gap-4 sm:grid-cols-2">
          <SelectField
            control={form.control}
            name="app.platform"
            label="Platform"
            options={APP_PLATFORMS.map((value) => ({ value, label: PLATFORM_WORDS[value] }))}
          />
          <TextareaField
            control={form.control}
            name="app.bundle_names"
            label="Bundle ids or package names"
            hint="One a line"
            rows={2}
          />
        </div>
      ) : null}
      <fieldset className="grid gap-4 sm:grid-cols-2">
        <legend className="mb-3 font-semibold text-base">Support</legend>
        <TextField
          control={form.control}
          name="support.email"
          label="E-mail"
          type="email"
          isRequired={false}
          maxLength={254}
          autoComplete="off"
        />
        <TextField
          control={form.control}
          name="support.phone"
          label="Phone"
          hint="With the country, such as +4930123456"
          type="tel"
          isRequired={false}
          maxLength={16}
          autoComplete="off"
        />
      </fieldset>
    </Form>
  );
}
