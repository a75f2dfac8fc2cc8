"use server";

import { revalidatePath } from "next/cache";
import { headers } from "next/headers";
import { z } from "zod";
import type { ActionResult } from "@/components/action-result";
import { readInput } from "@/server/auth/action-input";
import { clientAddress } from "@/server/auth/client-address";
import type { Permission } from "@/server/auth/permissions";
import { actionContext, failureOf } from "@/server/auth/web";
import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import { emailSchema, lineSchema, nameSchema } from "@/server/core/schema";
import { ClassicCredentialSchema } from "@/server/domain/classic/schema";
import { removeClassicCredential, saveClassicCredential } from "@/server/domain/classic/service";
import {
  BrandInputSchema,
  ContactSchema,
  EntityInputSchema,
  PaymentAccountInputSchema,
  StoreGroupInputSchema,
} from "@/server/domain/partners/schema-account";
import { StartOnboardingSchema } from "@/server/domain/partners/schema-onboarding";
import {
  addPaymentAccount,
  approveDraft,
  cancelDraft,
  changeAccount,
  checkDrift,
  handleDecision,
  type LifecycleResult,
  listDrift,
  offboardPartner,
  refreshAccount,
  rejectDraft,
  resolveDrift,
  resumePartner,
  saveBrand,
  saveBusinessEntityOrAsk,
  saveStoreGroup,
  saveTerminalSettings,
  setArchived,
  setPartnerMayEdit,
  startOnboarding,
  submitDraft,
  suspendPartner,
} from "@/server/domain/partners/service";
import { invitePerson } from "@/server/domain/people/service";
import { mergeSettings, SettingsChangeSchema } from "@/server/domain/stores/schema";

const PartnerIdSchema = idSchema("partner");
const FindingIdSchema = idSchema("driftFinding");
const DecisionIdSchema = idSchema("complianceDecision");
const VersionSchema = z.int().min(1);
const ReasonSchema = z.string().trim().pipe(lineSchema(3, 500));
const HowSchema = z.enum(["push", "take"]);
const InviteSchema = z.strictObject({
  name: z.string().trim().pipe(nameSchema),
  email: z.string().trim().toLowerCase().pipe(emailSchema),
});
const AccountSchema = z.strictObject({ accountName: nameSchema.nullable(), contact: ContactSchema.nullable() });
const ArchiveSchema = z.strictObject({ kind: z.enum(["brand", "store_group"]), id: z.string().max(40) });
const ALL_FINDINGS = 100;

function readId(schema: z.ZodType<string>, value: unknown): string {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new AppError("not_found");
  return parsed.data;
}

/** What each action about one Partner does alike: who may, which Partner, what the screens read anew, what went wrong. */
async function about<T = undefined>(
  permission: Permission,
  partner: unknown,
  work: (ctx: ServiceContext, partnerId: string) => Promise<ActionResult<T>>,
): Promise<ActionResult<T>> {
  try {
    const ctx = await actionContext(permission);
    const partnerId = readId(PartnerIdSchema, partner);
    const result = await work(ctx, partnerId);
    revalidatePath("/partners", "layout");
    return result;
  } catch (error) {
    return failureOf(error);
  }
}

const done = (message?: string): ActionResult => ({ ok: true, ...(message === undefined ? {} : { message }) });

// --- Onboarding -----------------------------------------------------------------------------------------------------

export async function startOnboardingAction(input: unknown): Promise<ActionResult<{ partnerId: string }>> {
  try {
    const ctx = await actionContext("partners:write");
    const { partnerId } = await startOnboarding(ctx, readInput(StartOnboardingSchema, input));
    revalidatePath("/partners", "layout");
    return { ok: true, data: { partnerId } };
  } catch (error) {
    return failureOf(error);
  }
}

/** A draft in this mode of a Partner that has an account in the other one, with what does not depend on the mode. */
export async function copyOnboardingAction(partner: unknown): Promise<ActionResult<{ partnerId: string }>> {
  return about<{ partnerId: string }>("partners:write", partner, async (ctx, partnerId) => {
    await startOnboarding(ctx, { partnerId, isCopy: true });
    return { ok: true, data: { partnerId } };
  });
}

export async function submitDraftAction(partner: unknown, version: unknown): Promise<ActionResult> {
  return about("partners:draft", partner, async (ctx, partnerId) => {
    await submitDraft(ctx, partnerId, readInput(VersionSchema, version), clientAddress(await headers()));
    return done("Handed in. The acquirer looks at it now.");
  });
}

