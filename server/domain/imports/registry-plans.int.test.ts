import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { LIST_TOTAL_MAX } from "@/server/core/pagination";
import { makePartner } from "@/server/testing/builders";
import { asUser, type TestServices, testServices } from "@/server/testing/context";
import { type Question, registryQuestions } from "@/server/tooling/bench/registry";

/*
 * How lists of 10,000 stores and 50,000 terminals are read: not how long that takes here, but how many rows the database
 * touches for it. `npm run bench -- --only=registry` prints times.
 */

const SIZE = { stores: 10_000, terminals: 50_000 };
const CHUNK = 5_000;
let test: TestServices;
let partnerId: string;
let questions: Question[];

beforeAll(async () => {
  test = await testServices({ simulator: false });
  partnerId = (await makePartner(test.services)).partner.id;
  // A statement may take fifteen seconds, and others may be busy: some thousands at a time.
  const fill = async (text: string, count: number, more: readonly unknown[] = []) => {
    for (let from = 1; from <= count; from += CHUNK)
      await test.services.db.query({ text, values: [partnerId, from, Math.min(count, from + CHUNK - 1), ...more] });
  };
  await fill(
    `insert into stores (id, partner_id, mode, reference, name, type, address, country, created_at)
      select 'sto_01K' || upper(lpad(to_hex(n), 23, '0')), $1, 'test', 'SE-' || lpad(n::text, 5, '0'), 'Butik ' || n || ' ' || (array['Stockholm','Malmö','Göteborg','Uppsala'])[1 + n % 4],
        'PHYSICAL', jsonb_build_object('street_address', 'Gata ' || n, 'postal_code', (10000 + n)::text, 'city', (array['Stockholm','Malmö','Göteborg','Uppsala'])[1 + n % 4], 'country', 'SE'),
        'SE', now() - (n / 500) * interval '1 second' from generate_series($2::int, $3::int) n`,
    SIZE.stores,
  );
  await fill(
    `insert into terminals (id, partner_id, mode, store_id, reference, label, device, can_show_qr, created_at)
      select 'ter_01K' || upper(lpad(to_hex(n), 23, '0')), $1, 'test', 'sto_01K' || upper(lpad(to_hex(1 + n % $4::int), 23, '0')), 'T-' || n, 'Kassa ' || n,
        case when n % 7 = 0 then 'TABLET' else 'CARD_TERMINAL' end, n % 7 <> 0, now() - (n / 500) * interval '1 second' from generate_series($2::int, $3::int) n`,
    SIZE.terminals,
    [SIZE.stores],
  );
  await test.services.db.query({ text: "vacuum analyze", values: [] });
  questions = await registryQuestions(test.services, SIZE);
});
afterAll(() => test.close());

const StatementSchema = z.object({ text: z.string(), values: z.array(z.unknown()).optional() });
type Asked = { text: string; values: unknown[] };

/** Every statement that the work sends, whichever way it goes: both ways to the database speak through this client. */
async function statementsOf(work: () => Promise<unknown>): Promise<Asked[]> {
  const asked: Asked[] = [];
  const { query } = pg.Client.prototype;
  const listening = function (this: pg.Client, ...given: unknown[]): unknown {
    const parsed = StatementSchema.safeParse(given[0]);
    if (parsed.success && /^\s*(select|with)/i.test(parsed.data.text))
      asked.push({
        text: parsed.data.text,
        values: parsed.data.values ?? z.array(z.unknown()).catch([]).parse(given[1]),
      });
    return Reflect.apply(query, this, given);
  };
  Object.assign(pg.Client.prototype, { query: listening });
  try {
    await work();
  } finally {
    Object.assign(pg.Client.prototype, { query });
  }
  return asked;
}

type Plan = {
  "Node Type": string;
  "Relation Name"?: string | undefined;
  "Actual Rows": number;
  "Actual Loops": number;
  "Rows Removed by Filter"?: number | undefined;
  "Rows Removed by Index Recheck"?: number | undefined;
  Plans?: Plan[] | undefined;
};
const PlanSchema: z.ZodType<Plan> = z.lazy(() =>
  z.object({
    "Node Type": z.string(),
    "Relation Name": z.string().optional(),
    "Actual Rows": z.number(),
    "Actual Loops": z.number(),
    "Rows Removed by Filter": z.number().optional(),
    "Rows Removed by Index Recheck": z.number().optional(),
    Plans: z.array(PlanSchema).optional(),
  }),
);
const ExplainSchema = z.array(z.object({ "QUERY PLAN": z.array(z.object({ Plan: PlanSchema })) }));

async function planOf({ text, values }: Asked): Promise<Plan> {
  const rows = await test.services.db.query({ text: `explain (analyze, format json) ${text}`, values });
  const [row] = ExplainSchema.parse(rows);
  const plan = row?.["QUERY PLAN"][0]?.Plan;
  if (!plan) throw new Error("no plan");
  return plan;
}

const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
const isScan = (node: Plan): boolean => node["Relation Name"] === "stores" || node["Relation Name"] === "terminals";
const touched = (node: Plan): number =>
  (node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0) + (node["Rows Removed by Index Recheck"] ?? 0)) *
  node["Actual Loops"];

/** These answer with every row there is: counting stops at ten thousand. The others find a few among all. */
const FINDS_FEW = [
  "stores, search for a reference",
  "stores, search for an id",
  "terminals, search for a label",
  "terminals of one store",
];

it.each(["all", "own"] as const)("lists touch no more rows than they need, seen by %s", async (who) => {
  const ctx = asUser(
    test.services,
    who === "all" ? "ACQUIRER_ADMIN" : "PARTNER_ADMIN",
    who === "all" ? "all" : [partnerId],
  );
  const found: { question: string; rows: number; whole: string[] }[] = [];
  for (const { name, ask } of questions) {
    const asked = await statementsOf(() => ask(ctx));
    expect(asked.length, name).toBeGreaterThan(1);
    let rows = 0;
    const whole: string[] = [];
    for (const statement of asked) {
      const scans = nodesOf(await planOf(statement)).filter(isScan);
      for (const node of scans) {
        rows = Math.max(rows, touched(node));
        if (node["Node Type"] === "Seq Scan" && touched(node) > LIST_TOTAL_MAX) whole.push(node["Relation Name"] ?? "");
      }
    }
    found.push({ question: name, rows, whole });
  }
  expect(found).toHaveLength(questions.length);
  // Nothing reads a big table from end to end; what is found among all is found by an index.
  const exempt = ["stores that lack a QR device", "Partners, first page"];
  expect(found.filter(({ question, whole }) => whole.length > 0 && !exempt.includes(question))).toEqual([]);
  expect(found.filter(({ question, rows }) => FINDS_FEW.includes(question) && rows > 1_000)).toEqual([]);
});
