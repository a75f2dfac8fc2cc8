import { z } from "zod";
import { pageLimitSchema } from "@/server/core/pagination";
import { lineSchema } from "@/server/core/schema";
import { PartnerFilterSchema } from "@/server/domain/partners/schema";
import {
  BrandInputSchema,
  ContactSchema,
  EntityInputSchema,
  PaymentAccountInputSchema,
  StoreGroupInputSchema,
} from "@/server/domain/partners/schema-account";
import {
  DraftSectionSchema,
  OnboardingFilterSchema,
  StartOnboardingSchema,
} from "@/server/domain/partners/schema-onboarding";
import { TerminalSettingsSchema } from "@/server/domain/partners/schema-settings";
import {
  addPaymentAccount,
  approveDraft,
  cancelDraft,
  changeAccount,
  checkDrift,
  getDraft,
  getOnboardingChoices,
  getPartner,
  handleDecision,
  listComplianceDecisions,
  listDrift,
  listKlarnaChanges,
  listOnboardings,
  listPartnerChoices,
  listPartners,
  listStateChanges,
  offboardPartner,
  refreshAccount,
  rejectDraft,
  resolveDrift,
  resumePartner,
  saveBrand,
  saveBusinessEntity,
  saveDraftSection,
  saveStoreGroup,
  saveTerminalSettings,
  setArchived,
  setPartnerMayEdit,
  startOnboarding,
  submitDraft,
  suspendPartner,
} from "@/server/domain/partners/service";
import { router, withPermission } from "../init";

const reading = withPermission("partners:read");
const drafting = withPermission("partners:draft");
const writing = withPermission("partners:write");
const suspending = withPermission("partners:suspend");
const repairing = withPermission("drift:repair");
const selling = withPermission("stores:write");

const id = z.string().min(1).max(255);
const partner = z.strictObject({ partner: id });
const version = z.int().min(1);
const reason = lineSchema(3, 500);
const page = { limit: pageLimitSchema, cursor: z.string().max(200).nullish() };
const versioned = <S extends z.ZodType>(input: S) =>
  z.strictObject({ partner: id, input, version: version.optional() });

/** The way of a Partner to Klarna; a draft is answered whole by each of them. Errors besides those named: not_found. */
const draftRouter = router({
  list: reading
    .input(z.strictObject({ filter: OnboardingFilterSchema.default({}), ...page }))
    .query(({ ctx, input }) => listOnboardings(ctx, input.filter, input)),
  get: drafting.input(partner).query(({ ctx, input }) => getDraft(ctx, input.partner)),
  /** Payment profiles, acquiring accounts and price plans that Klarna offers. */
  choices: writing.query(({ ctx }) => getOnboardingChoices(ctx)),
  /** Errors: reference_taken, state_conflict. */
  start: writing
    .input(z.union([StartOnboardingSchema, z.strictObject({ partnerId: id, isCopy: z.boolean().optional() })]))
    .mutation(({ ctx, input }) => startOnboarding(ctx, input)),
  /** Errors: state_conflict (version), validation_failed, rule_broken, reference_taken. */
  save: drafting
    .input(z.strictObject({ partner: id, version, section: DraftSectionSchema }))
    .mutation(({ ctx, input }) => saveDraftSection(ctx, input.partner, { ...input.section, version: input.version })),
  invite: writing
    .input(z.strictObject({ partner: id, mayEdit: z.boolean() }))
    .mutation(({ ctx, input }) => setPartnerMayEdit(ctx, input.partner, input.mayEdit)),
  /** Errors: state_conflict, rule_broken (what is missing). */
  submit: drafting
    .input(z.strictObject({ partner: id, version }))
    .mutation(({ ctx, input }) => submitDraft(ctx, input.partner, input.version)),
  /** Sends the account to Klarna. Errors: state_conflict, rule_broken. */
  approve: writing
    .input(z.strictObject({ partner: id, version }))
    .mutation(({ ctx, input }) => approveDraft(ctx, input.partner, input.version)),
  reject: writing
    .input(z.strictObject({ partner: id, reason }))
    .mutation(({ ctx, input }) => rejectDraft(ctx, input.partner, input.reason)),
  cancel: writing.input(partner).mutation(({ ctx, input }) => cancelDraft(ctx, input.partner)),
});

/** What differs between Klarna and us. */
const driftRouter = router({
  list: repairing
    .input(
      z.strictObject({
        partner: id.optional(),
        subject: id.optional(),
        state: z.array(z.enum(["OPEN", "PUSHED", "TAKEN", "GONE"])).optional(),
        ...page,
      }),
    )
    .query(({ ctx, input }) =>
      listDrift(
        ctx,
        {
          ...(input.partner === undefined ? {} : { partner: input.partner }),
          ...(input.subject === undefined ? {} : { subject: input.subject }),
          ...(input.state === undefined ? {} : { state: input.state }),
        },
        input,
      ),
    ),
  /** Errors: state_conflict (not onboarded), klarna_unavailable. */
  check: repairing.input(partner).mutation(({ ctx, input }) => checkDrift(ctx, input.partner)),
  /** Errors: state_conflict, rule_broken. */
  resolve: repairing
    .input(z.strictObject({ id, how: z.enum(["push", "take"]) }))
    .mutation(({ ctx, input }) => resolveDrift(ctx, input.id, input.how)),
});

