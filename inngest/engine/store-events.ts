import type { StoredEvent } from "./protocol";
import { type Db, json, jsonOrNull } from "./store";

/* Events as rows: stored together with the runs that they start, and read again. */

const KEY_SEPARATOR = "\u001f";

export type NewEvent = Readonly<{
  internalId: string;
  id: string;
  name: string;
  data: unknown;
  user: unknown;
  v: string | null;
  tsMs: number;
  /** Set when the sender named the event: the same key within 24 hours is the same event. */
  seenKey: string | null;
}>;

export type NewRun = Readonly<{
  id: string;
  fnId: string;
  eventInternalId: string;
  seenKey: string | null;
  concurrencyKeys: readonly string[];
  parentRun: string | null;
  parentStep: string | null;
}>;

const INGEST = `
with fresh as (
  insert into engine.seen as s (key) select k from unnest($1::text[]) as k
  on conflict (key) do update set seen_at = now() where s.seen_at < now() - interval '24 hours'
  returning key
), ev as (
  insert into engine.events (internal_id, id, name, data, usr, v, ts)
  select i.internal_id, i.id, i.name, i.data::json, i.usr::json, i.v, i.ts
  from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::text[])
    as i (internal_id, id, name, data, usr, v, ts, seen_key)
  where i.seen_key is null or i.seen_key in (select key from fresh)
  returning internal_id, name
), r as (
  insert into engine.runs (id, fn_id, event_ids, concurrency_keys, parent_run, parent_step)
  select n.id, n.fn_id, array[n.event_id], string_to_array(n.keys, chr(31)), n.parent_run, n.parent_step
  from unnest($10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[])
    as n (id, fn_id, event_id, seen_key, keys, parent_run, parent_step)
  join ev on ev.internal_id = n.event_id
  where n.seen_key is null or n.seen_key in (select key from fresh)
  returning id
), specs as (
  select row('engine.run', json_build_object('run', r.id), null, now() + make_interval(secs => $18), null, r.id, null, null)::graphile_worker.job_spec as spec
  from r
  union all
  select row('engine.match', json_build_object('event', ev.internal_id), null, null, null, null, null, null)::graphile_worker.job_spec
  from ev
  where ev.name = any($17::text[])
    or exists (select 1 from engine.steps w where w.status = 'waiting' and w.event_name = ev.name)
), jobs as (
  select count(*) as n from graphile_worker.add_jobs(array(select spec from specs))
)
select (select n from jobs) as jobs,
  coalesce((select array_agg(internal_id) from ev), '{}') as events,
  coalesce((select array_agg(id) from r), '{}') as runs`;

/** Events, the runs they start and the jobs of these runs, in one statement: all of it or nothing. */
export async function insertEvents(
  db: Db,
  input: Readonly<{
    events: readonly NewEvent[];
    runs: readonly NewRun[];
    matchNames: readonly string[];
    jobDelaySeconds?: number;
  }>,
): Promise<{ events: string[]; runs: string[] }> {
  const { events, runs } = input;
  const keys = new Set<string>();
  const unique = events.filter((event) => {
    if (event.seenKey === null) return true;
    if (keys.has(event.seenKey)) return false;
    keys.add(event.seenKey);
    return true;
  });
  const kept = new Set(unique.map((event) => event.internalId));
  const started = runs.filter((run) => {
    if (!kept.has(run.eventInternalId)) return false;
    if (run.seenKey === null) return true;
    if (keys.has(run.seenKey)) return false;
    keys.add(run.seenKey);
    return true;
  });
  const { rows } = await db.query<{ events: string[]; runs: string[] }>({
    name: "engine_ingest",
    text: INGEST,
    values: [
      [...keys].sort(),
      unique.map((event) => event.internalId),
      unique.map((event) => event.id),
      unique.map((event) => event.name),
      unique.map((event) => json(event.data ?? {})),
      unique.map((event) => jsonOrNull(event.user)),
      unique.map((event) => event.v),
      unique.map((event) => new Date(event.tsMs)),
      unique.map((event) => event.seenKey),
      started.map((run) => run.id),
      started.map((run) => run.fnId),
      started.map((run) => run.eventInternalId),
      started.map((run) => run.seenKey),
      started.map((run) => run.concurrencyKeys.join(KEY_SEPARATOR)),
      started.map((run) => run.parentRun),
      started.map((run) => run.parentStep),
      [...input.matchNames],
      input.jobDelaySeconds ?? 0,
    ],
  });
  return { events: rows[0]?.events ?? [], runs: rows[0]?.runs ?? [] };
}

/** Events by their internal ids, in that order; those that are no longer kept are missing. */
export async function loadEvents(
  db: Db,
  internalIds: readonly string[],
): Promise<Array<{ internalId: string; event: StoredEvent }>> {
  const { rows } = await db.query<{ internalId: string; id: string; name: string; data: unknown; ts: string }>(
    `select internal_id as "internalId", id, name, data, (extract(epoch from ts) * 1000)::bigint as ts
     from engine.events where internal_id = any ($1::text[]) order by array_position($1::text[], internal_id)`,
    [[...internalIds]],
  );
  return rows.map(({ internalId, id, name, data, ts }) => ({ internalId, event: { id, name, data, ts: Number(ts) } }));
}
