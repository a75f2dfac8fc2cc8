import { z } from "zod";
import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { type DraftRecord, StartOnboardingSchema } from "@/server/domain/partners/schema-onboarding";
import {
  approveDraft,
  cancelDraft,
  getDraft,
  getOnboardingChoices,
  rejectDraft,
  saveDraftSection,
  startOnboarding,
  submitDraft,
} from "@/server/domain/partners/service";
import { defineEndpoint, type Endpoint } from "../endpoint";
import { claiming, idUnder, together } from "../idempotency";
import { type DraftPatch, DraftPatchSchema, ReasonSchema, sectionsOf, VersionSchema } from "./partner-bodies";
import { pointingAtMissing, pointingInto } from "./partner-pointers";
import { PublicDraftSchema, toPublicDraft } from "./partner-shapes";
import { partnerParams } from "./partners";

/* The way of a Partner to Klarna, by the acquirer's systems: the same draft and rules as on the screens. */

const tag = "Onboarding";
const access = "acquirer_key";
const scope = "partners:write";
const draftAnswer = { description: "The draft", schema: PublicDraftSchema };

const readDraft = async (ctx: ServiceContext, id: string) => toPublicDraft(await getDraft(ctx, id));

/** All sections of a patch or none of them. Errors: those of `saveDraftSection`, with pointers into the body. */
async function saveSections(ctx: ServiceContext, id: string, patch: DraftPatch) {
  const sections = sectionsOf(patch);
  if (sections.length === 0)
    throw new AppError("validation_failed", { errors: [{ pointer: "", detail: "names nothing to change" }] });
  return together(ctx, async (inner) => {
    let draft: DraftRecord | null = null;
    for (const section of sections) {
      try {
        draft = await saveDraftSection(inner, id, { ...section, version: draft?.version ?? patch.version });
      } catch (error) {
        throw pointingInto(section.section, error);
      }
    }
    return toPublicDraft(draft ?? (await getDraft(inner, id)));
  });
}

/** A step that needs a complete draft: what it lacks is told by pointers. */
async function complete(ctx: ServiceContext, id: string, step: (ctx: ServiceContext) => Promise<DraftRecord>) {
  try {
    return await claiming(ctx, id, async (inner) => toPublicDraft(await step(inner)));
  } catch (error) {
    throw error instanceof AppError && error.code === "rule_broken"
      ? pointingAtMissing(error, await getDraft(ctx, id))
      : error;
  }
}

