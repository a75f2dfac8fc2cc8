"use client";

import { Plus, Trash2 } from "lucide-react";
import { Button } from "@/components/ui/button";
import type { SelectOption } from "@/components/ui/select";
import { SOCIAL_OPTIONS } from "./choices";
import { CheckInput, ChoiceInput, FieldGroup, TextInput, TWO_COLUMNS, useFields } from "./inputs";
import type { BrandForm, ContactForm, GroupForm, PaymentAccountForm } from "./values";

type Props<T> = { path: string; value: T; onChange: (value: T) => void };

export function ContactFields({ path, value, onChange }: Props<ContactForm>) {
  const set = (change: Partial<ContactForm>) => onChange({ ...value, ...change });
  const at = (field: string) => (path === "" ? field : `${path}.${field}`);
  return (
    <div className={TWO_COLUMNS}>
      <TextInput
        path={at("given_name")}
        label="Given name"
        value={value.given_name}
        onChange={(given_name) => set({ given_name })}
        isRequired
        maxLength={99}
      />
      <TextInput
        path={at("family_name")}
        label="Family name"
        value={value.family_name}
        onChange={(family_name) => set({ family_name })}
        isRequired
        maxLength={99}
      />
      <TextInput
        path={at("email")}
        label="E-mail"
        type="email"
        value={value.email}
        onChange={(email) => set({ email })}
        isRequired
        maxLength={254}
      />
      <TextInput
        path={at("phone")}
        label="Phone"
        type="tel"
        value={value.phone}
        onChange={(phone) => set({ phone })}
        hint="With country code: +49 30 123456"
        maxLength={30}
      />
    </div>
  );
}

export function BrandFields({ path, value, onChange }: Props<BrandForm>) {
  const set = (change: Partial<BrandForm>) => onChange({ ...value, ...change });
  return (
    <div className={TWO_COLUMNS}>
      <TextInput
        path={`${path}.name`}
        label="Name"
        value={value.name}
        onChange={(name) => set({ name })}
        isRequired
        maxLength={99}
        hint="Consumers see it"
      />
      <TextInput
        path={`${path}.reference`}
        label="Reference"
        value={value.reference}
        onChange={(reference) => set({ reference })}
        isRequired
        isFixed={value.isSaved}
        hint="Cannot be changed later"
      />
      <TextInput
        path={`${path}.website`}
        label="Website"
        type="url"
        value={value.website}
        onChange={(website) => set({ website })}
        maxLength={1024}
        placeholder="https://"
      />
      <TextInput
        path={`${path}.logoUrl`}
        label="Logo"
        type="url"
        value={value.logoUrl}
        onChange={(logoUrl) => set({ logoUrl })}
        isRequired
        maxLength={1024}
        placeholder="https://"
        hint="Address of the picture; Klarna fetches it"
      />
      <TextInput
        path={`${path}.iconUrl`}
        label="Icon"
        type="url"
        value={value.iconUrl}
        onChange={(iconUrl) => set({ iconUrl })}
        maxLength={1024}
        placeholder="https://"
      />
      <TextInput
        path={`${path}.featureImageUrl`}
        label="Feature picture"
        type="url"
        value={value.featureImageUrl}
        onChange={(featureImageUrl) => set({ featureImageUrl })}
        maxLength={1024}
        placeholder="https://"
      />
    </div>
  );
}

