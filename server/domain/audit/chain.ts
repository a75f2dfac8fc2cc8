import { requirePermission, type ServiceContext, type Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import type { Row, Transaction } from "@/server/db/client";
import { dropAnchor, readAnchors } from "./anchors";
import { CHAINED_COLUMNS, type ChainedEntry, FIRST_HASH, linkHash } from "./canonical";
import { type AuditProblem, AuditProblemsSchema, type ChainStatus, type ChainVerdict } from "./schema";

/*
 * The chain over the audit. Entries are written by payments and people without waiting for each other; a job that runs every
 * minute seals what was committed: `hash_n = H(hash_n-1, n, entry)`, numbers without a gap. A till never waits for the chain, and
 * what is not sealed yet is bounded by the job's interval and shown. Entries are sealed in the order in which the job sees
 * them; within a run that is the order of their positions.
 *
 * The floor is the position up to which everything is sealed and nothing can still come: nothing below it is ever sealed
 * again, so an entry that is slipped in there later stays without a seal, and the check names it.
 */

const BATCH = 2_000;
const PAGE = 5_000;
const POSITIONS = 100_000;
const PROBLEMS_KEPT = 100;
/** One sealer at a time in one database. */
const LOCK = 7_362_411_905;

type Head = { sequence: number; hash: string };
type Line = { floor: number; candidate: number | null; isSettled: boolean };

async function findHead(tx: Pick<Transaction, "query">): Promise<Head> {
  const [head] = await tx.query<Row & Head>({
    name: "audit_head",
    text: "select sequence, hash from audit_seals order by sequence desc limit 1",
    values: [],
  });
  return head ?? { sequence: 0, hash: FIRST_HASH };
}

/** Seals one batch. `null` when another process seals. */
async function sealBatch(services: Services): Promise<{ head: Head; sealed: number } | null> {
  return services.db.transaction(async (tx) => {
    const [lock] = await tx.query<{ got: boolean }>({
      text: "select pg_try_advisory_xact_lock($1) as got",
      values: [LOCK],
    });
    if (lock?.got !== true) return null;
    const head = await findHead(tx);
    const entries = await tx.query<Row & ChainedEntry>({
      name: "audit_unsealed",
      text: `select ${CHAINED_COLUMNS} from audit_entries e
        where e.position > (select floor from audit_lines) and not exists (select 1 from audit_seals s where s.position = e.position)
        order by e.position limit $1`,
      values: [BATCH],
    });
    let { sequence, hash } = head;
    const seals = entries.map((entry) => {
      sequence += 1;
      hash = linkHash(services.secrets, { previous: hash, sequence, entry });
      return { sequence, position: entry.position, entry_id: entry.id, hash };
    });
    if (seals.length > 0)
      await tx.query({
        text: `insert into audit_seals (sequence, position, entry_id, hash, sealed_at)
          select s.sequence, s.position, s.entry_id, s.hash, $2
          from jsonb_to_recordset($1::jsonb) as s(sequence bigint, position bigint, entry_id text, hash text)`,
        values: [JSON.stringify(seals), services.clock.now()],
      });
    return { head: { sequence, hash }, sealed: seals.length };
  });
}

/** Transactions that are writing into the audit at this moment: they took this lock before they took a position. */
const WRITERS = `select l.virtualtransaction from pg_locks l where l.locktype = 'relation' and l.mode = 'RowExclusiveLock'
  and l.relation = 'audit_entries'::regclass and l.database = (select oid from pg_database where datname = current_database())`;

async function readLine(services: Services): Promise<Line> {
  const [line] = await services.db.query<Row & Line>({
    text: `select floor, candidate, candidate is not null and not exists (
        select 1 from (${WRITERS}) w where w.virtualtransaction = any(string_to_array(candidate_writers, ' '))) as "isSettled"
      from audit_lines`,
    values: [],
  });
  return line ?? { floor: 0, candidate: null, isSettled: false };
}

/**
 * Makes the candidate the floor, and takes the highest position given out so far as the next one, with who is writing: the
 * position is read first, so whoever took one up to it has ended or is among them.
 */
async function raiseFloor(services: Services, line: Line): Promise<void> {
  const [given] = await services.db.query<Row & { position: number }>({
    text: "select case when is_called then last_value else 0 end as position from audit_entries_position_seq",
    values: [],
  });
  await services.db.query({
    text: `update audit_lines set floor = greatest(floor, coalesce($1::bigint, 0)), candidate = $2,
        candidate_writers = (select coalesce(string_agg(w.virtualtransaction, ' '), '') from (${WRITERS}) w)
      where candidate is not distinct from $1::bigint`,
    values: [line.candidate, given?.position ?? 0],
  });
}

/**
 * Seals every entry that is committed and not sealed yet, then moves the floor up. Safe to run in several processes: one
 * works, the others return at once.
 */
export async function sealAudit(services: Services): Promise<{ sealed: number; sequence: number }> {
  const line = await readLine(services);
  let sealed = 0;
  for (;;) {
    const batch = await sealBatch(services);
    if (batch === null) return { sealed, sequence: (await findHead(services.db)).sequence };
    sealed += batch.sealed;
    if (batch.sealed === BATCH) continue;
    // Whoever could write below the candidate had ended before this run, and this run has sealed what they wrote.
    if (line.candidate === null || line.isSettled) await raiseFloor(services, line);
    await dropAnchor(services, batch.head);
    return { sealed, sequence: batch.head.sequence };
  }
}

type SealedRow = Row & {
  sealSequence: number;
  sealPosition: number;
  entryId: string;
  sealHash: string;
} & { [K in keyof ChainedEntry]: ChainedEntry[K] | null };

function entryOf(row: SealedRow): ChainedEntry | null {
  const { position, id, actorKind, actorId, way, action, subjectKind, subjectId, createdAtMs } = row;
  if (
    position === null ||
    id === null ||
    actorKind === null ||
    actorId === null ||
    way === null ||
    action === null ||
    subjectKind === null ||
    subjectId === null ||
    createdAtMs === null
  )
    return null;
  const { partnerId, mode, requestId, before, after } = row;
  return {
    ...{ position, id, partnerId, mode, actorKind, actorId, way, action },
    ...{ subjectKind, subjectId, requestId, before, after, createdAtMs },
  };
}

/**
 * Reads the whole chain and every entry, and names each that was altered, removed or slipped in. Reads page by page; changes
 * nothing but the record of this check.
 */
export async function checkChain(services: Services, by: string): Promise<ChainVerdict> {
  const started = performance.now();
  const problems: AuditProblem[] = [];
  let problemCount = 0;
  const report = (problem: AuditProblem): void => {
    problemCount += 1;
    if (problems.length < PROBLEMS_KEPT) problems.push(problem);
  };
  const { anchors, isReadable } = await readAnchors(services);
  if (!isReadable) report({ kind: "ANCHORS_UNREADABLE", sequence: null, entryId: null });
  const anchored = new Map(anchors.map((anchor) => [anchor.sequence, anchor]));
  const last = await findHead(services.db);
  let expected = 1;
  /** Null after a gap: the next link cannot be computed, only followed. */
  let previous: string | null = FIRST_HASH;
  for (;;) {
    const rows: SealedRow[] = await services.db.query<SealedRow>({
      text: `select s.sequence as "sealSequence", s.position as "sealPosition", s.entry_id as "entryId", s.hash as "sealHash", ${CHAINED_COLUMNS}
        from audit_seals s left join audit_entries e on e.position = s.position where s.sequence >= $1 and s.sequence <= $2 order by s.sequence limit $3`,
      values: [expected, last.sequence, PAGE],
    });
    for (const row of rows) {
      if (row.sealSequence !== expected) {
        report({ kind: "SEALS_REMOVED", sequence: expected, until: row.sealSequence - 1, entryId: null });
        previous = null;
      }
      const entry = entryOf(row);
      if (entry === null) report({ kind: "ENTRY_REMOVED", sequence: row.sealSequence, entryId: row.entryId });
      else if (
        entry.id !== row.entryId ||
        (previous !== null &&
          linkHash(services.secrets, { previous, sequence: row.sealSequence, entry }) !== row.sealHash)
      )
        report({
          kind: "ENTRY_ALTERED",
          sequence: row.sealSequence,
          entryId: row.entryId,
          ...{ action: entry.action, subjectId: entry.subjectId },
        });
      const anchor = anchored.get(row.sealSequence);
      if (anchor && anchor.hash !== row.sealHash)
        report({ kind: "ANCHOR_DIFFERS", sequence: row.sealSequence, entryId: row.entryId, at: anchor.at });
      previous = row.sealHash;
      expected = row.sealSequence + 1;
    }
    if (rows.length < PAGE) break;
  }
  for (const anchor of anchors.filter((one) => one.sequence > last.sequence))
    report({ kind: "TAIL_REMOVED", sequence: anchor.sequence, entryId: null, at: anchor.at });
  const entries = await findUnsealed(services, report);
  const verdict: ChainVerdict = {
    id: newId("auditCheck"),
    checkedAt: services.clock.now(),
    checkedBy: by,
    entries,
    headSequence: last.sequence,
    headHash: last.hash,
    anchors: anchors.length,
    problemCount,
    problems,
    durationMs: Math.round(performance.now() - started),
  };
  await keepVerdict(services, verdict);
  if (problemCount === 0) await dropAnchor(services, last, true);
  return verdict;
}

/** Entries below the floor that no seal covers were slipped in. Returns how many entries there are below it. */
async function findUnsealed(services: Services, report: (problem: AuditProblem) => void): Promise<number> {
  const { floor } = await readLine(services);
  const [bounds] = await services.db.query<Row & { first: number | null; total: number }>({
    text: "select min(position) as first, count(*) as total from audit_entries",
    values: [],
  });
  for (let from = (bounds?.first ?? floor) - 1; from < floor; from += POSITIONS) {
    const rows = await services.db.query<Row & { id: string; action: string; subjectId: string }>({
      text: `select e.id, e.action, e.subject_id as "subjectId" from audit_entries e where e.position > $1 and e.position <= $2
        and not exists (select 1 from audit_seals s where s.position = e.position) order by e.position`,
      values: [from, Math.min(from + POSITIONS, floor)],
    });
    for (const row of rows)
      report({
        kind: "ENTRY_INSERTED",
        sequence: null,
        entryId: row.id,
        action: row.action,
        subjectId: row.subjectId,
      });
  }
  return bounds?.total ?? 0;
}

async function keepVerdict(services: Services, verdict: ChainVerdict): Promise<void> {
  await services.db.query({
    text: `insert into audit_checks (id, checked_by, entries, head_sequence, head_hash, anchors, problem_count, problems, duration_ms, checked_at)
      values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)`,
    values: [
      ...[verdict.id, verdict.checkedBy, verdict.entries, verdict.headSequence, verdict.headHash, verdict.anchors],
      ...[verdict.problemCount, JSON.stringify(verdict.problems), verdict.durationMs, verdict.checkedAt],
    ],
  });
  if (verdict.problemCount === 0) return;
  services.log.error({ count: verdict.problemCount }, "the audit chain is broken");
  await services.db.query({
    text: `insert into alarms (id, kind, subject_kind, subject_id, message, raised_at) values ($1,'audit_chain_broken','audit','chain',$2,$3)
      on conflict (kind, subject_id) where cleared_at is null do nothing`,
    values: [
      newId("alarm"),
      `The audit was changed from outside: ${verdict.problemCount} ${verdict.problemCount === 1 ? "place" : "places"}. The audit screen names them.`,
      verdict.checkedAt,
    ],
  });
}

/** Checks the chain now, for a person. Errors: permission_denied. */
export async function verifyAudit(ctx: ServiceContext): Promise<ChainVerdict> {
  requirePermission(ctx, "system:read");
  await sealAudit(ctx);
  return checkChain(ctx, ctx.actor.id);
}

/** How far the chain is and what its last check found. Errors: permission_denied. */
export async function getChainStatus(ctx: ServiceContext): Promise<ChainStatus> {
  requirePermission(ctx, "system:read");
  const [head, [waiting], [check]] = await Promise.all([
    findHead(ctx.db),
    ctx.db.query<Row & { unsealed: number; oldestAt: Date | null }>({
      text: `select count(*) as unsealed, min(e.created_at) as "oldestAt" from audit_entries e
        where e.position > (select floor from audit_lines) and not exists (select 1 from audit_seals s where s.position = e.position)`,
      values: [],
    }),
    ctx.db.query<Row & Omit<ChainVerdict, "problems"> & { problems: unknown }>({
      text: `select c.id, c.checked_at as "checkedAt", coalesce(u.name, c.checked_by) as "checkedBy", c.entries, c.head_sequence as "headSequence",
          c.head_hash as "headHash", c.anchors, c.problem_count as "problemCount", c.problems, c.duration_ms as "durationMs"
        from audit_checks c left join users u on u.id = c.checked_by order by c.checked_at desc, c.id desc limit 1`,
      values: [],
    }),
  ]);
  return {
    sequence: head.sequence,
    hash: head.hash,
    unsealed: waiting?.unsealed ?? 0,
    oldestUnsealedAt: waiting?.oldestAt ?? null,
    lastCheck: check ? { ...check, problems: AuditProblemsSchema.parse(check.problems) } : null,
  };
}
