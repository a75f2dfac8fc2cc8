import "server-only";
import { partnerOptions } from "@/app/(dashboard)/partner-options";
import type { SelectOption } from "@/components/ui/select";
import { actorCan } from "@/server/auth/permissions";
import type { ServiceContext } from "@/server/context";

/** Whose payments a file may name. Who may not see Partners knows their own by the id. */
export async function ownPartners(ctx: ServiceContext): Promise<readonly SelectOption[]> {
  if (actorCan(ctx.actor, "partners:read")) return partnerOptions(ctx);
  return ctx.scope.partners === "all" ? [] : ctx.scope.partners.map((id) => ({ value: id, label: id }));
}
