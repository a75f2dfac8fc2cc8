import { z } from "zod";
import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import { countrySchema, lineSchema } from "@/server/core/schema";
import { AccountStateSchema, PartnerStateSchema } from "@/server/domain/partners/schema";
import {
  getPartner,
  type LifecycleResult,
  listPartners,
  offboardPartner,
  resumePartner,
  suspendPartner,
} from "@/server/domain/partners/service";
import { ACCOUNT_STATES } from "@/server/domain/partners/states";
import { defineEndpoint, type Endpoint } from "../endpoint";
import { claiming } from "../idempotency";
import { queryList } from "../validation";
import { ReasonSchema } from "./partner-bodies";
import {
  PUBLIC_ACCOUNT_STATES,
  PUBLIC_PARTNER_STATES,
  type PublicPartner,
  PublicPartnerSchema,
  toPublicPartner,
} from "./partner-shapes";
import { listSchema, pageQuery, toList, toPageRequest } from "./shared";

/* Partners for the acquirer's systems: found, stopped, let go on, closed. */

const tag = "Partners";
const access = "acquirer_key";
export const partnerParams = z.strictObject({ id: idSchema("partner") });

/** A Partner that has an account in the key's mode: what is only in the other mode is not there for the key. */
export async function readPartner(ctx: ServiceContext, id: string): Promise<PublicPartner> {
  const { accounts, ...partner } = await getPartner(ctx, id);
  const account = accounts.find((one) => one.mode === ctx.scope.mode);
  if (!account) throw new AppError("not_found");
  return toPublicPartner(ctx.scope.mode, { ...partner, account });
}

type Moved = { partner: PublicPartner; isConfirmed: boolean };

/**
 * A Partner is stopped as a whole, in both modes: with a test key only while it is not live.
 * Errors: not_found, state_conflict, and those of the use case.
 */
async function moving(
  ctx: ServiceContext,
  id: string,
  work: (ctx: ServiceContext) => Promise<LifecycleResult>,
): Promise<Moved> {
  const { accounts } = await getPartner(ctx, id);
  if (!accounts.some((account) => account.mode === ctx.scope.mode)) throw new AppError("not_found");
  const isLive = accounts.some((account) => account.mode === "live" && account.state !== "NOT_ONBOARDED");
  if (ctx.scope.mode === "test" && isLive)
    throw new AppError("state_conflict", {
      detail: "The Partner is live: this stops it there too, and takes a live key.",
    });
  return claiming(ctx, id, async (inner) => {
    const { products } = await work(inner);
    return { partner: await readPartner(inner, id), isConfirmed: products.every((product) => product.isConfirmed) };
  });
}

const reread = async (ctx: ServiceContext, id: string): Promise<Moved> => {
  const partner = await readPartner(ctx, id);
  const isEnabled = partner.account.product_status === "enabled";
  return { partner, isConfirmed: partner.status === "operational" ? isEnabled : !isEnabled };
};
const answer = ({ partner, isConfirmed }: Moved) => ({ status: isConfirmed ? 200 : 202, json: partner });
const responses = {
  200: { description: "The Partner; Klarna has confirmed it", schema: PublicPartnerSchema },
  202: { description: "The Partner; Klarna has not confirmed it yet", schema: PublicPartnerSchema },
};

export const partnerEndpoints: readonly Endpoint[] = [
  defineEndpoint({
    method: "GET",
    path: "/api/v1/partners",
    operation: "listPartners",
    summary: "List Partners, newest first",
    description: "Those that have an account, or a draft of one, in the key's mode.",
    tag,
    access,
    scope: "partners:read",
    query: z.strictObject({
      ...pageQuery,
      search: lineSchema(1, 255)
        .optional()
        .meta({ description: "Part of the name or reference, or a whole id of ours or Klarna's" }),
      country: countrySchema.optional(),
      status: queryList(PUBLIC_PARTNER_STATES).optional(),
      account_status: queryList(PUBLIC_ACCOUNT_STATES).optional(),
    }),
    responses: {
      200: { description: "A page of Partners", schema: listSchema(PublicPartnerSchema).meta({ id: "PartnerList" }) },
    },
    handle: async ({ ctx, query }) => {
      const upper = (word: string) => word.toUpperCase();
      const found = await listPartners(
        ctx,
        {
          ...(query.search === undefined ? {} : { search: query.search }),
          ...(query.country === undefined ? {} : { country: [query.country] }),
          ...(query.status === undefined ? {} : { state: z.array(PartnerStateSchema).parse(query.status.map(upper)) }),
          accountState:
            query.account_status === undefined
              ? [...ACCOUNT_STATES]
              : z.array(AccountStateSchema).parse(query.account_status.map(upper)),
        },
        toPageRequest(query),
      );
      const data = found.items.flatMap(({ account, ...partner }) =>
        account === null ? [] : [toPublicPartner(ctx.scope.mode, { ...partner, account })],
      );
      return { data, hasMore: found.nextCursor !== null, nextCursor: found.nextCursor };
    },
    answer: (page) => ({ status: 200, json: toList(page) }),
  }),
  defineEndpoint({
    method: "GET",
    path: "/api/v1/partners/{id}",
    operation: "getPartner",
    summary: "Read a Partner",
    tag,
    access,
    scope: "partners:read",
    params: partnerParams,
    responses: { 200: { description: "The Partner", schema: PublicPartnerSchema } },
    handle: ({ ctx, params: { id } }) => readPartner(ctx, id),
    answer: (partner) => ({ status: 200, json: partner }),
  }),
  defineEndpoint({
    method: "POST",
    path: "/api/v1/partners/{id}/suspend",
    operation: "suspendPartner",
    summary: "Stop new payments of a Partner",
    description:
      "Refused here from this moment, in both modes, and disabled at Klarna in the same breath. Captures, refunds and disputes of what was paid go on. A Partner that is live is stopped with a live key only.",
    tag,
    access,
    scope: "partners:suspend",
    params: partnerParams,
    body: ReasonSchema,
    responses,
    errors: ["state_conflict"],
    handle: ({ ctx, params: { id }, body }) => moving(ctx, id, (inner) => suspendPartner(inner, id, body.reason)),
    answer,
    reread: (ctx, id) => reread(ctx, id),
  }),
  defineEndpoint({
    method: "POST",
    path: "/api/v1/partners/{id}/resume",
    operation: "resumePartner",
    summary: "Let a suspended Partner take payments again",
    description: "They start when Klarna has enabled the product.",
    tag,
    access,
    scope: "partners:suspend",
    params: partnerParams,
    responses,
    errors: ["state_conflict"],
    handle: ({ ctx, params: { id } }) => moving(ctx, id, (inner) => resumePartner(inner, id)),
    answer,
    reread: (ctx, id) => reread(ctx, id),
  }),
  defineEndpoint({
    method: "POST",
    path: "/api/v1/partners/{id}/offboard",
    operation: "offboardPartner",
    summary: "Close a Partner for good",
    description:
      "Every product is disabled at Klarna first. While Klarna has not confirmed that, the Partner is suspended and the answer is 409: ask again.",
    tag,
    access,
    scope: "partners:suspend",
    params: partnerParams,
    body: ReasonSchema,
    responses,
    errors: ["state_conflict"],
    handle: ({ ctx, params: { id }, body }) => moving(ctx, id, (inner) => offboardPartner(inner, id, body.reason)),
    answer,
    reread: (ctx, id) => reread(ctx, id),
  }),
];
