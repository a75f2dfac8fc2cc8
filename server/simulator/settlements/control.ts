import { Hono } from "hono";
import { z } from "zod";
import { openDispute } from "../disputes/opening";
import { PlayDisputeSchema, playDispute } from "../disputes/play";
import { getDispute, sweepDisputes } from "../disputes/states";
import { disputeView } from "../disputes/views";
import { SimulatedError } from "../errors";
import { iso } from "../ids";
import { CURRENCIES } from "../markets";
import type { SftpServer } from "../sftp";
import { getAccount, nowFor, type Simulator } from "../simulator";
import { lineView, settlementView } from "./api";
import { changeTerms, collectLines, termsOf } from "./lines";
import { LineTypeSchema, PayoutStatusSchema, TermsSchema } from "./model";
import type { Settlements } from "./settlements";

/** The control API for settlements, disputes and the SFTP server. */

const MINOR_UNITS_MAX = 2_147_483_647;

const SettleSchema = z.strictObject({
  /** Only what happened before; otherwise everything. */
  until: z.iso.datetime().optional(),
  currency: z.enum(CURRENCIES).optional(),
  /** One per day instead of one for all. */
  daily: z.boolean().optional(),
});

const AdjustmentSchema = z.strictObject({
  account: z.string(),
  currency: z.enum(CURRENCIES),
  type: LineTypeSchema.extract(["CORRECTION", "COMMISSION", "CHARGE", "CREDIT"]).default("CORRECTION"),
  amount: z.int().min(-MINOR_UNITS_MAX).max(MINOR_UNITS_MAX),
  comment: z.string().max(255).optional(),
});

const SftpSchema = z.strictObject({
  is_enabled: z.boolean(),
  port: z.int().min(0).max(65_535).optional(),
  user: z.string().min(1).max(64).optional(),
  password: z.string().min(8).max(128).optional(),
  public_key: z.string().max(2_048).optional(),
});

/** What is owed but not settled yet, and what the last settlement carried forward, per currency. */
export function balancesOf(sim: Simulator) {
  collectLines(sim);
  const rows = new Map<
    string,
    { currency: string; carried_forward: number; unsettled: number; unsettled_lines: number; paid_out: number }
  >();
  const rowOf = (currency: string) => {
    const known = rows.get(currency);
    if (known !== undefined) return known;
    const made = { currency, carried_forward: 0, unsettled: 0, unsettled_lines: 0, paid_out: 0 };
    rows.set(currency, made);
    return made;
  };
  for (const settlement of sim.state.settlements.values()) {
    const row = rowOf(settlement.currency);
    row.carried_forward = settlement.closing_balance;
    row.paid_out += settlement.payout?.amount ?? 0;
  }
  for (const line of sim.state.settlementLines.values()) {
    if (line.settlement_id !== null) continue;
    const row = rowOf(line.currency);
    row.unsettled += line.amount + line.tax_amount;
    row.unsettled_lines += 1;
  }
  return [...rows.values()];
}

