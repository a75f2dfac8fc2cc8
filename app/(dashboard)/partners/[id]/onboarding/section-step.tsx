"use client";

import { useQuery } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { Notice } from "@/components/notice";
import { useTRPC } from "@/components/trpc-provider";
import { Button } from "@/components/ui/button";
import type { SelectOption } from "@/components/ui/select";
import type { DraftRecord } from "@/server/domain/partners/schema-onboarding";
import { BrandFields, ContactFields, GroupFields, PaymentAccountFields } from "../../_forms/brand-fields";
import { CURRENCY_OPTIONS } from "../../_forms/choices";
import { EntityFields } from "../../_forms/entity-fields";
import { ChoiceInput, CountryInput, partsOf, TextInput, TWO_COLUMNS } from "../../_forms/inputs";
import {
  type FormSection,
  freeReference,
  newBrand,
  newEntity,
  newGroup,
  newPaymentAccount,
  swapped,
  without,
} from "../../_forms/values";
import type { DraftControl } from "./use-draft";

type StepProps = { draft: DraftRecord; control: DraftControl; isReadOnly: boolean };

export function SectionStep({ section, ...props }: StepProps & { section: FormSection }) {
  switch (section) {
    case "company":
      return <CompanyStep {...props} />;
    case "contact":
      return (
        <ContactFields
          path="contact"
          value={props.control.form.contact}
          onChange={(value) => props.control.change("contact", value)}
        />
      );
    case "entities":
      return <EntitiesStep {...props} />;
    case "brands":
      return <BrandsStep {...props} />;
    case "storeGroups":
      return <GroupsStep {...props} />;
    case "payments":
      return <PaymentsStep {...props} />;
  }
}

function CompanyStep({ draft, control }: StepProps) {
  const { at } = partsOf({
    path: "company",
    value: control.form.company,
    onChange: (company) => control.change("company", company),
  });
  return (
    <div className={TWO_COLUMNS}>
      <TextInput {...at("name")} label="Name" isRequired maxLength={99} />
      <TextInput {...at("accountName")} label="Name at Klarna" maxLength={99} hint="The name above where left out" />
      <CountryInput {...at("country")} isRequired />
      <ChoiceInput {...at("currency")} label="Currency" options={CURRENCY_OPTIONS} isRequired />
      <TextInput
        path="company.reference"
        label="Reference"
        value={draft.partnerReference}
        onChange={() => undefined}
        isFixed
        isRequired
        hint="Klarna knows the account by it"
      />
    </div>
  );
}

/** Records of one kind, each folded under its name. */
function Records<T extends { reference: string; isSaved: boolean }>({
  section,
  path,
  items,
  nameOf,
  noun,
  empty,
  isReadOnly,
  make,
  onChange,
  children,
  mayAdd = true,
}: {
  section: string;
  path: string;
  items: readonly T[];
  nameOf: (item: T) => string;
  noun: string;
  empty: string;
  isReadOnly: boolean;
  make: () => T;
  onChange: (items: T[]) => void;
  children: (item: T, set: (item: T) => void, path: string) => ReactNode;
  mayAdd?: boolean;
}) {
  return (
    <div className="grid gap-3" data-section={section}>
      {items.length === 0 ? <p className="text-ink-3 text-sm">{empty}</p> : null}
      {items.map((item, index) => (
        <details
          // biome-ignore lint/suspicious/noArrayIndexKey: a reference may be typed anew
          key={index}
          open={items.length <= 3 || !item.isSaved}
          className="rounded-md border border-line"
        >
          <summary className="flex min-h-11 cursor-pointer items-center gap-3 rounded-md px-4 py-2 text-sm">
            <span className="min-w-0 flex-1 truncate font-medium">{nameOf(item) || `New ${noun}`}</span>
            <span className="truncate text-ink-3 text-xs">{item.reference}</span>
          </summary>
          <div className="grid gap-4 border-line border-t p-4">
            {children(item, (next) => onChange(swapped(items, index, next)), `${path}.${index}`)}
            {isReadOnly ? null : (
              <Button
                size="sm"
                variant="danger-quiet"
                className="justify-self-end"
                onClick={() => onChange(without(items, index))}
              >
                <Trash2 aria-hidden />
                Remove {nameOf(item) || noun}
              </Button>
            )}
          </div>
        </details>
      ))}
      {isReadOnly || !mayAdd ? null : (
        <Button className="justify-self-start" data-path={path} onClick={() => onChange([...items, make()])}>
          <Plus aria-hidden />
          Add a {noun}
        </Button>
      )}
    </div>
  );
}

function EntitiesStep({ draft, control, isReadOnly }: StepProps) {
  const { entities, company } = control.form;
  return (
    <Records
      section="entities"
      path="entities"
      items={entities}
      nameOf={(entity) => entity.legalName}
      noun="legal entity"
      empty="No legal entity yet."
      isReadOnly={isReadOnly}
      make={() => newEntity(freeReference(`${draft.partnerReference}-entity`, entities), company.country)}
      onChange={(next) => control.change("entities", next)}
    >
      {(entity, set, path) => <EntityFields path={path} value={entity} onChange={set} />}
    </Records>
  );
}

