import type { Services } from "@/server/context";
import type { Row, Transaction } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import type { Account } from "./accounts";
import { alertPerson } from "./alerts";
import { type SessionLevel, type SessionMethod, startSession } from "./sessions";

/** What we know of the browser that signs in. */
export type Browser = {
  readonly address: string | null;
  readonly userAgent: string | null;
  /** The token that the browser holds already; it ends with the sign-in. */
  readonly replaces: string | null;
};

export type BegunSession = {
  readonly kind: "signed_in";
  readonly level: SessionLevel;
  readonly userId: string;
  readonly sessionId: string;
  readonly token: string;
  readonly expiresAt: Date;
};

type BeginServices = Pick<Services, "env" | "db" | "secrets" | "clock" | "nudge">;

/** Whether an earlier session of the person came from such a browser, or there was none to compare with. */
async function isKnownBrowser(tx: Pick<Transaction, "query">, userId: string, browser: Browser): Promise<boolean> {
  const [row] = await tx.query<Row & { known: boolean }>({
    name: "session_known_browser",
    text: `select coalesce(bool_or(user_agent is not distinct from $2), true) as known
           from sessions where user_id = $1 and level = 'FULL' and impersonator_id is null`,
    values: [userId, browser.userAgent?.slice(0, 300) ?? null],
  });
  return row?.known ?? true;
}

/**
 * Starts a session for a person who has proven who they are, as far as `level` says, with its audit entry; tells them
 * by mail when the browser is new. `also` happens in the same transaction.
 */
export async function beginSession(
  services: BeginServices,
  input: {
    account: Account;
    level: SessionLevel;
    method: SessionMethod;
    browser: Browser;
    requestId: string;
    also?: (tx: Transaction) => Promise<void>;
  },
): Promise<BegunSession> {
  const { account, level, method, browser } = input;
  const started = await services.db.transaction(async (tx) => {
    await input.also?.(tx);
    const isNew = level === "FULL" && !(await isKnownBrowser(tx, account.id, browser));
    const session = await startSession(tx, services, {
      userId: account.id,
      address: browser.address,
      userAgent: browser.userAgent,
      replaces: browser.replaces,
      level,
      method,
    });
    await appendAudit(
      tx,
      {
        actor: { kind: "USER", id: account.id },
        way: "SCREEN",
        requestId: input.requestId,
        clock: services.clock,
        scope: null,
      },
      {
        action: level === "FULL" ? "session.started" : "session.half_started",
        subjectKind: "session",
        subjectId: session.id,
        mode: null,
        after: { method: method.toLowerCase() },
      },
    );
    if (isNew) await alertPerson(tx, services, account, { kind: "new_device", ...browser });
    return { ...session, isNew };
  });
  if (started.isNew) services.nudge("mails");
  return {
    kind: "signed_in",
    level,
    userId: account.id,
    sessionId: started.id,
    token: started.token,
    expiresAt: started.expiresAt,
  };
}
