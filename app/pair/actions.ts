"use server";

import type { Route } from "next";
import { headers } from "next/headers";
import { redirect } from "next/navigation";
import { formText } from "@/server/auth/action-input";
import { addressGroup, clientAddress } from "@/server/auth/client-address";
import { requireOwnOrigin, webServices } from "@/server/auth/web";
import { isAppError } from "@/server/core/errors";
import { codeFamily, findPairedDevice, leaveDevice, pairDevice } from "@/server/domain/terminals/service";
import { currentDevice, deviceToken, homeOf, setDeviceToken } from "./device-session";
import { pairingLimits } from "./limits";

export type PairState = { message: string | null };

const TOO_MANY = "Too many tries. Wait ten minutes, then ask for a new code.";
const TOO_MANY_ALIKE = "Too many tries with codes that begin like this one. Ask for a new code.";

/** The form of the device: the code that somebody made on the terminal's page. It lands where it belongs. */
export async function pairAction(_before: PairState, form: unknown): Promise<PairState> {
  let home = "/pair";
  try {
    await requireOwnOrigin();
    const sent = await headers();
    const address = clientAddress(sent);
    const code = formText(form, "code", 40);
    const limits = pairingLimits();
    const place = addressGroup(address);
    if (!(await limits.address.consume(place)).isAllowed) return { message: TOO_MANY };
    const family = codeFamily(code);
    if (family !== null && !(await limits.family.consume(family)).isAllowed) return { message: TOO_MANY_ALIKE };
    const { token } = await pairDevice(webServices(), { code, address, userAgent: sent.get("user-agent") });
    // Only wrong codes count: a shop sets up many tills from one address.
    await limits.address.giveBack(place);
    if (family !== null) await limits.family.giveBack(family);
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

/** A sign of life of the device. Answers with the time here, in milliseconds; null once it was let go. */
export async function beatAction(): Promise<number | null> {
  await requireOwnOrigin();
  return (await currentDevice()) === null ? null : webServices().clock.now().getTime();
}
