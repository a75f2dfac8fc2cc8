import { AppError } from "@/server/core/errors";
import { qrColourProblem, qrProblem } from "@/server/core/qr";
import type { TerminalSettings } from "./schema-settings";

/** Width of a brand's logo in the code, in percent, where a look is stored. */
export const STORED_LOGO_PERCENT = 20;
/** Large enough for any margin: how large a code is shown is not a setting. */
const ANY_SIZE = 1_200;
const MODULES = 37;
const FIELDS = {
  dark: "qr_dark",
  light: "qr_dark",
  margin: "qr_margin",
  ecc: "qr_error_correction",
  logo: "qr_logo",
} as const;

/** Errors: rule_broken for a look of the QR code that cameras could not read. */
export function requireReadableQr(
  values: Pick<Required<TerminalSettings>, "qr_dark" | "qr_light" | "qr_margin" | "qr_error_correction" | "qr_logo">,
): void {
  const look = {
    size: ANY_SIZE,
    margin: values.qr_margin,
    dark: values.qr_dark,
    light: values.qr_light,
    ecc: values.qr_error_correction,
    logo: values.qr_logo === "brand" ? STORED_LOGO_PERCENT : null,
  };
  const problem = qrColourProblem(look) ?? qrProblem(look, MODULES);
  if (problem === null || problem.field === "size") return;
  const detail =
    problem.field === "light"
      ? "must be darker than the light colour"
      : problem.field === "dark"
        ? "is too close to the light colour to be scanned"
        : problem.detail;
  throw new AppError("rule_broken", { errors: [{ pointer: `/settings/${FIELDS[problem.field]}`, detail }] });
}