export function createSettlementControl(sim: Simulator, settlements: Settlements, sftp: SftpServer): Hono {
  const app = new Hono();

  async function bodyOf(request: Request): Promise<unknown> {
    const text = await request.text();
    if (text === "") return {};
    try {
      return JSON.parse(text);
    } catch {
      throw new SimulatedError("VALIDATION_ERROR", "The body is not valid JSON.");
    }
  }

  app.get("/disputes", (c) => {
    const { account, state, payment_transaction_id, payment_transaction_reference, limit } = c.req.query();
    sweepDisputes(sim);
    const found = [...sim.state.disputes.values()].filter(
      (dispute) =>
        (account === undefined || dispute.account_id === account) &&
        (state === undefined || dispute.state === state) &&
        (payment_transaction_id === undefined || dispute.payment_transaction_id === payment_transaction_id) &&
        (payment_transaction_reference === undefined ||
          dispute.payment_transaction_reference === payment_transaction_reference),
    );
    const page = found.reverse().slice(0, Math.max(1, Number(limit) || 1_000));
    return c.json({ count: found.length, disputes: page.map((dispute) => disputeView(sim, dispute)) });
  });
  app.post("/disputes", async (c) => {
    const dispute = openDispute(sim, await bodyOf(c.req.raw));
    await sim.state.durable();
    return c.json(disputeView(sim, dispute), 201);
  });
  app.get("/disputes/:id", (c) => c.json(disputeView(sim, getDispute(sim, c.req.param("id")).dispute)));
  app.post("/disputes/:id/play", async (c) => {
    const input = PlayDisputeSchema.parse(await bodyOf(c.req.raw));
    const { account, dispute } = getDispute(sim, c.req.param("id"));
    playDispute(sim, account, dispute, input);
    await sim.state.durable();
    return c.json(disputeView(sim, dispute));
  });

  app.get("/settlements", (c) => {
    const { currency, limit } = c.req.query();
    const found = [...sim.state.settlements.values()].filter(
      (settlement) => currency === undefined || settlement.currency === currency,
    );
    const page = found.reverse().slice(0, Math.max(1, Number(limit) || 1_000));
    return c.json({
      count: found.length,
      settlements: page.map((settlement) => settlementView(settlements, settlement)),
    });
  });
  app.post("/settlements", async (c) => {
    const input = SettleSchema.parse(await bodyOf(c.req.raw));
    const made = settlements.settleNow({
      ...(input.until === undefined ? {} : { until: Date.parse(input.until) }),
      ...(input.currency === undefined ? {} : { currency: input.currency }),
      isDaily: input.daily ?? false,
    });
    await sim.state.durable();
    return c.json({ settlements: made.map((settlement) => settlementView(settlements, settlement)) }, 201);
  });
  app.get("/settlements/:id/lines", (c) => {
    const settlement = settlements.getSettlement(c.req.param("id"));
    return c.json({ lines: settlements.linesOf(settlement).map((line) => lineView(settlement, line)) });
  });
  app.post("/settlements/:id/payout", async (c) => {
    const input = z.strictObject({ status: PayoutStatusSchema }).parse(await bodyOf(c.req.raw));
    const settlement = settlements.getSettlement(c.req.param("id"));
    if (settlement.payout === null) throw new SimulatedError("OPERATION_FORBIDDEN", "This settlement has no payout.");
    settlement.payout.status = input.status;
    if (input.status === "PAID") settlement.payout.paid_at = nowFor(sim, undefined);
    sim.state.settlements.put(settlement);
    await sim.state.durable();
    return c.json(settlementView(settlements, settlement));
  });

  app.get("/balances", (c) => c.json({ balances: balancesOf(sim) }));
  app.post("/adjustments", async (c) => {
    const line = settlements.adjust(AdjustmentSchema.parse(await bodyOf(c.req.raw)));
    await sim.state.durable();
    return c.json(line === undefined ? {} : { ...line, created_at: iso(line.created_at) }, 201);
  });

  app.get("/terms", (c) => c.json(termsOf(sim, c.req.query("account"))));
  app.post("/terms", async (c) => {
    const { account, ...terms } = TermsSchema.partial()
      .extend({ account: z.string().optional() })
      .parse(await bodyOf(c.req.raw));
    const owner = account === undefined ? undefined : getAccount(sim, account);
    const changed = changeTerms(sim, owner?.account_id, terms);
    await sim.state.durable();
    return c.json(changed);
  });

  app.get("/sftp", (c) => c.json(sftp.view()));
  app.post("/sftp", async (c) => {
    const { public_key, ...input } = SftpSchema.parse(await bodyOf(c.req.raw));
    try {
      await sftp.enable({ ...input, publicKey: public_key });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new SimulatedError("OPERATION_FORBIDDEN", `The SFTP server did not start: ${reason}`);
    }
    await sim.state.durable();
    return c.json(sftp.view());
  });

  return app;
}
