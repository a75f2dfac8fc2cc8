import "server-only";
import { cookies } from "next/headers";
import { cookieName, cookieOptions } from "@/server/auth/cookies";
import { webServices } from "@/server/auth/web";
import { DAY_MS, SECOND_MS } from "@/server/core/time";
import type { PairedView } from "@/server/domain/terminals/schema";
import { findPairedDevice } from "@/server/domain/terminals/service";

const KEPT_S = (365 * DAY_MS) / SECOND_MS;

/** The token that this browser holds, or null. */
export async function deviceToken(): Promise<string | null> {
  return (await cookies()).get(cookieName(webServices().env, "device"))?.value ?? null;
}

/** The paired device that asks, or null: never paired, or let go. */
export async function currentDevice(): Promise<PairedView | null> {
  const token = await deviceToken();
  return token === null ? null : findPairedDevice(webServices(), token);
}

/** The address of what a paired browser is: the till or the kiosk of its terminal. */
export function homeOf(device: Pick<PairedView, "purpose" | "terminalId">): string {
  return `/${device.purpose === "TILL" ? "till" : "kiosk"}/${device.terminalId}`;
}

/** Keeps the token in this browser; null forgets it. */
export async function setDeviceToken(token: string | null): Promise<void> {
  const { env } = webServices();
  (await cookies()).set({
    name: cookieName(env, "device"),
    value: token ?? "",
    maxAge: token === null ? 0 : KEPT_S,
    ...cookieOptions(env),
  });
}
