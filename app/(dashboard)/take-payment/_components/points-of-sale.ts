import "server-only";
import { actorCan } from "@/server/auth/permissions";
import type { ServiceContext } from "@/server/context";
import { listPartnerChoices } from "@/server/domain/partners/service";
import { currenciesTaken } from "@/server/domain/payments/service";
import type { TerminalItem } from "@/server/domain/terminals/schema";
import { getTerminal, listClassicTerminals, listTerminals } from "@/server/domain/terminals/service";
import type { PointOfSale } from "./take-payment-schema";

const PAGE_ROWS = 100;
const PAGES_MAX = 10;

/** Every terminal in sight that is in use and takes payments in some way, by Partner, store and label. */
export async function pointsOfSale(ctx: ServiceContext): Promise<PointOfSale[]> {
  const terminals: TerminalItem[] = [];
  const classic = await listClassicTerminals(ctx);
  const launchesAt = ({ id, canShowQr }: TerminalItem) => [
    ...(canShowQr ? (["qr"] as const) : []),
    ...(classic.has(id) ? (["short_code"] as const) : []),
  ];
  let cursor: string | null = null;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const found = await listTerminals(ctx, { status: ["ACTIVE"] }, { limit: PAGE_ROWS, cursor });
    terminals.push(...found.items.filter((terminal) => launchesAt(terminal).length > 0));
    cursor = found.nextCursor;
    if (cursor === null) break;
  }
  const taken = currenciesTaken(ctx);
  const currencies = await partnerCurrencies(ctx, terminals);
  return terminals
    .flatMap((terminal) => {
      const currency = currencies.get(terminal.partnerId);
      if (currency === undefined || !taken.includes(currency)) return [];
      return [
        {
          partner: { id: terminal.partnerId, name: terminal.partnerName, currency },
          store: terminal.store,
          terminal: { id: terminal.id, label: terminal.label, reference: terminal.reference },
          launches: launchesAt(terminal),
        },
      ];
    })
    .sort(
      (left, right) =>
        left.partner.name.localeCompare(right.partner.name) ||
        left.store.name.localeCompare(right.store.name) ||
        left.terminal.label.localeCompare(right.terminal.label, "en", { numeric: true }),
    );
}

/** The currency of each Partner: at once where Partners may be read, else from one terminal of each. */
async function partnerCurrencies(
  ctx: ServiceContext,
  terminals: readonly TerminalItem[],
): Promise<Map<string, string>> {
  const known = new Map<string, string>();
  if (actorCan(ctx.actor, "partners:read")) {
    for (const partner of await listPartnerChoices(ctx)) known.set(partner.id, partner.currency);
  }
  const first = new Map(terminals.map((terminal) => [terminal.partnerId, terminal.id]));
  await Promise.all(
    [...first].map(async ([partnerId, terminalId]) => {
      if (!known.has(partnerId)) known.set(partnerId, (await getTerminal(ctx, terminalId)).partnerCurrency);
    }),
  );
  return known;
}
