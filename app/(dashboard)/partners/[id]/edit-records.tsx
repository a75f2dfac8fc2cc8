"use client";

import { useRouter } from "next/navigation";
import { z } from "zod";
import { ConfirmAction } from "@/components/confirm-action";
import type { SelectOption } from "@/components/ui/select";
import {
  BrandInputSchema,
  type BrandView,
  ContactSchema,
  EntityInputSchema,
  type EntityView,
  PaymentAccountInputSchema,
  StoreGroupInputSchema,
  type StoreGroupView,
} from "@/server/domain/partners/schema-account";
import { BrandFields, ContactFields, GroupFields, PaymentAccountFields } from "../_forms/brand-fields";
import { EntityFields } from "../_forms/entity-fields";
import { TextInput } from "../_forms/inputs";
import {
  type AccountFacts,
  brandForm,
  brandInput,
  contactForm,
  contactInput,
  entityForm,
  entityInput,
  freeReference,
  groupForm,
  groupInput,
  newBrand,
  newEntity,
  newGroup,
  newPaymentAccount,
  paymentAccountInput,
} from "../_forms/values";
import {
  addPaymentAccountAction,
  saveAccountAction,
  saveBrandAction,
  saveEntityAction,
  saveStoreGroupAction,
  setArchivedAction,
} from "../actions";
import { RecordDialog } from "./record-dialog";

type Of = { id: string; reference: string; country: string };
type Known = readonly { reference: string }[];

const AccountFormSchema = z.object({
  accountName: z.string().max(99).nullable(),
  contact: ContactSchema.nullable(),
});

export function EditAccount({ partner, account }: { partner: Of; account: AccountFacts }) {
  return (
    <RecordDialog
      label="Edit"
      ariaLabel="Edit the account"
      title="Account"
      description="Klarna is told of the change."
      path="account"
      start={() => ({ accountName: account.accountName ?? "", contact: contactForm(account.contact) })}
      schema={AccountFormSchema}
      toInput={(value) => ({
        accountName: value.accountName.trim() === "" ? null : value.accountName.trim(),
        contact:
          account.contact === null && Object.values(value.contact).every((text) => text.trim() === "")
            ? null
            : contactInput(value.contact),
      })}
      save={(input) => saveAccountAction(partner.id, input)}
    >
      {(value, set) => (
        <>
          <TextInput
            path="account.accountName"
            label="Name at Klarna"
            value={value.accountName}
            onChange={(accountName) => set({ ...value, accountName })}
            maxLength={99}
            hint="The Partner's name where left out"
          />
          <ContactFields
            path="account.contact"
            value={value.contact}
            onChange={(contact) => set({ ...value, contact })}
          />
        </>
      )}
    </RecordDialog>
  );
}

export function EditEntity({ partner, entity, known }: { partner: Of; entity: EntityView | null; known: Known }) {
  return (
    <RecordDialog
      label={entity === null ? "Add a legal entity" : "Edit"}
      {...(entity === null ? {} : { ariaLabel: `Edit ${entity.legalName}` })}
      title={entity === null ? "New legal entity" : entity.legalName}
      path="entity"
      start={() =>
        entity === null
          ? newEntity(freeReference(`${partner.reference}-entity`, known), partner.country)
          : entityForm(entity)
      }
      schema={EntityInputSchema}
      toInput={entityInput}
      save={(input) => saveEntityAction(partner.id, input, entity?.version ?? null)}
    >
      {(value, set) => <EntityFields path="entity" value={value} onChange={set} />}
    </RecordDialog>
  );
}

export function EditBrand({ partner, brand, known }: { partner: Of; brand: BrandView | null; known: Known }) {
  return (
    <RecordDialog
      label={brand === null ? "Add a brand" : "Edit"}
      {...(brand === null ? {} : { ariaLabel: `Edit ${brand.name}` })}
      title={brand === null ? "New brand" : brand.name}
      path="brand"
      start={() => (brand === null ? newBrand(freeReference(`${partner.reference}-brand`, known)) : brandForm(brand))}
      schema={BrandInputSchema}
      toInput={brandInput}
      save={(input) => saveBrandAction(partner.id, input, brand?.version ?? null)}
    >
      {(value, set) => <BrandFields path="brand" value={value} onChange={set} />}
    </RecordDialog>
  );
}

export function EditGroup({
  partner,
  group,
  brands,
  known,
}: {
  partner: Of;
  group: StoreGroupView | null;
  brands: readonly SelectOption[];
  known: Known;
}) {
  return (
    <RecordDialog
      label={group === null ? "Add a store group" : "Edit"}
      {...(group === null ? {} : { ariaLabel: `Edit ${group.name}` })}
      title={group === null ? "New store group" : group.name}
      {...(group === null ? {} : { description: "Another brand moves the group with its stores." })}
      path="group"
      start={() =>
        group === null
          ? newGroup(freeReference(`${partner.reference}-group`, known), brands[0]?.value ?? "")
          : groupForm(group)
      }
      schema={StoreGroupInputSchema}
      toInput={groupInput}
      save={(input) => saveStoreGroupAction(partner.id, input, group?.version ?? null)}
    >
      {(value, set) => <GroupFields path="group" value={value} onChange={set} brands={brands} />}
    </RecordDialog>
  );
}

export function AddPaymentAccount({
  partner,
  acquiringAccounts,
  entities,
  groups,
  known,
}: {
  partner: Of;
  acquiringAccounts: readonly SelectOption[];
  entities: readonly SelectOption[];
  groups: readonly SelectOption[];
  known: Known;
}) {
  return (
    <RecordDialog
      label="Add"
      ariaLabel="Add a payment account"
      title="New payment account"
      description="Klarna lets nobody change one afterwards."
      path="payment"
      start={() => ({
        ...newPaymentAccount(freeReference(`${partner.reference}-account`, known)),
        entity: entities[0]?.value ?? "",
        storeGroup: groups[0]?.value ?? "",
        acquiringAccountId: acquiringAccounts.length === 1 ? (acquiringAccounts[0]?.value ?? "") : "",
      })}
      schema={PaymentAccountInputSchema}
      toInput={paymentAccountInput}
      save={(input) => addPaymentAccountAction(partner.id, input)}
    >
      {(value, set) => (
        <PaymentAccountFields
          path="payment"
          value={value}
          onChange={set}
          acquiringAccounts={acquiringAccounts}
          entities={entities}
          groups={groups}
        />
      )}
    </RecordDialog>
  );
}

export function ArchiveRecord({
  partnerId,
  kind,
  id,
  name,
  isArchived,
}: {
  partnerId: string;
  kind: "brand" | "store_group";
  id: string;
  name: string;
  isArchived: boolean;
}) {
  const router = useRouter();
  return (
    <ConfirmAction
      label={isArchived ? "Bring back" : "Archive"}
      size="sm"
      variant={isArchived ? "secondary" : "danger-quiet"}
      tone={isArchived ? "primary" : "danger"}
      title={isArchived ? `Use ${name} again?` : `Archive ${name}?`}
      verb={isArchived ? "Bring back" : "Archive"}
      consequence={
        isArchived
          ? "It can be chosen again."
          : "It can no longer be chosen. It stays at Klarna, which cannot delete it, and can be brought back here."
      }
      onConfirm={() => setArchivedAction(partnerId, { kind, id }, !isArchived)}
      onDone={() => router.refresh()}
    />
  );
}
