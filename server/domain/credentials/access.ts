import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { klarnaIdempotencyKey, newId } from "@/server/core/ids";
import { appendAudit } from "@/server/domain/audit/service";
import * as wire from "@/server/klarna/credentials";
import { callOf, requireAnswer } from "./calls";
import * as repository from "./repository";
import type { AccessView, IpListInput } from "./schema";
import { CREDENTIAL_KINDS, IP_MODES } from "./states";

/* Who may call Klarna with the acquirer's credentials: addresses, certificates, and credentials that we do not hold. */

const ipModeOf = (text: string) => IP_MODES.find((mode) => mode === text) ?? null;

/** What Klarna says about who may call, and which credentials it holds that we do not. Errors: permission_denied. */
export async function getAccess(ctx: ServiceContext): Promise<AccessView> {
  requirePermission(ctx, "credentials:read");
  return readAccess(ctx);
}

export async function readAccess(ctx: ServiceContext): Promise<AccessView> {
  const { mode } = ctx.scope;
  const call = callOf(ctx);
  const [rows, note] = await Promise.all([
    repository.findCredentials(ctx.db, mode),
    repository.findAccess(ctx.db, mode),
  ]);
  const hasOwn = rows.some((row) => row.kind === "API_KEY" && row.state === "ACTIVE");
  const ofSettings = mode === "test" ? ctx.env.KLARNA_TEST_API_KEY : ctx.env.KLARNA_LIVE_API_KEY;
  const view: AccessView = {
    mode,
    keySource: hasOwn ? "DATABASE" : ofSettings === undefined ? "NONE" : "SETTINGS",
    isReachable: false,
    ipMode: null,
    ipAddresses: [],
    pendingIp: null,
    mtls: null,
    lastIpStatus: note?.lastIpStatus ?? null,
    lastIpStatusAt: note?.lastIpStatusAt ?? null,
    lastMtlsStatus: note?.lastMtlsStatus ?? null,
    lastMtlsStatusAt: note?.lastMtlsStatusAt ?? null,
    foreign: [],
  };
  if (view.keySource === "NONE") return view;
  const [ipOutcome, mtlsOutcome, ...lists] = await Promise.all([
    wire.readIpList(call),
    wire.readEnforcement(call),
    ...CREDENTIAL_KINDS.map((kind) => wire.listCredentials(call, kind)),
  ]);
  const ip = ipOutcome.kind === "answered" ? wire.IpListSchema.safeParse(ipOutcome.body) : null;
  const mtls = mtlsOutcome.kind === "answered" ? wire.EnforcementSchema.safeParse(mtlsOutcome.body) : null;
  view.isReachable = ipOutcome.kind === "answered" && lists.every((list) => list !== null);
  if (ip?.success) {
    view.ipMode = ipModeOf(ip.data.mode);
    view.ipAddresses = ip.data.allowed_ip_addresses;
    if (ip.data.pending)
      view.pendingIp = { mode: ip.data.pending.mode, addresses: ip.data.pending.allowed_ip_addresses };
  }
  if (mtls?.success) view.mtls = { status: mtls.data.status, from: mtls.data.enforced_from };
  const held = new Set(rows.map((row) => row.klarnaCredentialId));
  view.foreign = CREDENTIAL_KINDS.flatMap((kind, index) =>
    (lists[index] ?? [])
      .filter((one) => !held.has(one.credential_id))
      .map((one) => ({
        kind,
        id: one.credential_id,
        purpose: one.description,
        state: one.state,
        createdAt: one.created_at,
        lastUsedAt: one.last_used_at,
      })),
  );
  if (ip?.success && view.ipMode !== null)
    await repository.noteAccess(
      ctx.db,
      mode,
      { ipMode: view.ipMode, ipAddresses: view.ipAddresses.slice(0, 100), enforcedFrom: view.mtls?.from ?? null },
      ctx.clock.now(),
    );
  return view;
}

/** From which addresses Klarna takes our calls. Errors: permission_denied, state_conflict, klarna_unavailable. */
export async function changeIpList(ctx: ServiceContext, input: IpListInput): Promise<void> {
  requirePermission(ctx, "credentials:write");
  const before = await readAccess(ctx);
  if (input.mode === "ENFORCED" && before.ipMode !== "ENFORCED" && before.lastIpStatus !== "ALLOWED")
    throw new AppError("state_conflict", {
      detail: "Let Klarna report first: enforcing is safe once its answers say that our address is allowed.",
    });
  const outcome = await wire.changeIpList(
    callOf(ctx),
    { mode: input.mode, allowed_ip_addresses: input.addresses },
    klarnaIdempotencyKey(newId("request")),
  );
  requireAnswer(outcome, "change the addresses");
  await ctx.db.transaction((tx) =>
    appendAudit(tx, ctx, {
      action: "klarna_access.addresses_changed",
      subjectKind: "klarna_access",
      subjectId: ctx.scope.mode,
      before: { mode: before.ipMode, count: before.ipAddresses.length },
      after: { mode: input.mode, count: input.addresses.length },
    }),
  );
}

/** From when on Klarna takes calls with our certificate only. Errors: permission_denied, state_conflict, klarna_unavailable. */
export async function enforceCertificate(ctx: ServiceContext, from: Date): Promise<void> {
  requirePermission(ctx, "credentials:write");
  const note = await repository.findAccess(ctx.db, ctx.scope.mode);
  if (note?.lastMtlsStatus !== "VALID")
    throw new AppError("state_conflict", {
      detail: "Klarna has not told yet that our certificate is valid. Take one into use first, and let calls be made.",
    });
  const outcome = await wire.enforceMtls(callOf(ctx), from, klarnaIdempotencyKey(newId("request")));
  requireAnswer(outcome, "enforce the certificate");
  await ctx.db.transaction((tx) =>
    appendAudit(tx, ctx, {
      action: "klarna_access.certificate_enforced",
      subjectKind: "klarna_access",
      subjectId: ctx.scope.mode,
      after: { from: from.toISOString() },
    }),
  );
}
