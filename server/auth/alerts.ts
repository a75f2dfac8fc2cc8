import type { Services } from "@/server/context";
import type { Transaction } from "@/server/db/client";
import { queueMail } from "@/server/domain/mail/service";
import type { Account } from "./accounts";

type AlertServices = Pick<Services, "env" | "secrets" | "clock">;

/** What a person hears of by mail, because it may not have been them. */
export type Alert =
  | { kind: "sign_in_locked" }
  | { kind: "new_device"; address: string | null; userAgent: string | null }
  | { kind: "password_changed" }
  | { kind: "two_factor_on" }
  | { kind: "two_factor_off" }
  | { kind: "second_step_reset" }
  | { kind: "recovery_code_used"; left: number }
  | { kind: "recovery_codes_made" }
  | { kind: "passkey_added"; name: string }
  | { kind: "passkey_removed"; name: string }
  | { kind: "single_sign_on_joined" };

function wordsOf(alert: Alert): { subject: string; what: string } {
  switch (alert.kind) {
    case "sign_in_locked":
      return {
        subject: "Too many tries to sign in",
        what: "Somebody has tried to sign in to your account too often with a wrong password or code. Signing in is closed for up to 15 minutes.",
      };
    case "new_device":
      return {
        subject: "New sign-in to your account",
        what: `Your account was signed in to from a browser that we have not seen before.\n\nAddress: ${alert.address ?? "unknown"}\nBrowser: ${lineOf(alert.userAgent)}`,
      };
    case "password_changed":
      return {
        subject: "Your password was changed",
        what: "Your password was changed. Everywhere else you are signed out.",
      };
    case "two_factor_on":
      return {
        subject: "An authenticator app was added",
        what: "From now on signing in asks for a code of your authenticator app.",
      };
    case "two_factor_off":
      return {
        subject: "Your authenticator app was removed",
        what: "Codes of your authenticator app no longer count.",
      };
    case "second_step_reset":
      return {
        subject: "Your second step was reset",
        what: "An administrator removed your authenticator app, passkeys and recovery codes, and signed you out everywhere.",
      };
    case "recovery_code_used":
      return {
        subject: "A recovery code was used",
        what: `A recovery code was used to sign in to your account. ${alert.left === 1 ? "One is" : `${alert.left} are`} left.`,
      };
    case "recovery_codes_made":
      return { subject: "New recovery codes", what: "New recovery codes were made. The old ones no longer count." };
    case "passkey_added":
      return { subject: "A passkey was added", what: `The passkey "${alert.name}" was added to your account.` };
    case "passkey_removed":
      return { subject: "A passkey was removed", what: `The passkey "${alert.name}" was removed from your account.` };
    case "single_sign_on_joined":
      return {
        subject: "Single sign-on was used for the first time",
        what: "Your account was signed in to by your company's single sign-on for the first time.",
      };
  }
}

function lineOf(userAgent: string | null): string {
  return (userAgent ?? "unknown").replace(/[^\x20-\x7e]/g, " ").slice(0, 200);
}

/** Tells a person what happened to their account, within the transaction of it. Say `nudge("mails")` after the commit. */
export async function alertPerson(
  tx: Pick<Transaction, "query">,
  services: AlertServices,
  account: Pick<Account, "name" | "email" | "partnerId">,
  alert: Alert,
): Promise<void> {
  const { subject, what } = wordsOf(alert);
  await queueMail(tx, services, {
    kind: alert.kind,
    to: account.email,
    partnerId: account.partnerId,
    subject,
    text: [
      `Hello ${account.name},`,
      what,
      `Time: ${services.clock.now().toISOString().slice(0, 16).replace("T", " ")} UTC`,
      "If this was not you, change your password, look at your sessions and tell your administrator.",
      new URL("/settings/security", services.env.PUBLIC_URL).href,
    ]
      .join("\n\n")
      .concat("\n"),
  });
}
