import { TextLink } from "@/components/text-link";
import { Timeline } from "@/components/timeline";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { requireSession } from "@/server/auth/web";
import type { ServiceContext } from "@/server/context";
import { listAudit } from "@/server/domain/audit/service";
import { actionWords, WAY_WORDS } from "./audit/words";

const SHOWN = 25;

/** Who did what to one thing, last on its page. */
export async function AuditPanel({ ctx, subject }: { ctx: ServiceContext; subject: string }) {
  const { user } = await requireSession();
  if (!can(user, "audit:read")) return null;
  const { items } = await listAudit(ctx, { subject }, { limit: SHOWN });
  return (
    <Panel
      title="Audit"
      actions={
        <TextLink href={`/audit?subject=${encodeURIComponent(subject)}`} className="text-sm">
          All entries
        </TextLink>
      }
    >
      <Timeline
        empty="Nobody has changed this yet."
        items={items.map((entry) => ({
          id: entry.id,
          at: entry.createdAt,
          title: actionWords(entry.action),
          actor: entry.actorName,
          via: WAY_WORDS[entry.way] ?? entry.way,
          aside: (
            <TextLink href={`/audit/${entry.id}`} className="inline-flex min-h-6 items-center text-xs">
              Entry
            </TextLink>
          ),
          messages: [
            ...(entry.before === null ? [] : [{ label: "Before", value: entry.before }]),
            ...(entry.after === null ? [] : [{ label: "After", value: entry.after }]),
          ],
        }))}
      />
    </Panel>
  );
}
