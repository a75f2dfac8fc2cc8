import type { ServiceContext } from "@/server/context";
import { listPartnerChoices } from "@/server/domain/partners/service";

export type PartnerOption = { value: string; label: string };

/** The Partners that something new can be for; a form asks only where there are several. */
export async function partnerOptions(ctx: ServiceContext): Promise<PartnerOption[]> {
  const choices = await listPartnerChoices(ctx);
  return choices.map((partner) => ({ value: partner.id, label: partner.name }));
}
