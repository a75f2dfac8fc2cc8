"use server";

import type { Route } from "next";
import { headers } from "next/headers";
import { redirect } from "next/navigation";
import { formText } from "@/server/auth/action-input";
import { addressGroup, clientAddress } from "@/server/auth/client-address";
import { requireOwnOrigin, webServices } from "@/server/auth/web";
import { isAppError } from "@/server/core/errors";
import { findPairedDevice, leaveDevice, pairDevice } from "@/server/domain/terminals/service";
import { currentDevice, deviceToken, homeOf, setDeviceToken } from "./device-session";
import { pairingLimits } from "./limits";

export type PairState = { message: string | null };

const TOO_MANY = "Too many tries. Wait ten minutes, then ask for a new code.";

/** The form of the device: the code that somebody made on the terminal's page. It lands where it belongs. */
export async function pairAction(_before: PairState, form: unknown): Promise<PairState> {
  let home = "/pair";
  try {
    await requireOwnOrigin();
    const sent = await headers();
    const address = clientAddress(sent);
    const limits = pairingLimits();
    for (const verdict of [await limits.address.consume(addressGroup(address)), await limits.all.consume("all")])
      if (!verdict.isAllowed) return { message: TOO_MANY };
    const { token } = await pairDevice(webServices(), {
      code: formText(form, "code", 40),
      address,
      userAgent: sent.get("user-agent"),
    });
    const before = await deviceToken();
    if (before !== null) await leaveDevice(webServices(), before);
    await setDeviceToken(token);
    const device = await findPairedDevice(webServices(), token);
    if (device !== null) home = homeOf(device);
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { message: error.detail };
  }
  redirect(home as Route);
}

/** Lets this browser go, by itself. */
export async function unpairAction(): Promise<void> {
  await requireOwnOrigin();
  const token = await deviceToken();
  if (token !== null) await leaveDevice(webServices(), token);
  await setDeviceToken(null);
  redirect("/pair" as Route);
}

/** A sign of life of the device; false once it was let go. */
export async function beatAction(): Promise<boolean> {
  await requireOwnOrigin();
  return (await currentDevice()) !== null;
}