function BrandsStep({ draft, control, isReadOnly }: StepProps) {
  const { brands } = control.form;
  return (
    <Records
      section="brands"
      path="brands"
      items={brands}
      nameOf={(brand) => brand.name}
      noun="brand"
      empty="No brand yet."
      isReadOnly={isReadOnly}
      make={() => newBrand(freeReference(`${draft.partnerReference}-brand`, brands))}
      onChange={(next) => control.change("brands", next)}
    >
      {(brand, set, path) => <BrandFields path={path} value={brand} onChange={set} />}
    </Records>
  );
}

function GroupsStep({ draft, control, isReadOnly }: StepProps) {
  const { storeGroups, brands } = control.form;
  const options: SelectOption[] = brands.map((brand) => ({
    value: brand.reference,
    label: brand.name || brand.reference,
  }));
  if (brands.length === 0) return <Notice tone="info" title="Add a brand first: each store group belongs to one." />;
  return (
    <Records
      section="storeGroups"
      path="storeGroups"
      items={storeGroups}
      nameOf={(group) => group.name}
      noun="store group"
      empty="No store group yet."
      isReadOnly={isReadOnly}
      make={() => newGroup(freeReference(`${draft.partnerReference}-group`, storeGroups), brands[0]?.reference ?? "")}
      onChange={(next) => control.change("storeGroups", next)}
    >
      {(group, set, path) => <GroupFields path={path} value={group} onChange={set} brands={options} />}
    </Records>
  );
}

function PaymentsStep({ draft, control, isReadOnly }: StepProps) {
  const trpc = useTRPC();
  const canChoose = draft.may.editPayments;
  const choices = useQuery(trpc.partners.draft.choices.queryOptions(undefined, { enabled: canChoose }));
  const { payments, entities, storeGroups } = control.form;
  if (!canChoose)
    return (
      <Notice tone="info" title="The acquirer fills this step.">
        {payments.paymentAccounts.length === 0
          ? "Nothing is chosen yet."
          : `${payments.paymentAccounts.length} payment ${payments.paymentAccounts.length === 1 ? "account is" : "accounts are"} chosen.`}
      </Notice>
    );
  const profiles = (choices.data?.paymentProfiles ?? []).map((profile) => ({
    value: profile.payment_profile_id,
    label: profile.name ?? profile.payment_profile_id,
    ...(profile.payment_programs.length === 0 ? {} : { hint: profile.payment_programs.join(", ") }),
  }));
  const acquiring = (choices.data?.acquiringAccounts ?? []).map((account) => ({
    value: account.payment_acquiring_account_id,
    label: account.acquiring_entity_name ?? account.payment_acquiring_account_id,
    ...(account.currencies.length === 0 ? {} : { hint: account.currencies.join(", ") }),
  }));
  const { at, set } = partsOf({
    path: "payments",
    value: payments,
    onChange: (next) => control.change("payments", next),
  });
  return (
    <div className="grid gap-4">
      {choices.data?.isFresh === false || choices.isError ? (
        <Notice
          tone="warn"
          title="Klarna could not be asked for what it offers."
          action={
            <Button size="sm" isBusy={choices.isFetching} onClick={() => void choices.refetch()}>
              Ask again
            </Button>
          }
        />
      ) : null}
      <ChoiceInput
        {...at("paymentProfileId")}
        label="Payment profile"
        options={profiles}
        isRequired
        placeholder={choices.isPending ? "Asking Klarna…" : "Choose"}
        hint="Prices and programs of the Partner"
        className="max-w-[640px]"
      />
      <Records
        section="payments"
        path="payments.paymentAccounts"
        items={payments.paymentAccounts}
        nameOf={(account) =>
          entities.find((entity) => entity.reference === account.entity)?.legalName ?? account.reference
        }
        noun="payment account"
        empty="No payment account yet: one for each legal entity that sells."
        isReadOnly={isReadOnly}
        mayAdd={entities.length > 0 && storeGroups.length > 0}
        make={() => {
          const taken = payments.paymentAccounts.map((account) => account.entity);
          const entity = entities.find((one) => !taken.includes(one.reference)) ?? entities[0];
          return {
            ...newPaymentAccount(freeReference(`${draft.partnerReference}-account`, payments.paymentAccounts)),
            entity: entity?.reference ?? "",
            storeGroup: storeGroups[0]?.reference ?? "",
            acquiringAccountId: acquiring.length === 1 ? (acquiring[0]?.value ?? "") : "",
            isDefault: payments.paymentAccounts.length === 0,
          };
        }}
        onChange={(paymentAccounts) => set({ paymentAccounts })}
      >
        {(account, change, path) => (
          <PaymentAccountFields
            path={path}
            value={account}
            onChange={(next) =>
              // One default at most: choosing one takes it from the other.
              next.isDefault && !account.isDefault
                ? set({
                    paymentAccounts: payments.paymentAccounts.map((one) =>
                      one === account ? next : { ...one, isDefault: false },
                    ),
                  })
                : change(next)
            }
            acquiringAccounts={acquiring}
            entities={entities.map((entity) => ({
              value: entity.reference,
              label: entity.legalName || entity.reference,
            }))}
            groups={storeGroups.map((group) => ({ value: group.reference, label: group.name || group.reference }))}
          />
        )}
      </Records>
      {entities.length === 0 || storeGroups.length === 0 ? (
        <p className="text-ink-3 text-sm">A payment account needs a legal entity and a store group first.</p>
      ) : null}
    </div>
  );
}
