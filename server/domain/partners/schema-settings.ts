import { z } from "zod";
import { LANGUAGES } from "@/server/core/languages";
import { timeZoneSchema } from "@/server/core/schema";

/* Settings that terminals inherit: Partner, store, terminal. */

export const QR_LOGOS = ["none", "brand"] as const;
const colour = z.string().regex(/^#[0-9a-f]{6}$/, "must be a colour such as #0b051d");
export const TerminalSettingsSchema = z.strictObject({
  capture: z.enum(["AUTOMATIC", "MANUAL"]).optional(),
  /** Which of Klarna's interfaces payments go through: the Klarna Network, or classic in-store sessions. */
  rail: z.enum(["NETWORK", "CLASSIC"]).optional(),
  /** Seconds until an unfinished journey is canceled. */
  expires_in: z.int().min(60).max(172_800).optional(),
  receipt_header: z.string().max(400).optional(),
  receipt_footer: z.string().max(400).optional(),
  qr_dark: colour.optional(),
  qr_light: colour.optional(),
  qr_margin: z.int().min(0).max(16).optional(),
  qr_error_correction: z.enum(["L", "M", "Q", "H"]).optional(),
  /** `brand`: the brand's logo in the middle of the code. */
  qr_logo: z.enum(QR_LOGOS).optional(),
  /** Of the customer's screen and of receipts; `auto`: by the store's country and the screen. */
  language: z.enum(["auto", ...LANGUAGES]).optional(),
  /** Of receipts; `auto`: by the store's address. */
  time_zone: z.union([z.literal("auto"), timeZoneSchema]).optional(),
  /** A paired till takes returns, of any sale of the Partner. */
  till_returns: z.boolean().optional(),
  /** The most that a paired till gives back of one sale, minor units; 0 is no limit. */
  till_return_limit: z.int().min(0).max(2_147_483_647).optional(),
  /** What the limit is stated in; `auto`: the Partner's own. A sale in another currency is not given back at a till. */
  till_return_currency: z
    .string()
    .regex(/^(auto|[A-Z]{3})$/, "must be auto or an ISO 4217 currency code")
    .optional(),
  /** A kiosk lets its customer type the amount. */
  kiosk_amount: z.boolean().optional(),
});
export type TerminalSettings = z.infer<typeof TerminalSettingsSchema>;

const READABLE = TerminalSettingsSchema.strip();

/**
 * Settings as rows hold them. What another version wrote is passed over, field by field: a limit stays where something
 * beside it cannot be read, and where the limit itself cannot, this level takes no returns.
 */
export const StoredSettingsSchema = z
  .record(z.string(), z.unknown())
  .catch({})
  .transform((stored): TerminalSettings => {
    const { data, error } = READABLE.safeParse(stored);
    if (data !== undefined) return data;
    const unread = new Set(error.issues.map(({ path }) => path[0]));
    const rest = Object.entries(stored).filter(([key]) => !unread.has(key));
    const isLimitLost = unread.has("till_return_limit") || unread.has("till_return_currency");
    return READABLE.parse({ ...Object.fromEntries(rest), ...(isLimitLost ? { till_returns: false } : {}) });
  });
