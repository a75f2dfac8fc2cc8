import { type Services, systemContext } from "@/server/context";
import { MODES } from "@/server/core/schema";
import { addMs, DAY_MS } from "@/server/core/time";
import type { Row } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";

/** Files that nobody went on with, and cells of imports that are over: how long they are kept. */
const UNFINISHED_DAYS = 7;
const ROWS_DAYS = 30;
/** Imports of one statement: each may have fifty thousand rows. */
const AT_ONCE = 2;

/**
 * Cancels imports that nobody has gone on with for a week, and removes the cells of imports that were over a month ago:
 * they may tell of people. What an import counted stays. For the background.
 */
export async function removeOldImports(services: Services): Promise<{ canceled: number; emptied: number }> {
  const now = services.clock.now();
  let canceled = 0;
  for (const mode of MODES) {
    canceled += await services.db.transaction(async (tx) => {
      const rows = await tx.query<Row & { id: string; partnerId: string | null }>({
        text: `update imports set state = 'CANCELED', finished_at = $3, updated_at = $3
          where mode = $1 and state in ('UPLOADED','CHECKED') and updated_at < $2 and (lease_until is null or lease_until < $3)
          returning id, partner_id as "partnerId"`,
        values: [mode, addMs(now, -UNFINISHED_DAYS * DAY_MS), now],
      });
      for (const row of rows)
        await appendAudit(tx, systemContext(services, "imports", mode), {
          action: "import.canceled",
          subjectKind: "import",
          subjectId: row.id,
          partnerId: row.partnerId,
          after: { state: "CANCELED" },
        });
      return rows.length;
    });
  }
  let emptied = 0;
  for (;;) {
    const rows = await services.db.query<{ importId: string }>({
      text: `with old as (select i.id from imports i where i.finished_at < $1 and exists (select 1 from import_rows r where r.import_id = i.id) order by i.finished_at limit $2),
        gone as (delete from import_rows r using old where r.import_id = old.id returning r.import_id)
        select distinct import_id as "importId" from gone`,
      values: [addMs(now, -ROWS_DAYS * DAY_MS), AT_ONCE],
    });
    if (rows.length === 0) return { canceled, emptied };
    emptied += rows.length;
  }
}
