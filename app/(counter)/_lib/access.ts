import "server-only";
import { currentDevice, homeOf } from "@/app/pair/device-session";
import { can, type Permission } from "@/server/auth/permissions";
import { actorOf } from "@/server/auth/sessions";
import { currentMode, currentSession, requireOwnOrigin, webServices } from "@/server/auth/web";
import { createContext, requirePermission, type ServiceContext } from "@/server/context";
import { AppError, isAppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import type { CounterPlace } from "@/server/domain/terminals/schema";
import { deviceContext, getCounterPlace } from "@/server/domain/terminals/service";
import type { DevicePurpose } from "@/server/domain/terminals/states";

export type CounterEntry = {
  ctx: ServiceContext;
  place: CounterPlace;
  /** Null for somebody who is signed in. */
  device: { id: string; purpose: DevicePurpose } | null;
  mayRefund: boolean;
};
export type CounterRefusal = {
  /** Nobody is known here; the browser is another terminal's or the other kind of device; or no such terminal for them. */
  refusal: "unpaired" | "elsewhere" | "denied";
  /** Where this browser belongs, when it is paired. */
  home: string | null;
};

/**
 * Who stands at this till or kiosk: the browser that is paired with the terminal, else somebody signed in who may take
 * payments there. A terminal that does not exist and one that is none of theirs are answered alike.
 */
export async function counterEntry(terminalId: string, purpose: DevicePurpose): Promise<CounterEntry | CounterRefusal> {
  const services = webServices();
  const device = await currentDevice();
  if (device !== null && device.terminalId === terminalId && device.purpose === purpose) {
    const { deviceId, purpose: _, ...place } = device;
    const ctx = deviceContext(services, device);
    const mayRefund = purpose === "TILL" && device.settings.till_returns;
    return { ctx, place, device: { id: deviceId, purpose }, mayRefund };
  }
  const home = device === null ? null : homeOf(device);
  const session = await currentSession();
  if (session === null) return { refusal: device === null ? "unpaired" : "elsewhere", home };
  if (!can(session.user, "payments:create") || !idSchema("terminal").safeParse(terminalId).success)
    return { refusal: "denied", home };
  const scope = { partners: session.partners, mode: await currentMode() };
  const ctx = createContext(services, { actor: actorOf(session), scope, way: "SCREEN" });
  try {
    const place = await getCounterPlace(ctx, terminalId);
    return {
      ctx: { ...ctx, scope: { ...scope, terminal: terminalId } },
      place,
      device: null,
      mayRefund: purpose === "TILL" && can(session.user, "payments:refund"),
    };
  } catch (error) {
    if (isAppError(error) && error.status === 404) return { refusal: "denied", home };
    throw error;
  }
}

/**
 * First line of every server action of the counter: the request comes from our own pages, and who asks stands at this
 * terminal and may do this. Errors: origin_refused, session_required, terminal_not_found, permission_denied.
 */
export async function counterAction(
  terminalId: string,
  purpose: DevicePurpose,
  permission: Permission,
): Promise<CounterEntry> {
  await requireOwnOrigin();
  const entry = await counterEntry(terminalId, purpose);
  if ("refusal" in entry) throw new AppError(entry.refusal === "unpaired" ? "session_required" : "terminal_not_found");
  requirePermission(entry.ctx, permission);
  return entry;
}
