import { z } from "zod";
import type { ServiceContext } from "@/server/context";
import { saveClassicCredential } from "@/server/domain/classic/service";
import { changeTerminal, createTerminal } from "@/server/domain/terminals/service";

/* One terminal of the demo sells by classic sessions, so that they can be tried beside the Network. */

export const CLASSIC_TERMINAL = "till-classic";

const CredentialsSchema = z.object({
  credentials: z.array(z.looseObject({ username: z.string(), account_id: z.string(), is_active: z.boolean() })),
});
const CreatedSchema = z.looseObject({ username: z.string(), password: z.string() });

async function ask(url: string, body?: unknown): Promise<unknown> {
  const answer = await fetch(url, {
    method: body === undefined ? "GET" : "POST",
    ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`The simulator refused ${url}: ${answer.status}`);
  return answer.json();
}

/**
 * Adds the terminal once, and a user at the simulator where it knows none of ours (it may be wiped at any time). Changes
 * nothing that somebody set otherwise.
 */
export async function setUpClassic(
  ctx: ServiceContext,
  control: string,
  demo: { partnerId: string; storeId: string; accountId: string },
): Promise<void> {
  const base = `${control}/_control/classic/credentials`;
  const { credentials } = CredentialsSchema.parse(await ask(base));
  const [stored] = await ctx.db.query<{ username: string; isOpen: boolean }>({
    text: `select c.username, exists (select 1 from payments p where p.partner_id = c.partner_id and p.mode = c.mode and p.rail = 'CLASSIC'
        and p.state in ('PROCESSING','PENDING','IN_PROGRESS','FINALIZING')) as "isOpen"
      from classic_credentials c where c.partner_id = $1 and c.mode = 'test'`,
    values: [demo.partnerId],
  });
  const isKnown = credentials.some((row) => row.username === stored?.username && row.is_active);
  if (!isKnown && !stored?.isOpen) {
    const created = CreatedSchema.parse(await ask(base, { account: demo.accountId }));
    const { username, password } = created;
    await saveClassicCredential(ctx, demo.partnerId, { region: "EU", username, password });
  }
  const known = await ctx.db.query({
    text: "select 1 from terminals where partner_id = $1 and mode = 'test' and reference = $2",
    values: [demo.partnerId, CLASSIC_TERMINAL],
  });
  if (known.length > 0) return;
  const terminal = await createTerminal(ctx, {
    partnerId: demo.partnerId,
    storeId: demo.storeId,
    reference: CLASSIC_TERMINAL,
    label: "Classic till",
  });
  await changeTerminal(ctx, terminal.id, { settings: { rail: "classic" } });
}
