import { Timeline } from "@/components/timeline";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession } from "@/server/auth/web";
import type { ServiceContext } from "@/server/context";
import { listAudit } from "@/server/domain/audit/service";

const SHOWN = 25;
const WAYS: Readonly<Record<string, string>> = { API: "API", SCREEN: "Dashboard", JOB: "Job", WEBHOOK: "Webhook" };

/** Who did what to one thing, last on its page. */
export async function AuditPanel({ ctx, subject }: { ctx: ServiceContext; subject: string }) {
  const { user } = await requireSession();
  if (!can(user, "audit:read")) return null;
  const { items } = await listAudit(ctx, { subject }, { limit: SHOWN });
  return (
    <Panel title="Audit">
      <Timeline
        empty="Nobody has changed this yet."
        items={items.map((entry) => ({
          id: entry.id,
          at: entry.createdAt,
          title: actionWords(entry.action),
          actor: entry.actorName,
          via: WAYS[entry.way] ?? entry.way,
          messages: [
            ...(entry.before === null ? [] : [{ label: "Before", value: entry.before }]),
            ...(entry.after === null ? [] : [{ label: "After", value: entry.after }]),
          ],
        }))}
      />
    </Panel>
  );
}

/** `webhook_endpoint.created` as "Webhook endpoint created". */
function actionWords(action: string): string {
  const words = action.replaceAll(/[._]/g, " ");
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}
