import type { BrandRow, EntityRow, GroupRow, PaymentAccountRow } from "./rows";
import type { Contact } from "./schema-account";
import type { Completeness, CompletenessItem } from "./schema-onboarding";

/* How complete an account is before Klarna is asked for it, by Klarna's own requirements. */

export type DraftFacts = {
  contact: Contact | null;
  entities: readonly EntityRow[];
  brands: readonly BrandRow[];
  groups: readonly GroupRow[];
  paymentProfileId: string | null;
  paymentAccounts: readonly PaymentAccountRow[];
  /** Stores that are not archived. */
  stores: readonly { reference: string; hasGroup: boolean; isPhysical: boolean; hasQr: boolean }[];
  currency: string;
};

type Add = (
  item: Omit<CompletenessItem, "level" | "item" | "isDone"> & {
    item?: string;
    isDone: boolean;
    isRecommended?: boolean;
  },
) => void;

function collect(work: (add: Add) => void): CompletenessItem[] {
  const items: CompletenessItem[] = [];
  work(({ isRecommended, item, ...rest }) =>
    items.push({ ...rest, item: item ?? null, level: isRecommended ? "recommended" : "required" }),
  );
  return items;
}

function checkEntity(add: Add, entity: EntityRow): void {
  const item = entity.reference;
  const name = entity.legalName;
  const has = (value: unknown): boolean => value !== null && value !== "";
  const base = { section: "entities", item } as const;
  add({
    ...base,
    requirement: "KNR-D2",
    field: "registrationNumber",
    label: `${name}: number of the company register`,
    isDone: has(entity.registrationNumber),
  });
  add({
    ...base,
    requirement: "KNR-D2",
    field: "address",
    label: `${name}: registered address`,
    isDone: entity.address !== null,
  });
  add({
    ...base,
    requirement: "KNR-D2",
    field: "entityType",
    label: `${name}: legal form`,
    isDone: has(entity.entityType),
  });
  add({
    ...base,
    requirement: "KNR-E3",
    field: "stakeholders",
    label: `${name}: owners and directors`,
    isDone: entity.stakeholders.length > 0,
  });
  for (const [index, person] of entity.stakeholders.entries()) {
    const who = `${person.given_name} ${person.family_name}`;
    add({
      ...base,
      requirement: "KNR-E3",
      field: `stakeholders.${index}.date_of_birth`,
      label: `${who}: date of birth`,
      isDone: person.date_of_birth !== null,
    });
    add({
      ...base,
      requirement: "KNR-E3",
      field: `stakeholders.${index}.address`,
      label: `${who}: address`,
      isDone: person.address !== null,
      isRecommended: true,
    });
  }
  add({
    ...base,
    requirement: "KNR-D2",
    field: "registrationAuthority",
    label: `${name}: register`,
    isDone: has(entity.registrationAuthority),
    isRecommended: true,
  });
  add({
    ...base,
    requirement: "KNR-E3",
    field: "taxNumber",
    label: `${name}: tax number`,
    isDone: has(entity.taxNumber),
    isRecommended: true,
  });
  add({
    ...base,
    requirement: "KNR-E3",
    field: "payout",
    label: `${name}: payout account`,
    isDone: entity.payout !== null,
    isRecommended: true,
  });
  add({
    ...base,
    requirement: "KNR-E3",
    field: "operatingAddresses",
    label: `${name}: where it works`,
    isDone: entity.operatingAddresses.length > 0,
    isRecommended: true,
  });
}

export function completenessOf(draft: DraftFacts): Completeness {
  const items = collect((add) => {
    add({
      requirement: "KNR-D2",
      section: "contact",
      field: "",
      label: "Contact of the account",
      isDone: draft.contact !== null,
    });
    add({
      requirement: "KNR-D2",
      section: "contact",
      field: "phone",
      label: "Phone of the contact",
      isDone: draft.contact?.phone != null,
      isRecommended: true,
    });
    add({
      requirement: "KNR-D2",
      section: "entities",
      field: "",
      label: "A legal entity",
      isDone: draft.entities.length > 0,
    });
    for (const entity of draft.entities) checkEntity(add, entity);
    add({ requirement: "KNR-E2", section: "brands", field: "", label: "A brand", isDone: draft.brands.length > 0 });
    for (const brand of draft.brands) {
      add({
        requirement: "KNR-E2",
        section: "brands",
        item: brand.reference,
        field: "logoUrl",
        label: `${brand.name}: logo`,
        isDone: brand.logoUrl !== null,
      });
      add({
        requirement: "KNR-E2",
        section: "brands",
        item: brand.reference,
        field: "iconUrl",
        label: `${brand.name}: icon`,
        isDone: brand.iconUrl !== null,
        isRecommended: true,
      });
    }
    add({
      requirement: "KNR-D2",
      section: "storeGroups",
      field: "",
      label: "A store group",
      isDone: draft.groups.length > 0,
    });
    for (const group of draft.groups) {
      add({
        requirement: "KNR-D2",
        section: "stores",
        item: group.reference,
        field: "",
        label: `${group.name}: a store`,
        isDone: group.storeCount > 0,
      });
      add({
        requirement: "KNR-E2",
        section: "storeGroups",
        item: group.reference,
        field: "supportEmail",
        label: `${group.name}: how customers reach support`,
        isDone: group.supportEmail !== null || group.supportPhone !== null || group.supportUrl !== null,
      });
    }
    const homeless = draft.stores.filter((store) => !store.hasGroup);
    add({
      requirement: "KNR-D2",
      section: "stores",
      field: "storeGroup",
      label: homeless.length === 0 ? "Every store is in a group" : `${homeless.length} stores are in no group`,
      isDone: homeless.length === 0,
    });
    const blind = draft.stores.filter((store) => store.isPhysical && !store.hasQr);
    add({
      requirement: "KNR-L4",
      section: "stores",
      field: "terminals",
      label:
        blind.length === 0
          ? "Every store can show a QR code"
          : `${blind.length} stores have no device that shows a QR code`,
      isDone: blind.length === 0,
      isRecommended: true,
    });
    add({
      requirement: "KNR-D9",
      section: "payments",
      field: "paymentProfileId",
      label: "Payment profile: prices and programs",
      isDone: draft.paymentProfileId !== null,
    });
    add({
      requirement: "KNR-D4",
      section: "payments",
      field: "paymentAccounts",
      label: "A payment account",
      isDone: draft.paymentAccounts.length > 0,
    });
    for (const entity of draft.entities) {
      add({
        requirement: "KNR-D9",
        section: "payments",
        item: entity.reference,
        field: "paymentAccounts",
        label: `${entity.legalName}: a payment account`,
        isDone: draft.paymentAccounts.some((account) => account.entity === entity.reference),
        isRecommended: true,
      });
    }
  });
  const weight = (item: CompletenessItem): number => (item.level === "required" ? 3 : 1);
  const all = items.reduce((sum, item) => sum + weight(item), 0);
  const done = items.filter((item) => item.isDone).reduce((sum, item) => sum + weight(item), 0);
  return {
    // Only what is really complete reads 100.
    score: done === all ? 100 : Math.min(99, Math.floor((100 * done) / all)),
    isReady: items.every((item) => item.isDone || item.level === "recommended"),
    missing: items.filter((item) => !item.isDone).map(({ isDone: _isDone, ...item }) => item),
  };
}