export async function approveDraftAction(partner: unknown, version: unknown): Promise<ActionResult> {
  return about("partners:write", partner, async (ctx, partnerId) => {
    const draft = await approveDraft(ctx, partnerId, readInput(VersionSchema, version), clientAddress(await headers()));
    if (draft.state === "REFUSED") return done("Klarna refused some fields. They are marked.");
    return done(draft.state === "ONBOARDING" ? "Sent. Klarna has not answered yet." : "Klarna has taken the account.");
  });
}

export async function rejectDraftAction(partner: unknown, reason: unknown): Promise<ActionResult> {
  return about("partners:write", partner, async (ctx, partnerId) => {
    await rejectDraft(ctx, partnerId, readInput(ReasonSchema, reason));
    return done("Sent back");
  });
}

export async function cancelDraftAction(partner: unknown): Promise<ActionResult> {
  return about("partners:write", partner, async (ctx, partnerId) => {
    await cancelDraft(ctx, partnerId);
    return done("Onboarding canceled");
  });
}

export async function setPartnerMayEditAction(partner: unknown, mayEdit: unknown): Promise<ActionResult> {
  return about("partners:write", partner, async (ctx, partnerId) => {
    const isAllowed = readInput(z.boolean(), mayEdit);
    await setPartnerMayEdit(ctx, partnerId, isAllowed);
    return done(isAllowed ? "The Partner's people may fill the draft" : "Only the acquirer fills the draft now");
  });
}

/** Invites a Partner admin; where the acquirer does so, they may fill the draft. */
export async function invitePartnerAdminAction(partner: unknown, input: unknown): Promise<ActionResult> {
  return about("users:write", partner, async (ctx, partnerId) => {
    const { name, email } = readInput(InviteSchema, input);
    await invitePerson(ctx, { name, email, role: "PARTNER_ADMIN", partners: [partnerId] });
    if (ctx.scope.partners === "all") await setPartnerMayEdit(ctx, partnerId, true);
    return done(`${name} is invited and may fill the draft`);
  });
}

// --- Records --------------------------------------------------------------------------------------------------------

export async function saveAccountAction(partner: unknown, input: unknown): Promise<ActionResult> {
  return about("partners:write", partner, async (ctx, partnerId) => {
    const { accountName, contact } = readInput(AccountSchema, input);
    await changeAccount(ctx, partnerId, { accountName, ...(contact === null ? {} : { contact }) });
    return done("Saved. Klarna is told.");
  });
}

const versionOf = (version: unknown): number | undefined =>
  version === null || version === undefined ? undefined : readInput(VersionSchema, version);

export async function saveEntityAction(partner: unknown, input: unknown, version: unknown): Promise<ActionResult> {
  return about("partners:write", partner, async (ctx, partnerId) => {
    const outcome = await saveBusinessEntityOrAsk(
      ctx,
      partnerId,
      readInput(EntityInputSchema, input),
      versionOf(version),
    );
    if (outcome.kind === "approval")
      return done("Nothing is changed yet: new payout data needs a second person, who finds it under Approvals.");
    return done("Saved. Klarna is told.");
  });
}

export async function saveBrandAction(partner: unknown, input: unknown, version: unknown): Promise<ActionResult> {
  return about("stores:write", partner, async (ctx, partnerId) => {
    await saveBrand(ctx, partnerId, readInput(BrandInputSchema, input), versionOf(version));
    return done("Saved. Klarna is told.");
  });
}

export async function saveStoreGroupAction(partner: unknown, input: unknown, version: unknown): Promise<ActionResult> {
  return about("stores:write", partner, async (ctx, partnerId) => {
    await saveStoreGroup(ctx, partnerId, readInput(StoreGroupInputSchema, input), versionOf(version));
    return done("Saved. Klarna is told.");
  });
}

export async function setArchivedAction(
  partner: unknown,
  subject: unknown,
  isArchived: unknown,
): Promise<ActionResult> {
  return about("stores:write", partner, async (ctx, partnerId) => {
    const isGone = readInput(z.boolean(), isArchived);
    await setArchived(ctx, partnerId, readInput(ArchiveSchema, subject), isGone);
    return done(isGone ? "Archived" : "In use again");
  });
}

export async function addPaymentAccountAction(partner: unknown, input: unknown): Promise<ActionResult> {
  return about("partners:write", partner, async (ctx, partnerId) => {
    await addPaymentAccount(ctx, partnerId, readInput(PaymentAccountInputSchema, input));
    return done("Added. Klarna is told.");
  });
}