export const partnerDraftEndpoints: readonly Endpoint[] = [
  defineEndpoint({
    method: "POST",
    path: "/api/v1/partners",
    operation: "createPartner",
    summary: "Begin the onboarding of a new Partner",
    description:
      "Makes the Partner and an empty draft in the key's mode. Nothing reaches Klarna before the draft is approved.",
    tag,
    access,
    scope,
    body: StartOnboardingSchema,
    responses: { 201: draftAnswer },
    errors: ["reference_taken"],
    handle: ({ ctx, body }) =>
      claiming(ctx, idUnder("partnerId"), async (inner) => {
        const { partnerId } = await startOnboarding(inner, body);
        return readDraft(inner, partnerId);
      }),
    answer: (draft) => ({ status: 201, json: draft }),
    reread: readDraft,
  }),
  defineEndpoint({
    method: "POST",
    path: "/api/v1/partners/{id}/draft",
    operation: "createLiveDraft",
    summary: "Begin a live draft for a Partner of test mode",
    description:
      "With a live key. `copy` takes contact, business entities, brands, store groups, stores and terminals from test mode; payment profile and payment accounts are chosen anew.",
    tag,
    access,
    scope,
    params: partnerParams,
    body: z.strictObject({ copy: z.boolean().default(false) }),
    responses: { 201: draftAnswer },
    errors: ["state_conflict"],
    handle: ({ ctx, params: { id }, body }) => {
      // What is live never flows into test mode by a key.
      if (ctx.scope.mode !== "live") throw new AppError("not_found");
      return claiming(ctx, id, async (inner) => {
        await startOnboarding(inner, { partnerId: id, isCopy: body.copy });
        return readDraft(inner, id);
      });
    },
    answer: (draft) => ({ status: 201, json: draft }),
    reread: readDraft,
  }),
  defineEndpoint({
    method: "GET",
    path: "/api/v1/partners/{id}/draft",
    operation: "getDraft",
    summary: "Read a draft",
    description:
      "With its completeness: what is missing and which of Klarna's requirements asks for it. Of payout data only a hint is told. After the onboarding it stays readable.",
    tag,
    access,
    scope,
    params: partnerParams,
    responses: { 200: draftAnswer },
    handle: ({ ctx, params: { id } }) => readDraft(ctx, id),
    answer: (draft) => ({ status: 200, json: draft }),
  }),
  defineEndpoint({
    method: "PATCH",
    path: "/api/v1/partners/{id}/draft",
    operation: "updateDraft",
    summary: "Fill a draft",
    description:
      "Each section that is named is saved as a whole: what its list lacks is taken away. All of them are saved or none. Stores and terminals are rows of their own: see stores and imports.",
    tag,
    access,
    scope,
    params: partnerParams,
    body: DraftPatchSchema,
    responses: { 200: draftAnswer },
    errors: ["state_conflict", "rule_broken", "reference_taken"],
    handle: ({ ctx, params: { id }, body }) => saveSections(ctx, id, body),
    answer: (draft) => ({ status: 200, json: draft }),
  }),
  defineEndpoint({
    method: "POST",
    path: "/api/v1/partners/{id}/draft/submit",
    operation: "submitDraft",
    summary: "Hand a complete draft in for approval",
    tag,
    access,
    scope,
    params: partnerParams,
    body: VersionSchema,
    responses: { 200: draftAnswer },
    errors: ["state_conflict", "rule_broken"],
    handle: ({ ctx, params: { id }, body }) => complete(ctx, id, (inner) => submitDraft(inner, id, body.version)),
    answer: (draft) => ({ status: 200, json: draft }),
    reread: readDraft,
  }),
  defineEndpoint({
    method: "POST",
    path: "/api/v1/partners/{id}/draft/approve",
    operation: "approveDraft",
    summary: "Approve a complete draft and send it to Klarna",
    description:
      "One call at Klarna makes the account with everything in it. `refused` names in `problems` what to correct; correct it and approve again. `partner.operational` tells when payments may start.",
    tag,
    access,
    scope,
    params: partnerParams,
    body: VersionSchema,
    responses: {
      200: { description: "The draft with Klarna's answer", schema: PublicDraftSchema },
      202: { description: "Klarna has not answered yet: the same call is repeated", schema: PublicDraftSchema },
    },
    errors: ["state_conflict", "rule_broken"],
    handle: ({ ctx, params: { id }, body }) => complete(ctx, id, (inner) => approveDraft(inner, id, body.version)),
    answer: (draft) => ({ status: draft.status === "onboarding" ? 202 : 200, json: draft }),
    reread: readDraft,
  }),
  defineEndpoint({
    method: "POST",
    path: "/api/v1/partners/{id}/draft/reject",
    operation: "rejectDraft",
    summary: "Send a submitted draft back",
    tag,
    access,
    scope,
    params: partnerParams,
    body: ReasonSchema,
    responses: { 200: draftAnswer },
    errors: ["state_conflict"],
    handle: ({ ctx, params: { id }, body }) =>
      claiming(ctx, id, async (inner) => toPublicDraft(await rejectDraft(inner, id, body.reason))),
    answer: (draft) => ({ status: 200, json: draft }),
    reread: readDraft,
  }),
  defineEndpoint({
    method: "POST",
    path: "/api/v1/partners/{id}/draft/cancel",
    operation: "cancelDraft",
    summary: "End a draft for good",
    description: "A Partner that has nothing else is closed.",
    tag,
    access,
    scope,
    params: partnerParams,
    responses: { 200: draftAnswer },
    errors: ["state_conflict"],
    handle: ({ ctx, params: { id } }) =>
      claiming(ctx, id, async (inner) => {
        await cancelDraft(inner, id);
        return readDraft(inner, id);
      }),
    answer: (draft) => ({ status: 200, json: draft }),
    reread: readDraft,
  }),
  defineEndpoint({
    method: "GET",
    path: "/api/v1/onboarding-choices",
    operation: "getOnboardingChoices",
    summary: "Read what a draft can choose from at Klarna",
    description: "Payment profiles and acquiring accounts that Klarna provisioned for the acquirer.",
    tag,
    access,
    scope,
    responses: {
      200: {
        description: "The choices",
        schema: z.object({
          payment_profiles: z.array(z.object({ id: z.string(), name: z.string().nullable() })),
          acquiring_accounts: z.array(z.object({ id: z.string(), name: z.string().nullable() })),
          /** False when Klarna could not be asked: what was known last. */
          is_fresh: z.boolean(),
        }),
      },
    },
    handle: ({ ctx }) => getOnboardingChoices(ctx),
    answer: (choices) => ({
      status: 200,
      json: {
        payment_profiles: choices.paymentProfiles.map((one) => ({
          id: one.payment_profile_id,
          name: one.name ?? null,
        })),
        acquiring_accounts: choices.acquiringAccounts.map((one) => ({
          id: one.payment_acquiring_account_id,
          name: one.acquiring_entity_name ?? null,
        })),
        is_fresh: choices.isFresh,
      },
    }),
  }),
];
