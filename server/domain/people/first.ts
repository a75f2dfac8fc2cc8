import { issueOneTimeLink } from "@/server/auth/one-time-links";
import { type Services, systemContext } from "@/server/context";
import { newId } from "@/server/core/ids";
import { appendAudit } from "@/server/domain/audit/service";
import * as repository from "./repository";
import type { InviteInput } from "./schema";

const ROLE = "ACQUIRER_ADMIN";
const ADVISORY_LOCK = 7_401_652_011;

/**
 * Invites the first administrator of a new installation, where nobody can invite anybody yet: for who holds the machine.
 * Answers the link by which they choose their password, or why there is none. The same address can be invited again
 * until it has accepted; once somebody administers, nobody is invited here any more.
 */
export async function inviteFirstAdministrator(
  services: Services,
  person: Pick<InviteInput, "email" | "name">,
): Promise<{ url: string; expiresAt: Date } | { refusal: string }> {
  const ctx = systemContext(services, "npm run first-admin", "test");
  return services.db.transaction(async (tx) => {
    await tx.query({ text: `select pg_advisory_xact_lock(${ADVISORY_LOCK})`, values: [] });
    const [active] = await tx.query({
      text: "select 1 as one from users where role = $1 and state = 'ACTIVE' limit 1",
      values: [ROLE],
    });
    if (active)
      return { refusal: "Somebody administers this installation already: they invite people on the People screen." };
    const known = await repository.findPersonByEmail(tx, person.email);
    if (known && known.state !== "INVITED" && known.state !== "WITHDRAWN")
      return { refusal: "Somebody has this address already, with another role." };
    const now = services.clock.now();
    const id = known?.id ?? newId("user");
    const row = { ...person, id, role: ROLE, invitedBy: ctx.actor.id, now };
    await (known ? repository.inviteAgain(tx, row) : repository.insertInvited(tx, row));
    await repository.setPartners(tx, id, []);
    await appendAudit(tx, ctx, {
      action: "user.invited",
      subjectKind: "user",
      subjectId: id,
      mode: null,
      after: { name: person.name, role: "first administrator", partners: 0 },
    });
    return issueOneTimeLink(tx, services, { kind: "INVITE", userId: id, createdBy: ctx.actor.id });
  });
}
