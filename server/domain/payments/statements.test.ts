import { expect, it, vi } from "vitest";
import type { Transaction } from "@/server/db/client";
import type { PaymentChange } from "./repository-change";

/*
 * A process of the product may have a module twice, as a bundle for pages and one for actions, over the same connections. The
 * database refuses a prepared statement whose name has another text: the step of a payment would be lost.
 */

const payment = { id: "pay_1", version: 1 } as PaymentChange["after"];
const step = (more: Partial<PaymentChange>): PaymentChange => ({ before: payment, after: payment, ...more });
const alarm = [{ id: "alm_1" }] as unknown as NonNullable<PaymentChange["alarms"]>;
const refund = [{ id: "ref_1" }] as unknown as NonNullable<PaymentChange["refunds"]>;

it("each name of a payment's step means one statement, in whatever copy of the module and order it came up", async () => {
  const texts = new Map<string, Set<string>>();
  const query = async ({ name = "", text }: { name?: string; text: string }) => {
    texts.set(name, (texts.get(name) ?? new Set()).add(text));
    return [{ id: "pay_1" }];
  };
  const tx = { query } as unknown as Transaction;
  const steps = [
    step({}),
    step({ alarms: alarm }),
    step({ refunds: refund }),
    step({ refunds: refund, alarms: alarm }),
  ];
  for (const order of [steps, [...steps].reverse()]) {
    vi.resetModules();
    const { applyChange } = await import("./repository-change");
    for (const change of order) await applyChange(tx, change, new Date(0));
  }
  expect([...texts.keys()].every((name) => name !== "" && Buffer.byteLength(name) <= 63)).toBe(true);
  expect(texts.size).toBe(steps.length);
  expect([...texts.values()].map((all) => all.size)).toEqual(steps.map(() => 1));
});
