import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { QR_MARGIN_MIN, type QrLook, qrMatrix, qrProblem } from "@/server/core/qr";
import type { Row } from "@/server/db/client";
import { StoredSettingsSchema, type TerminalSettings } from "@/server/domain/partners/schema-settings";
import {
  inheritSettings,
  type LogoPicture,
  readBrandLogo,
  STORED_LOGO_PERCENT,
} from "@/server/domain/partners/service";
import { type Address, StoredAddressSchema } from "@/server/domain/stores/schema";
import { TENANT, tenantValues } from "./repository";

/** What a payment's terminal, store and Partner say about its screens and papers. */
export type Surroundings = {
  settings: Required<TerminalSettings>;
  /** Of the store, else of the Partner. */
  country: string;
  region: string | null;
  storeName: string | null;
  storeAddress: Address | null;
  terminalReference: string | null;
  terminalLabel: string | null;
  brandName: string | null;
  logoUrl: string | null;
};

type Found = Row & {
  partner: unknown;
  store: unknown;
  terminal: unknown;
  country: string;
  region: string | null;
  storeName: string | null;
  storeAddress: unknown;
  terminalReference: string | null;
  terminalLabel: string | null;
  brandName: string | null;
  logoUrl: string | null;
};

/**
 * Of the sale; with the id of a return, of the place where that was taken. Errors: permission_denied, payment_not_found.
 */
export async function getSurroundings(
  ctx: ServiceContext,
  paymentId: string,
  refundId: string | null = null,
): Promise<Surroundings> {
  requirePermission(ctx, "payments:read");
  const [row] = await ctx.db.query<Found>({
    name: "payment_surroundings",
    text: `select a.settings as partner, s.settings as store, t.settings as terminal, coalesce(s.country, s.address->>'country', r.country) as country,
        s.address->>'region' as region, s.name as "storeName", s.address as "storeAddress", t.reference as "terminalReference",
        t.label as "terminalLabel", b.name as "brandName", b.logo_url as "logoUrl"
      from payments p join partner_accounts a on a.partner_id = p.partner_id and a.mode = p.mode join partners r on r.id = p.partner_id
      left join refunds f on f.partner_id = p.partner_id and f.mode = p.mode and f.payment_id = p.id and f.id = $4
      left join stores s on s.partner_id = p.partner_id and s.mode = p.mode and s.id = coalesce(f.store_id, p.store_id)
      left join terminals t on t.partner_id = p.partner_id and t.mode = p.mode
        and t.id = case when f.store_id is null then p.terminal_id else f.terminal_id end
      left join store_groups g on g.partner_id = s.partner_id and g.mode = s.mode and g.id = s.store_group_id
      left join brands b on b.partner_id = g.partner_id and b.mode = g.mode and b.id = g.brand_id
      where ${TENANT} and p.id = $3`,
    values: [...tenantValues(ctx.scope), paymentId, refundId],
  });
  if (!row) throw new AppError("payment_not_found");
  const read = (settings: unknown): TerminalSettings => StoredSettingsSchema.parse(settings ?? {});
  return {
    settings: inheritSettings({ partner: read(row.partner), store: read(row.store), terminal: read(row.terminal) })
      .values,
    country: row.country,
    region: row.region,
    storeName: row.storeName,
    storeAddress: StoredAddressSchema.parse(row.storeAddress),
    terminalReference: row.terminalReference,
    terminalLabel: row.terminalLabel,
    brandName: row.brandName,
    logoUrl: row.logoUrl,
  };
}

/** A look without its size: that is the picture's or the screen's own matter. */
export type CodeLook = Omit<QrLook, "size">;
const PLAIN: CodeLook = { margin: QR_MARGIN_MIN, dark: "#000000", light: "#ffffff", ecc: "M", logo: null };

/** How the terminal's codes look: as it is set, or plain where what is set could not be scanned. */
export function storedLook(settings: Required<TerminalSettings>, text: string): CodeLook {
  const look: CodeLook = {
    margin: Math.max(QR_MARGIN_MIN, settings.qr_margin),
    dark: settings.qr_dark,
    light: settings.qr_light,
    ecc: settings.qr_error_correction,
    logo: settings.qr_logo === "brand" ? STORED_LOGO_PERCENT : null,
  };
  const problem = qrProblem({ ...look, size: 1_200 }, qrMatrix(text, look.ecc).size);
  return problem === null ? look : PLAIN;
}

/** The brand's logo for a look that wants one; null where there is none. */
export function logoFor(
  ctx: ServiceContext,
  look: Pick<CodeLook, "logo">,
  from: Pick<Surroundings, "logoUrl">,
): Promise<LogoPicture | null> {
  return look.logo === null ? Promise.resolve(null) : readBrandLogo(ctx, from.logoUrl);
}
