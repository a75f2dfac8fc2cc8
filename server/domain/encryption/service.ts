import type { Services } from "@/server/context";
import { countKeyUse, type KeyUse, type ResealCursor, type ResealSlice, resealSlice } from "@/server/db/reseal";

export type { KeyUse, ResealCursor, ResealSlice };

type EncryptionServices = Pick<Services, "env" | "db" | "secrets" | "log">;

const keyIdsOf = (services: Pick<Services, "env">): string[] => [...services.env.TILLGATE_ENCRYPTION_KEYS.keys()];

/**
 * Puts stored ciphertext under the current key, from `cursor` on and for about `budgetMs`; a slice without `next` was the
 * last. With one configured key there is nothing to do. Safe to run twice at once and beside everything else.
 */
export async function resealSecrets(
  services: EncryptionServices,
  cursor: ResealCursor | null = null,
  budgetMs = 20_000,
): Promise<ResealSlice> {
  const slice = await resealSlice({ ...services, keyIds: keyIdsOf(services) }, cursor, budgetMs);
  if (slice.unreadable.length > 0)
    services.log.error({ rows: slice.unreadable }, "stored secrets do not open with the key that they name");
  return slice;
}

/** All slices at once, twice where rows were busy. */
export async function resealAll(
  services: EncryptionServices,
): Promise<{ changed: number; busy: number; unreadable: string[] }> {
  const total = { changed: 0, busy: 0, unreadable: [] as string[] };
  for (let pass = 0; pass < 3; pass += 1) {
    total.busy = 0;
    total.unreadable = [];
    let cursor: ResealCursor | null = null;
    do {
      const slice: ResealSlice = await resealSecrets(services, cursor);
      total.changed += slice.changed;
      total.busy += slice.busy;
      total.unreadable.push(...slice.unreadable);
      cursor = slice.next;
    } while (cursor !== null);
    if (total.busy === 0) break;
  }
  return total;
}

/** How many values each key still opens, the configured ones first; `mayGo` tells whether its setting can be taken away. */
export async function readKeyUse(
  services: Pick<Services, "env" | "db">,
): Promise<{ keyId: string; rows: number; fixed: number; isConfigured: boolean; mayGo: boolean; places: KeyUse[] }[]> {
  const configured = keyIdsOf(services);
  const uses = await countKeyUse(services);
  return [...new Set([...configured, ...uses.map(({ keyId }) => keyId)])].map((keyId) => {
    const places = uses.filter((use) => use.keyId === keyId);
    const sum = (some: KeyUse[]): number => some.reduce((total, { rows }) => total + rows, 0);
    return {
      keyId,
      rows: sum(places),
      fixed: sum(places.filter(({ isFixed }) => isFixed)),
      isConfigured: configured.includes(keyId),
      mayGo: configured.includes(keyId) && keyId !== configured[0] && places.length === 0,
      places,
    };
  });
}
