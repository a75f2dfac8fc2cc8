import { describe, expect, it } from "vitest";
import { MINUTE_MS } from "@/server/core/time";
import { cancelPayment, getPayment, playCustomer } from "@/server/domain/payments/service";
import { classicHarness } from "@/server/testing/classic-harness";

/* Classic sessions: each launch with each outcome, the money compared with Klarna's books afterwards. */

const h = classicHarness();
const { alarmsOf, asMerchant, becomes, distributed, eventsOf, expectEqualBooks, lose, passTime, sessionOf, sweepFor } =
  h;

type Case = {
  name: string;
  /** What happens once the code is there. */
  play: (id: string) => Promise<unknown>;
  ends: string;
  /** The last thing that the Partner hears. */
  event: string;
  failure?: string;
  alarms?: string[];
};
const played = (action: string) => async (id: string) => h.classic.play(await sessionOf(id), action);

const CASES: Case[] = [
  {
    name: "approved: Klarna places the order itself, automatic capture is a capture by order management",
    play: played("complete"),
    ends: "completed",
    event: "payment.completed",
  },
  { name: "declined in the journey", play: played("decline"), ends: "declined", event: "payment.declined" },
  {
    name: "abandoned: its time is over, Klarna is asked to cancel, and then it is expired",
    play: () => passTime(15 * MINUTE_MS),
    ends: "expired",
    event: "payment.expired",
  },
  {
    name: "canceled by the cashier",
    play: (id) => cancelPayment(h.ctx, id),
    ends: "canceled",
    event: "payment.canceled",
  },
  { name: "ended at Klarna because nobody paid", play: played("expire"), ends: "expired", event: "payment.expired" },
  {
    name: "canceled at Klarna, in the one spelling",
    play: (id) => cancelAtKlarna(id, "CANCELED"),
    ends: "canceled",
    event: "payment.canceled",
  },
  {
    name: "canceled at Klarna, in the other spelling",
    play: (id) => cancelAtKlarna(id, "CANCELLED"),
    ends: "canceled",
    event: "payment.canceled",
  },
  {
    name: "R17: canceled by the cashier while the answer of the cancel is lost: asked again, canceled once",
    play: async (id) => {
      await lose("classic_cancel_session", "cut_after", 3);
      expect((await cancelPayment(h.ctx, id)).status).toBe("pending");
    },
    ends: "canceled",
    event: "payment.canceled",
  },
  {
    name: "paid a moment before the cashier's cancel: the sale is off, the order is undone and an alarm tells it",
    play: async (id) => {
      await h.classic.play(await sessionOf(id), "complete");
      expect((await cancelPayment(h.ctx, id)).status).toBe("canceled");
    },
    ends: "canceled",
    event: "payment.canceled",
    alarms: ["late_approval"],
  },
  {
    name: "paid a moment before its time was over: the sale is off, the order is undone and an alarm tells it",
    play: async (id) => {
      await h.classic.play(await sessionOf(id), "complete");
      h.test.clock.advance(15 * MINUTE_MS);
    },
    ends: "expired",
    event: "payment.expired",
    alarms: ["late_approval"],
  },
];

async function cancelAtKlarna(id: string, word: "CANCELED" | "CANCELLED"): Promise<void> {
  await h.control.settings({ classic_cancel_word: word });
  await asMerchant("DELETE", `/payments/v1/sessions/${await sessionOf(id)}`);
}

describe.each(["qr", "short_code"] as const)("launch %s", (launch) => {
  it.each(CASES)("$name", async ({ play, ends, event, alarms }) => {
    const id = await distributed(launch);
    const shown = await getPayment(h.ctx, id);
    if (launch === "qr") {
      expect(shown.klarna.qr_code?.target_url).toBe(shown.klarna.payment_request_url);
      expect(shown.qr).not.toBeNull();
    } else expect(shown.klarna.qr_code).toBeNull();
    await play(id);
    await becomes(id, ends);
    await sweepFor(10, 5);
    expect((await getPayment(h.ctx, id)).status).toBe(ends);
    expect((await eventsOf(id)).at(-1)).toBe(event);
    expect(await eventsOf(id)).not.toContain("payment.authorized");
    expect(await alarmsOf(id)).toEqual(alarms ?? []);
    await expectEqualBooks(id);
  });

  it("the customer comes, leaves, comes back and pays", async () => {
    const id = await distributed(launch);
    await h.classic.play(await sessionOf(id), "open");
    await becomes(id, "in_progress");
    await h.classic.play(await sessionOf(id), "leave");
    await becomes(id, "pending");
    await h.classic.play(await sessionOf(id), "complete");
    await becomes(id, "completed");
    expect(await getPayment(h.ctx, id)).toMatchObject({ amount_captured: 18_000, amount_refundable: 18_000 });
    expect(await eventsOf(id)).toEqual([
      "payment.pending",
      // The code is there: only where there is one to show.
      ...(launch === "qr" ? ["payment.updated"] : []),
      "payment.in_progress",
      "payment.pending",
      "payment.updated",
      "payment.completed",
    ]);
    await expectEqualBooks(id);
  });
});

it("the customer of a test payment is played as any other's", async () => {
  const id = await distributed("qr");
  await playCustomer(h.ctx, id, "complete");
  await becomes(id, "completed");
});
