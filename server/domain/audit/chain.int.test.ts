import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { asSystem } from "@/server/testing/builders";
import { asUser, type TestServices, testServices } from "@/server/testing/context";
import { appendAudit, checkChain, getChainStatus, sealAudit, verifyAudit } from "./service";

let test: TestServices;
let folder: string;
/** Who has the database itself: triggers do not stop them. */
let intruder: pg.Client;

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "tillgate-audit-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(): Promise<void> {
  rmSync(path.join(folder, "audit-anchors.jsonl"), { force: true });
  test = await testServices({ simulator: false, environment: { DATA_DIR: folder } });
  intruder = new pg.Client({ connectionString: test.services.env.DATABASE_URL });
  await intruder.connect();
  await intruder.query("set session_replication_role = replica");
}
async function stop(): Promise<void> {
  await intruder.end();
  await test.close();
}

const write = (subjectId: string, after: unknown = { amount: 100 }) =>
  test.services.db.transaction((tx) =>
    appendAudit(tx, asSystem(test.services), { action: "thing.changed", subjectKind: "thing", subjectId, after }),
  );
const writeMany = async (count: number, from = 1): Promise<void> => {
  for (let number = from; number < from + count; number += 1) await write(`thing-${number}`);
};
/** Twice, so that the floor rises to what the first run saw. */
const settle = async (): Promise<void> => {
  await sealAudit(test.services);
  await sealAudit(test.services);
};
const entryIdOf = async (subjectId: string): Promise<string> => {
  const [row] = await test.services.db.query<{ id: string }>({
    text: "select id from audit_entries where subject_id = $1",
    values: [subjectId],
  });
  return row?.id ?? "none";
};
const check = async () => {
  const { problems, problemCount } = await checkChain(test.services, "test");
  return { problems, problemCount };
};

