"use client";

import { Plus, Trash2 } from "lucide-react";
import { Button } from "@/components/ui/button";
import type { SelectOption } from "@/components/ui/select";
import { SOCIAL_OPTIONS } from "./choices";
import {
  CheckInput,
  ChoiceInput,
  FieldGroup,
  type FieldsProps,
  partsOf,
  TextInput,
  TWO_COLUMNS,
  useFields,
} from "./inputs";
import { type BrandForm, type ContactForm, type GroupForm, type PaymentAccountForm, swapped, without } from "./values";

export function ContactFields(props: FieldsProps<ContactForm>) {
  const { at } = partsOf(props);
  return (
    <div className={TWO_COLUMNS}>
      <TextInput {...at("given_name")} label="Given name" isRequired maxLength={99} />
      <TextInput {...at("family_name")} label="Family name" isRequired maxLength={99} />
      <TextInput {...at("email")} label="E-mail" type="email" isRequired maxLength={254} />
      <TextInput {...at("phone")} label="Phone" type="tel" hint="With country code: +49 30 123456" maxLength={30} />
    </div>
  );
}

export function BrandFields(props: FieldsProps<BrandForm>) {
  const { at } = partsOf(props);
  return (
    <div className={TWO_COLUMNS}>
      <TextInput {...at("name")} label="Name" isRequired maxLength={99} hint="Consumers see it" />
      <TextInput
        {...at("reference")}
        label="Reference"
        isRequired
        isFixed={props.value.isSaved}
        hint="Cannot be changed later"
      />
      <TextInput {...at("website")} label="Website" type="url" maxLength={1024} placeholder="https://" />
      <TextInput
        {...at("logoUrl")}
        label="Logo"
        type="url"
        isRequired
        maxLength={1024}
        placeholder="https://"
        hint="Address of the picture; Klarna fetches it"
      />
      <TextInput {...at("iconUrl")} label="Icon" type="url" maxLength={1024} placeholder="https://" />
      <TextInput
        {...at("featureImageUrl")}
        label="Feature picture"
        type="url"
        maxLength={1024}
        placeholder="https://"
      />
    </div>
  );
}

export function GroupFields({ brands, ...props }: FieldsProps<GroupForm> & { brands: readonly SelectOption[] }) {
  const { isReadOnly } = useFields();
  const { at, set } = partsOf(props);
  const { path, value } = props;
  return (
    <div className="grid gap-5">
      <div className={TWO_COLUMNS}>
        <TextInput {...at("name")} label="Name" isRequired maxLength={99} />
        <TextInput
          {...at("reference")}
          label="Reference"
          isRequired
          isFixed={value.isSaved}
          hint="Cannot be changed later; files of stores name it"
        />
        <ChoiceInput {...at("brand")} label="Brand" options={brands} isRequired />
      </div>
      <FieldGroup title="How customers reach support" hint="One of them is enough.">
        <div className={TWO_COLUMNS}>
          <TextInput {...at("supportEmail")} label="Support e-mail" type="email" maxLength={254} />
          <TextInput
            {...at("supportPhone")}
            label="Support phone"
            type="tel"
            hint="With country code: +49 30 123456"
            maxLength={30}
          />
          <TextInput {...at("supportUrl")} label="Contact form" type="url" maxLength={1024} placeholder="https://" />
        </div>
      </FieldGroup>
      <FieldGroup title="Social media">
        {value.socialLinks.map((link, index) => (
          <div
            // biome-ignore lint/suspicious/noArrayIndexKey: links have no id
            key={index}
            className="grid grid-cols-[minmax(0,1fr)] items-end gap-2 sm:grid-cols-[160px_minmax(0,1fr)_auto]"
          >
            <ChoiceInput
              path={`${path}.socialLinks.${index}.provider`}
              label="Where"
              value={link.provider}
              onChange={(provider) => set({ socialLinks: swapped(value.socialLinks, index, { ...link, provider }) })}
              options={SOCIAL_OPTIONS}
              isRequired
            />
            <TextInput
              path={`${path}.socialLinks.${index}.url`}
              label="Address"
              type="url"
              value={link.url}
              onChange={(url) => set({ socialLinks: swapped(value.socialLinks, index, { ...link, url }) })}
              isRequired
              maxLength={1024}
            />
            {isReadOnly ? null : (
              <Button
                variant="ghost"
                size="icon"
                aria-label={`Remove link ${index + 1}`}
                onClick={() => set({ socialLinks: without(value.socialLinks, index) })}
              >
                <Trash2 aria-hidden />
              </Button>
            )}
          </div>
        ))}
        {isReadOnly ? null : (
          <Button
            size="sm"
            className="justify-self-start"
            onClick={() => set({ socialLinks: [...value.socialLinks, { provider: "INSTAGRAM", url: "" }] })}
          >
            <Plus aria-hidden />
            Add a link
          </Button>
        )}
      </FieldGroup>
    </div>
  );
}

export function PaymentAccountFields({
  acquiringAccounts,
  entities,
  groups,
  ...props
}: FieldsProps<PaymentAccountForm> & {
  acquiringAccounts: readonly SelectOption[];
  entities: readonly SelectOption[];
  groups: readonly SelectOption[];
}) {
  const { at } = partsOf(props);
  return (
    <div className={TWO_COLUMNS}>
      <ChoiceInput {...at("entity")} label="Legal entity that sells" options={entities} isRequired />
      <ChoiceInput
        {...at("acquiringAccountId")}
        label="Acquiring account"
        options={acquiringAccounts}
        isRequired
        hint="What Klarna settles with"
      />
      <TextInput
        {...at("categoryCode")}
        label="Merchant category code"
        isRequired
        maxLength={4}
        hint="Four digits: 5992 is florists"
      />
      <ChoiceInput {...at("storeGroup")} label="Default store group" options={groups} isRequired />
      <TextInput
        {...at("reference")}
        label="Reference"
        isRequired
        isFixed={props.value.isSaved}
        hint="Cannot be changed later"
      />
      <CheckInput
        label="Default"
        hint="Payments that name no account use it"
        isChecked={props.value.isDefault}
        onChange={at("isDefault").onChange}
      />
    </div>
  );
}