export function GroupFields({ path, value, onChange, brands }: Props<GroupForm> & { brands: readonly SelectOption[] }) {
  const { isReadOnly } = useFields();
  const set = (change: Partial<GroupForm>) => onChange({ ...value, ...change });
  return (
    <div className="grid gap-5">
      <div className={TWO_COLUMNS}>
        <TextInput
          path={`${path}.name`}
          label="Name"
          value={value.name}
          onChange={(name) => set({ name })}
          isRequired
          maxLength={99}
        />
        <TextInput
          path={`${path}.reference`}
          label="Reference"
          value={value.reference}
          onChange={(reference) => set({ reference })}
          isRequired
          isFixed={value.isSaved}
          hint="Cannot be changed later; files of stores name it"
        />
        <ChoiceInput
          path={`${path}.brand`}
          label="Brand"
          value={value.brand}
          onChange={(brand) => set({ brand })}
          options={brands}
          isRequired
        />
      </div>
      <FieldGroup title="How customers reach support" hint="One of them is enough.">
        <div className={TWO_COLUMNS}>
          <TextInput
            path={`${path}.supportEmail`}
            label="Support e-mail"
            type="email"
            value={value.supportEmail}
            onChange={(supportEmail) => set({ supportEmail })}
            maxLength={254}
          />
          <TextInput
            path={`${path}.supportPhone`}
            label="Support phone"
            type="tel"
            value={value.supportPhone}
            onChange={(supportPhone) => set({ supportPhone })}
            hint="With country code: +49 30 123456"
            maxLength={30}
          />
          <TextInput
            path={`${path}.supportUrl`}
            label="Contact form"
            type="url"
            value={value.supportUrl}
            onChange={(supportUrl) => set({ supportUrl })}
            maxLength={1024}
            placeholder="https://"
          />
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
              onChange={(provider) =>
                set({
                  socialLinks: value.socialLinks.map((one, at) => (at === index ? { ...one, provider } : one)),
                })
              }
              options={SOCIAL_OPTIONS}
              isRequired
            />
            <TextInput
              path={`${path}.socialLinks.${index}.url`}
              label="Address"
              type="url"
              value={link.url}
              onChange={(url) =>
                set({ socialLinks: value.socialLinks.map((one, at) => (at === index ? { ...one, url } : one)) })
              }
              isRequired
              maxLength={1024}
            />
            {isReadOnly ? null : (
              <Button
                variant="ghost"
                size="icon"
                aria-label={`Remove link ${index + 1}`}
                onClick={() => set({ socialLinks: value.socialLinks.filter((_, at) => at !== index) })}
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
  path,
  value,
  onChange,
  acquiringAccounts,
  entities,
  groups,
}: Props<PaymentAccountForm> & {
  acquiringAccounts: readonly SelectOption[];
  entities: readonly SelectOption[];
  groups: readonly SelectOption[];
}) {
  const set = (change: Partial<PaymentAccountForm>) => onChange({ ...value, ...change });
  return (
    <div className={TWO_COLUMNS}>
      <ChoiceInput
        path={`${path}.entity`}
        label="Legal entity that sells"
        value={value.entity}
        onChange={(entity) => set({ entity })}
        options={entities}
        isRequired
      />
      <ChoiceInput
        path={`${path}.acquiringAccountId`}
        label="Acquiring account"
        value={value.acquiringAccountId}
        onChange={(acquiringAccountId) => set({ acquiringAccountId })}
        options={acquiringAccounts}
        isRequired
        hint="What Klarna settles with"
      />
      <TextInput
        path={`${path}.categoryCode`}
        label="Merchant category code"
        value={value.categoryCode}
        onChange={(categoryCode) => set({ categoryCode })}
        isRequired
        maxLength={4}
        hint="Four digits: 5992 is florists"
      />
      <ChoiceInput
        path={`${path}.storeGroup`}
        label="Default store group"
        value={value.storeGroup}
        onChange={(storeGroup) => set({ storeGroup })}
        options={groups}
        isRequired
      />
      <TextInput
        path={`${path}.reference`}
        label="Reference"
        value={value.reference}
        onChange={(reference) => set({ reference })}
        isRequired
        isFixed={value.isSaved}
        hint="Cannot be changed later"
      />
      <CheckInput
        label="Default"
        hint="Payments that name no account use it"
        isChecked={value.isDefault}
        onChange={(isDefault) => set({ isDefault })}
      />
    </div>
  );
}
