import type { ServiceContext } from "@/server/context";
import { newId } from "@/server/core/ids";
import { addMs, DAY_MS } from "@/server/core/time";
import type { Transaction } from "@/server/db/client";
import { saveFourEyesRules } from "@/server/domain/approvals/service";
import { appendAudit } from "@/server/domain/audit/service";
import { createRole } from "@/server/domain/people/service";

/*
 * Colleagues beside the people whose passwords are told: without a password, so that nobody signs in as them. A role that
 * somebody made, an invitation that waits, somebody who has left, and the rules of four eyes.
 */

type Colleague = {
  name: string;
  email: string;
  role: string;
  /** References of Partners. */
  partners: readonly string[];
  state: "ACTIVE" | "INVITED" | "DISABLED";
  daysAgo: number;
};

const STORE_MANAGER = "store manager";

const COLLEAGUES: readonly Colleague[] = [
  {
    name: "Mikael Lund",
    email: "mikael.lund@acquirer.example",
    role: "ACQUIRER_ADMIN",
    partners: [],
    state: "ACTIVE",
    daysAgo: 320,
  },
  {
    name: "Joana Ribeiro",
    email: "joana.ribeiro@acquirer.example",
    role: "ACQUIRER_FINANCE",
    partners: [],
    state: "ACTIVE",
    daysAgo: 190,
  },
  {
    name: "Anders Vik",
    email: "anders.vik@acquirer.example",
    role: "ACQUIRER_OPERATIONS",
    partners: [],
    state: "DISABLED",
    daysAgo: 410,
  },
  {
    name: "Elsa Lindqvist",
    email: "elsa@lindqvist-interior.example",
    role: "PARTNER_ADMIN",
    partners: ["lindqvist-interior"],
    state: "ACTIVE",
    daysAgo: 120,
  },
  {
    name: "Hugo Ek",
    email: "hugo.ek@lindqvist-interior.example",
    role: STORE_MANAGER,
    partners: ["lindqvist-interior"],
    state: "ACTIVE",
    daysAgo: 45,
  },
  {
    name: "Ingrid Solheim",
    email: "ingrid@fjordgear.example",
    role: "PARTNER_ADMIN",
    partners: ["fjordgear"],
    state: "ACTIVE",
    daysAgo: 200,
  },
  {
    name: "Jonas Kaufmann",
    email: "jonas@kaufmann-elektronik.example",
    role: "PARTNER_ADMIN",
    partners: ["kaufmann-elektronik"],
    state: "ACTIVE",
    daysAgo: 260,
  },
  {
    name: "Grace Whitfield",
    email: "grace@retail-office.example",
    role: "PARTNER_STAFF",
    partners: ["harbour-and-pine", "maple-street"],
    state: "ACTIVE",
    daysAgo: 75,
  },
  {
    name: "Chiara Amara",
    email: "chiara@bottegaamara.example",
    role: "PARTNER_ADMIN",
    partners: ["bottega-amara"],
    state: "INVITED",
    daysAgo: 1,
  },
];

/** High enough that a day at the till meets them rarely. Minor units. */
const REFUND_LIMITS: Readonly<Record<string, number>> = {
  EUR: 250_000,
  SEK: 2_500_000,
  NOK: 2_500_000,
  GBP: 200_000,
  USD: 250_000,
  PLN: 1_000_000,
};

/** Called once, when the demo is planted; `at` gives the context of a moment. */
export async function addColleagues(tx: Transaction, now: Date, at: (moment: Date) => ServiceContext): Promise<void> {
  const partners = await tx.query<{ id: string; reference: string }>({
    text: "select id, reference from partners",
    values: [],
  });
  const idOf = new Map(partners.map((partner) => [partner.reference, partner.id]));
  const role = await createRole(at(addMs(now, -60 * DAY_MS)), {
    name: "Store manager",
    description: "Runs a store: takes payments, gives money back, keeps the terminals",
    audience: "PARTNER",
    partnerId: null,
    permissions: ["overview:read", "payments:create", "payments:cancel", "payments:refund", "terminals:write"],
  });
  for (const person of COLLEAGUES) {
    const id = newId("user");
    const since = addMs(now, -person.daysAgo * DAY_MS);
    await tx.query({
      text: `insert into users (id, email, name, role, state, password_hash, password_changed_at, invited_at, invited_by, created_at, updated_at)
             values ($1,$2,$3,$4,$5,null,$6,$6,$7,$6,$6)`,
      values: [
        ...[id, person.email, person.name, person.role === STORE_MANAGER ? role.id : person.role],
        ...[person.state, since, "seed"],
      ],
    });
    const held = person.partners.flatMap((reference) => idOf.get(reference) ?? []);
    for (const partnerId of held) {
      await tx.query({
        text: "insert into user_partners (user_id, partner_id) values ($1,$2)",
        values: [id, partnerId],
      });
    }
    await appendAudit(tx, at(since), {
      action: person.state === "INVITED" ? "user.invited" : "user.created",
      subjectKind: "user",
      subjectId: id,
      partnerId: held[0] ?? null,
      mode: null,
      after: { name: person.name, role: person.role },
    });
  }
  await saveFourEyesRules(at(addMs(now, -90 * DAY_MS)), {
    partnerId: null,
    refundLimits: REFUND_LIMITS,
    apiKeys: false,
    payoutData: false,
  });
}