const decisionsRouter = router({
  list: reading
    .input(z.strictObject({ partner: id.optional(), state: z.array(z.enum(["OPEN", "HANDLED"])).optional(), ...page }))
    .query(({ ctx, input }) =>
      listComplianceDecisions(
        ctx,
        {
          ...(input.partner === undefined ? {} : { partner: input.partner }),
          ...(input.state === undefined ? {} : { state: input.state }),
        },
        input,
      ),
    ),
  handle: writing
    .input(z.strictObject({ id, action: reason }))
    .mutation(({ ctx, input }) => handleDecision(ctx, input.id, input.action)),
});

/** Partners: lists answer `{ items, nextCursor, total }`. */
export const partnersRouter = router({
  list: reading
    .input(z.strictObject({ filter: PartnerFilterSchema.default({}), ...page }))
    .query(({ ctx, input }) => listPartners(ctx, input.filter, input)),

  /** Id and name by name, for pickers. */
  choices: reading
    .input(z.strictObject({ search: z.string().trim().max(255).optional() }).default({}))
    .query(({ ctx, input }) => listPartnerChoices(ctx, input.search || undefined)),

  /** Errors: not_found. */
  get: reading.input(z.strictObject({ id: z.string().max(60) })).query(({ ctx, input }) => getPartner(ctx, input.id)),

  draft: draftRouter,
  drift: driftRouter,
  decisions: decisionsRouter,

  /** History of states, newest first. Errors: not_found. */
  history: reading.input(partner).query(({ ctx, input }) => listStateChanges(ctx, input.partner)),
  /** What Klarna was or is to be told. Errors: not_found. */
  changes: reading
    .input(z.strictObject({ partner: id, subject: id.optional() }))
    .query(({ ctx, input }) =>
      listKlarnaChanges(ctx, input.partner, input.subject === undefined ? {} : { subjectId: input.subject }),
    ),
  /** Reads the account at Klarna now. Errors: not_found, klarna_unavailable. */
  refresh: writing.input(partner).mutation(({ ctx, input }) => refreshAccount(ctx, input.partner)),
  /** Errors: not_found, state_conflict. */
  suspend: suspending
    .input(z.strictObject({ partner: id, reason }))
    .mutation(({ ctx, input }) => suspendPartner(ctx, input.partner, input.reason)),
  resume: suspending.input(partner).mutation(({ ctx, input }) => resumePartner(ctx, input.partner)),
  /** Errors: not_found, state_conflict (Klarna has not confirmed yet). */
  offboard: suspending
    .input(z.strictObject({ partner: id, reason }))
    .mutation(({ ctx, input }) => offboardPartner(ctx, input.partner, input.reason)),

  /** Errors of these: not_found, state_conflict (version, closed), reference_taken, validation_failed, rule_broken. */
  saveAccount: writing
    .input(
      z.strictObject({
        partner: id,
        accountName: lineSchema(1, 99).nullable().optional(),
        contact: ContactSchema.optional(),
      }),
    )
    .mutation(({ ctx, input }) =>
      changeAccount(ctx, input.partner, {
        ...(input.accountName === undefined ? {} : { accountName: input.accountName }),
        ...(input.contact === undefined ? {} : { contact: input.contact }),
      }),
    ),
  saveEntity: writing
    .input(versioned(EntityInputSchema))
    .mutation(({ ctx, input }) => saveBusinessEntity(ctx, input.partner, input.input, input.version)),
  saveBrand: selling
    .input(versioned(BrandInputSchema))
    .mutation(({ ctx, input }) => saveBrand(ctx, input.partner, input.input, input.version)),
  saveStoreGroup: selling
    .input(versioned(StoreGroupInputSchema))
    .mutation(({ ctx, input }) => saveStoreGroup(ctx, input.partner, input.input, input.version)),
  archive: selling
    .input(z.strictObject({ partner: id, kind: z.enum(["brand", "store_group"]), id, isArchived: z.boolean() }))
    .mutation(({ ctx, input }) =>
      setArchived(ctx, input.partner, { kind: input.kind, id: input.id }, input.isArchived),
    ),
  addPaymentAccount: writing
    .input(z.strictObject({ partner: id, input: PaymentAccountInputSchema }))
    .mutation(({ ctx, input }) => addPaymentAccount(ctx, input.partner, input.input)),
  saveTerminalSettings: withPermission("terminals:write")
    .input(z.strictObject({ partner: id, settings: TerminalSettingsSchema }))
    .mutation(({ ctx, input }) => saveTerminalSettings(ctx, input.partner, input.settings)),
});