describe("a chain of twenty entries that somebody with the database itself changes", () => {
  beforeEach(async () => {
    await start();
    await writeMany(20);
    await settle();
    return stop;
  });

  it("S62: untouched, it holds, and numbers run without a gap", async () => {
    expect(await check()).toEqual({ problems: [], problemCount: 0 });
    const [row] = await test.services.db.query<{ first: number; last: number; count: number; entries: number }>({
      text: "select min(sequence) as first, max(sequence) as last, count(*) as count, (select count(*) from audit_entries) as entries from audit_seals",
      values: [],
    });
    expect(row).toEqual({ first: 1, last: row?.entries, count: row?.entries, entries: row?.entries });
  });

  it.each([
    ["one character of a value", "after = '{\"amount\": 101}'"],
    ["who it was", "actor_id = 'somebody-else'"],
    ["when it was", "created_at = created_at + interval '1 millisecond'"],
    ["the Partner", "partner_id = 'ptn_other'"],
    ["a value that becomes nothing", "after = null"],
  ])("S62: %s changed in one entry names exactly that entry", async (_what, change) => {
    await intruder.query(`update audit_entries set ${change} where subject_id = 'thing-7'`);
    const { problems } = await check();
    expect(problems).toMatchObject([
      { kind: "ENTRY_ALTERED", entryId: await entryIdOf("thing-7"), subjectId: "thing-7" },
    ]);
  });

  it("S62: a removed entry is named", async () => {
    const entryId = await entryIdOf("thing-9");
    await intruder.query("delete from audit_entries where subject_id = 'thing-9'");
    expect((await check()).problems).toMatchObject([{ kind: "ENTRY_REMOVED", entryId }]);
  });

  it("S62: an entry removed together with its seal leaves a gap that is named", async () => {
    const { rows } = await intruder.query<{ sequence: string }>(
      "with gone as (delete from audit_entries where subject_id = 'thing-9' returning position) delete from audit_seals where position in (select position from gone) returning sequence",
    );
    const sequence = Number(rows[0]?.sequence);
    expect(await check()).toMatchObject({ problems: [{ kind: "SEALS_REMOVED", sequence, until: sequence }] });
  });

  it("S62: closing that gap by numbering the rest anew does not hide it", async () => {
    const { rows } = await intruder.query<{ sequence: string }>(
      "with gone as (delete from audit_entries where subject_id = 'thing-9' returning position) delete from audit_seals where position in (select position from gone) returning sequence",
    );
    const gap = Number(rows[0]?.sequence);
    const { rows: later } = await intruder.query<{ sequence: string }>(
      "select sequence from audit_seals where sequence > $1 order by sequence",
      [gap],
    );
    for (const { sequence } of later)
      await intruder.query("update audit_seals set sequence = sequence - 1 where sequence = $1", [sequence]);
    const { problems } = await check();
    expect(problems[0]).toMatchObject({ kind: "ENTRY_ALTERED", sequence: gap, entryId: await entryIdOf("thing-10") });
  });

  it("S62: two entries whose contents were swapped are both named", async () => {
    await intruder.query(
      `update audit_entries a set subject_id = b.subject_id, id = b.id || '-x' from audit_entries b
       where (a.subject_id, b.subject_id) in (('thing-3','thing-4'),('thing-4','thing-3'))`,
    );
    const { problems } = await check();
    expect(problems.map(({ kind, subjectId }) => ({ kind, subjectId }))).toEqual([
      { kind: "ENTRY_ALTERED", subjectId: "thing-4" },
      { kind: "ENTRY_ALTERED", subjectId: "thing-3" },
    ]);
  });

  it("S62: an entry slipped in between is named, before and after the next run of the sealing job", async () => {
    await intruder.query("update audit_entries set position = position + 1000 where subject_id = 'thing-20'");
    await intruder.query(
      "update audit_seals set position = position + 1000 where sequence = (select max(sequence) from audit_seals)",
    );
    // The free place of the entry that was moved away, below the floor.
    await intruder.query(
      `insert into audit_entries (position, id, actor_kind, actor_id, way, action, subject_kind, subject_id)
       select position - 1000, 'aud_forged', 'USER', 'usr_x', 'SCREEN', 'payment.refunded', 'payment', 'pay_x' from audit_entries where subject_id = 'thing-20'`,
    );
    for (const seal of [false, true]) {
      if (seal) await settle();
      expect((await check()).problems).toContainEqual(
        expect.objectContaining({ kind: "ENTRY_INSERTED", entryId: "aud_forged", subjectId: "pay_x" }),
      );
    }
  });

  it("S62: an entry slipped in with a seal of one's own making is named", async () => {
    await intruder.query(
      `insert into audit_entries (position, id, actor_kind, actor_id, way, action, subject_kind, subject_id)
       values (500, 'aud_forged', 'USER', 'usr_x', 'SCREEN', 'payment.refunded', 'payment', 'pay_x')`,
    );
    await intruder.query(
      "insert into audit_seals (sequence, position, entry_id, hash) select max(sequence) + 1, 500, 'aud_forged', repeat('ab', 32) from audit_seals",
    );
    expect((await check()).problems).toMatchObject([{ kind: "ENTRY_ALTERED", entryId: "aud_forged" }]);
  });

  it("S62: the end cut off together with its seals is found by the head that was written down outside", async () => {
    expect((await check()).problemCount).toBe(0);
    await intruder.query("delete from audit_entries where subject_id in ('thing-19','thing-20')");
    await intruder.query("delete from audit_seals where position not in (select position from audit_entries)");
    const { problems } = await check();
    expect(problems.map(({ kind }) => kind)).toContain("TAIL_REMOVED");
  });

  it("S62: a chain made anew does not fit the head that was written down outside", async () => {
    expect((await check()).problemCount).toBe(0);
    const file = path.join(folder, "audit-anchors.jsonl");
    const last = readFileSync(file, "utf8").trim().split("\n").at(-1) ?? "";
    writeFileSync(file, `${last.replace(/"hash":"[0-9a-f]{4}/, '"hash":"0000')}\n`);
    const { problems } = await check();
    expect(problems.map(({ kind }) => kind)).toContain("ANCHOR_DIFFERS");
  });

  it("a broken chain raises one alarm, and the screen's status tells of it", async () => {
    await intruder.query("update audit_entries set way = 'API' where subject_id = 'thing-7'");
    await verifyAudit(asUser(test.services, "ACQUIRER_ADMIN"));
    const { lastCheck } = await getChainStatus(asUser(test.services, "ACQUIRER_ADMIN"));
    expect(lastCheck).toMatchObject({ problemCount: 1, problems: [{ kind: "ENTRY_ALTERED" }] });
    await check();
    const alarms = await test.services.db.query({
      text: "select 1 from alarms where kind = 'audit_chain_broken' and cleared_at is null",
      values: [],
    });
    expect(alarms).toHaveLength(1);
  });

  it("neither seals nor checks can be changed, deleted or emptied by the application", async () => {
    for (const text of [
      "update audit_seals set hash = repeat('0', 64)",
      "delete from audit_seals",
      "truncate audit_seals",
      "truncate audit_entries",
    ])
      await expect(test.services.db.query({ text, values: [] })).rejects.toMatchObject({ code: "23001" });
  });
});