/** What is left null is the product's own default. */
export async function savePartnerSettingsAction(
  partner: unknown,
  _version: unknown,
  input: unknown,
): Promise<ActionResult> {
  return about("terminals:write", partner, async (ctx, partnerId) => {
    await saveTerminalSettings(ctx, partnerId, mergeSettings({}, readInput(SettingsChangeSchema, input)));
    return done("Saved. It counts from the next payment.");
  });
}

// --- Classic in-store sessions --------------------------------------------------------------------------------------

/** The Partner's own user and password at Klarna. Without a password the stored one stays. */
export async function saveClassicCredentialAction(partner: unknown, input: unknown): Promise<ActionResult> {
  return about("credentials:write", partner, async (ctx, partnerId) => {
    await saveClassicCredential(ctx, partnerId, readInput(ClassicCredentialSchema, input));
    return done("Saved. They count from the next call.");
  });
}

export async function removeClassicCredentialAction(partner: unknown): Promise<ActionResult> {
  return about("credentials:write", partner, async (ctx, partnerId) => {
    await removeClassicCredential(ctx, partnerId);
    return done("Removed.");
  });
}

// --- Lifecycle ------------------------------------------------------------------------------------------------------

function klarnaWords(result: LifecycleResult, confirmed: string, waiting: string): string {
  if (result.products.length === 0) return confirmed;
  return result.products.every((product) => product.isConfirmed) ? confirmed : waiting;
}

export async function suspendPartnerAction(partner: unknown, reason: unknown): Promise<ActionResult> {
  return about("partners:suspend", partner, async (ctx, partnerId) => {
    const result = await suspendPartner(ctx, partnerId, readInput(ReasonSchema, reason));
    return done(
      klarnaWords(
        result,
        "Suspended here and at Klarna",
        "Suspended here. Klarna has not confirmed yet: we keep asking.",
      ),
    );
  });
}

export async function resumePartnerAction(partner: unknown): Promise<ActionResult> {
  return about("partners:suspend", partner, async (ctx, partnerId) => {
    const result = await resumePartner(ctx, partnerId);
    return done(
      klarnaWords(result, "Payments can be taken again", "Resumed here. Payments start when Klarna has enabled them."),
    );
  });
}

export async function offboardPartnerAction(partner: unknown, reason: unknown): Promise<ActionResult> {
  return about("partners:suspend", partner, async (ctx, partnerId) => {
    await offboardPartner(ctx, partnerId, readInput(ReasonSchema, reason));
    return done("Closed");
  });
}

export async function refreshAccountAction(partner: unknown): Promise<ActionResult> {
  return about("partners:write", partner, async (ctx, partnerId) => {
    await refreshAccount(ctx, partnerId);
    return done("Read at Klarna just now");
  });
}

export async function handleDecisionAction(id: unknown, action: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("partners:write");
    await handleDecision(ctx, readId(DecisionIdSchema, id), readInput(ReasonSchema, action));
    revalidatePath("/partners", "layout");
    return done("Written down");
  } catch (error) {
    return failureOf(error);
  }
}

// --- In step with Klarna --------------------------------------------------------------------------------------------

export async function checkDriftAction(partner: unknown): Promise<ActionResult> {
  return about("drift:repair", partner, async (ctx, partnerId) => {
    await checkDrift(ctx, partnerId);
    const { total } = await listDrift(ctx, { partner: partnerId, state: ["OPEN"] }, { limit: 1 });
    if (total === 0) return done("Klarna and we hold the same");
    return done(total === 1 ? "1 field differs" : `${total} fields differ`);
  });
}

export async function resolveDriftAction(id: unknown, how: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("drift:repair");
    const way = readInput(HowSchema, how);
    await resolveDrift(ctx, readId(FindingIdSchema, id), way);
    revalidatePath("/partners", "layout");
    return done(way === "push" ? "Klarna is told ours" : "Ours follows Klarna's");
  } catch (error) {
    return failureOf(error);
  }
}

/** The first hundred of what is open, one way; what cannot go that way stays. */
export async function resolveAllDriftAction(partner: unknown, how: unknown): Promise<ActionResult> {
  return about("drift:repair", partner, async (ctx, partnerId) => {
    const way = readInput(HowSchema, how);
    const { items } = await listDrift(ctx, { partner: partnerId, state: ["OPEN"] }, { limit: ALL_FINDINGS });
    let count = 0;
    for (const finding of items) {
      if (way === "push" ? !finding.canPush : !finding.canTake) continue;
      await resolveDrift(ctx, finding.id, way);
      count += 1;
    }
    const words = count === 1 ? "1 difference" : `${count} differences`;
    return done(way === "push" ? `${words} sent to Klarna` : `${words} taken over`);
  });
}
