import { type FilterDef, readChoices, readText, type TableState } from "@/components/data-table/table-state";
import type { DeliveryRecord } from "@/server/domain/webhooks/schema";
import type { PartnerOption } from "../partner-options";

export type EventTypeName = DeliveryRecord["event"]["type"];

export type WebhookChoices = {
  /** Whether this person sees more than one Partner. */
  hasPartners: boolean;
  partners: readonly PartnerOption[];
  eventTypes: readonly EventTypeName[];
};

/** Longer lists are not read through: one types an id instead, and an id in the address always counts. */
const LISTED_MAX = 50;

/** The filter on a Partner; none for people who see only one. */
export function partnerFilters({ hasPartners, partners }: WebhookChoices): FilterDef[] {
  if (!hasPartners) return [];
  return partners.length > 0 && partners.length < LISTED_MAX
    ? [{ kind: "enum", id: "partner", label: "Partner", options: partners, isSingle: true }]
    : [{ kind: "text", id: "partner", label: "Partner", placeholder: "ptn_…" }];
}

export function typeFilter({ eventTypes }: WebhookChoices): FilterDef {
  return {
    kind: "enum",
    id: "type",
    label: "Event type",
    options: eventTypes.map((type) => ({ value: type, label: type })),
  };
}

export function readTypes(state: TableState, { eventTypes }: WebhookChoices): EventTypeName[] {
  return readChoices(state, "type", eventTypes);
}

/** Ids are cut to what the server takes; a longer one is nobody's. */
export function readId(state: TableState, id: string): string | undefined {
  return readText(state, id, 40);
}
