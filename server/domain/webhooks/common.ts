import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { decodeCursor } from "@/server/core/pagination";
import type { PageRequest } from "./repository";

/* What the use cases of this module share. */

export type PageInput = { limit: number; cursor?: string | null };

export const noEndpoint = (): AppError => new AppError("not_found", { detail: "There is no such webhook endpoint." });
export const noDelivery = (): AppError => new AppError("not_found", { detail: "There is no such webhook delivery." });
export const noEvent = (): AppError => new AppError("not_found", { detail: "There is no such event." });

export const pageOf = (page: PageInput): PageRequest => ({
  limit: page.limit,
  cursor: page.cursor ? decodeCursor(page.cursor) : null,
});

/** Whether the reader is told no more than that nothing answered: those who see only some Partners. */
export const isCoarse = (ctx: ServiceContext): boolean => ctx.scope.partners !== "all";

/** The Partner that something is for: the only one of the scope, or the one that was named. */
export function partnerOf(ctx: ServiceContext, partnerId: string | undefined): string {
  const { partners } = ctx.scope;
  if (partners !== "all" && partnerId === undefined && partners.length === 1 && partners[0]) return partners[0];
  if (partnerId === undefined)
    throw new AppError("validation_failed", { errors: [{ pointer: "/partner", detail: "name the Partner" }] });
  if (partners !== "all" && !partners.includes(partnerId)) throw new AppError("not_found");
  return partnerId;
}
