import { resolveRole } from "@/server/auth/permissions";
import { createContext, type ServiceContext, type Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import type { Mode } from "@/server/core/schema";
import type { Row } from "@/server/db/client";

export type BuiltPerson = { id: string; email: string; name: string };

let made = 0;

/** A person with a row, active unless said otherwise; without a password. */
export async function makePerson(
  services: Services,
  options: { role?: string; partners?: readonly string[]; state?: string } = {},
): Promise<BuiltPerson> {
  made += 1;
  const id = newId("user");
  const person = { id, email: `person-${id.slice(-12).toLowerCase()}@people.example`, name: `Person ${made}` };
  const now = services.clock.now();
  await services.db.query({
    text: `insert into users (id, email, name, role, state, password_hash, password_changed_at, created_at, updated_at)
           values ($1,$2,$3,$4,$5,null,$6,$6,$6)`,
    values: [id, person.email, person.name, options.role ?? "ACQUIRER_ADMIN", options.state ?? "ACTIVE", now],
  });
  for (const partnerId of options.partners ?? []) {
    await services.db.query({
      text: "insert into user_partners (user_id, partner_id) values ($1, $2)",
      values: [id, partnerId],
    });
  }
  return person;
}

/** What this person may do at this moment, as the dashboard would resolve it from the rows. */
export async function asPerson(
  services: Services,
  person: { id: string },
  mode: Mode = "test",
): Promise<ServiceContext> {
  const [row] = await services.db.query<
    Row & {
      name: string;
      role: string;
      role_name: string;
      audience: "ACQUIRER" | "PARTNER";
      permissions: string[];
      partners: string[];
    }
  >({
    text: `select u.name, u.role, r.name as role_name, r.audience, r.permissions,
             array(select up.partner_id from user_partners up where up.user_id = u.id) as partners
           from users u join roles r on r.id = u.role where u.id = $1`,
    values: [person.id],
  });
  if (!row) throw new Error(`there is no person ${person.id}`);
  const role = resolveRole({ id: row.role, name: row.role_name, audience: row.audience, permissions: row.permissions });
  const partners = role.audience === "PARTNER" || row.partners.length > 0 ? row.partners : "all";
  return createContext(services, {
    actor: { kind: "USER", id: person.id, name: row.name, role: role.id, permissions: role.permissions, partners },
    scope: { partners, mode },
    way: "SCREEN",
  });
}