describe("a chain under load", () => {
  beforeEach(async () => {
    await start();
    return stop;
  });

  it("S62: eight writers at once, some of which fail, while two jobs seal: every entry has one seal, no number is missing", async () => {
    let isOver = false;
    const sealer = async (): Promise<void> => {
      while (!isOver) await sealAudit(test.services);
    };
    const writer = async (name: number): Promise<void> => {
      for (let number = 0; number < 60; number += 1) {
        const isRefused = number % 10 === 3;
        const done = test.services.db.transaction(async (tx) => {
          await appendAudit(tx, asSystem(test.services), {
            action: "thing.changed",
            subjectKind: "thing",
            subjectId: `writer-${name}-${number}`,
          });
          if (isRefused) throw new Error("the change failed");
        });
        if (isRefused) await expect(done).rejects.toThrow("the change failed");
        else await done;
      }
    };
    const sealers = Promise.all([sealer(), sealer()]);
    await Promise.all(Array.from({ length: 8 }, (_, index) => writer(index)));
    isOver = true;
    await sealers;
    await settle();
    const [row] = await test.services.db.query<{ entries: number; seals: number; last: number; unsealed: number }>({
      text: `select (select count(*) from audit_entries) as entries, (select count(*) from audit_seals) as seals, (select max(sequence) from audit_seals) as last,
        (select count(*) from audit_entries e where not exists (select 1 from audit_seals s where s.position = e.position)) as unsealed`,
      values: [],
    });
    expect(row).toMatchObject({ unsealed: 0, seals: row?.entries, last: row?.entries });
    expect(row?.entries).toBeGreaterThanOrEqual(8 * 54);
    expect(await check()).toEqual({ problems: [], problemCount: 0 });
  });

  it("S62: an entry whose transaction ends late is still sealed: the floor waits for it", async () => {
    let end = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      end = resolve;
    });
    let wrote = (): void => undefined;
    const isWritten = new Promise<void>((resolve) => {
      wrote = resolve;
    });
    const slow = test.services.db.transaction(async (tx) => {
      await appendAudit(tx, asSystem(test.services), {
        action: "thing.changed",
        subjectKind: "thing",
        subjectId: "slow",
      });
      wrote();
      await held;
    });
    await isWritten;
    await writeMany(3);
    for (let run = 0; run < 4; run += 1) await sealAudit(test.services);
    end();
    await slow;
    await settle();
    await settle();
    expect(await check()).toEqual({ problems: [], problemCount: 0 });
    const { unsealed } = await getChainStatus(asUser(test.services, "ACQUIRER_ADMIN"));
    expect(unsealed).toBe(0);
  });
});
