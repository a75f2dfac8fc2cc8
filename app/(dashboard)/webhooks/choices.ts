import "server-only";
import { actorCan } from "@/server/auth/permissions";
import type { ServiceContext } from "@/server/context";
import { EVENT_TYPES } from "@/server/domain/webhooks/schema";
import { partnerOptions } from "../partner-options";
import type { WebhookChoices } from "./filters";

/** What the filters of these screens offer to this person. */
export async function webhookChoices(ctx: ServiceContext): Promise<WebhookChoices> {
  const hasPartners = ctx.scope.partners === "all" || ctx.scope.partners.length > 1;
  return {
    hasPartners,
    partners: hasPartners && actorCan(ctx.actor, "partners:read") ? await partnerOptions(ctx) : [],
    eventTypes: EVENT_TYPES,
  };
}
