import type { Services } from "@/server/context";
import { addMs, MINUTE_MS } from "@/server/core/time";
import type { Row, Transaction } from "@/server/db/client";

/*
 * What a browser has to answer: the challenge of a passkey, the state of a single sign-on. Each is good once and for five
 * minutes; only a keyed hash of its name is kept, and what belongs to it is encrypted.
 */

export type ChallengeKind = "PASSKEY_ADD" | "PASSKEY_SIGN_IN" | "SSO";
type ChallengeServices = Pick<Services, "secrets" | "clock">;
type Queries = Pick<Transaction, "query">;

export const CHALLENGE_LIFE_MS = 5 * MINUTE_MS;

const nameOf = (services: Pick<Services, "secrets">, kind: ChallengeKind, value: string): string =>
  services.secrets.hash(value, `challenge_${kind.toLowerCase()}`);
const placeOf = (idHash: string): string => `sign_in_challenges|data|${idHash}|-`;

/** Keeps a challenge; `value` is what the browser will bring back, `userId` whose answer alone counts. */
export async function keepChallenge(
  tx: Queries,
  services: ChallengeServices,
  challenge: { kind: ChallengeKind; value: string; userId: string | null; data?: string },
): Promise<void> {
  const idHash = nameOf(services, challenge.kind, challenge.value);
  const now = services.clock.now();
  await tx.query({
    text: `with old as (delete from sign_in_challenges where expires_at < $5)
           insert into sign_in_challenges (id_hash, kind, user_id, data, created_at, expires_at) values ($1, $2, $3, $4, $5, $6)`,
    values: [
      idHash,
      challenge.kind,
      challenge.userId,
      services.secrets.seal(challenge.data ?? "", placeOf(idHash)),
      now,
      addMs(now, CHALLENGE_LIFE_MS),
    ],
  });
}

/** Uses a challenge up: of two answers at the same time one gets null. Null also when it is unknown or too old. */
export async function takeChallenge(
  tx: Queries,
  services: ChallengeServices,
  kind: ChallengeKind,
  value: string,
): Promise<{ userId: string | null; data: string } | null> {
  const idHash = nameOf(services, kind, value);
  const [row] = await tx.query<Row & { userId: string | null; data: string; expiresAt: Date }>({
    text: `delete from sign_in_challenges where id_hash = $1 and kind = $2
           returning user_id as "userId", data, expires_at as "expiresAt"`,
    values: [idHash, kind],
  });
  if (!row || row.expiresAt <= services.clock.now()) return null;
  return { userId: row.userId, data: services.secrets.open(row.data, placeOf(idHash)) };
}
