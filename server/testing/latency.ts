import type { Demo } from "@/server/boot/settings";
import { klarnaBooks } from "./klarna-books";
import { createTill, openReceiver, pause, ShopPaymentSchema, until } from "./shop";

export type LatencyReport = { medianMs: number; p99Ms: number; firstMs: number; waits: number[] };

/**
 * From the customer's tap to the Partner's webhook: each payment is taken, its customer accepts at Klarna, and the clock
 * runs until the Partner's receiver has `payment.completed`. One after the other, as in a shop.
 */
export async function measureLatency(demo: Demo, count: number): Promise<LatencyReport> {
  const till = createTill({ url: demo.url, apiKey: demo.api_key });
  const books = klarnaBooks(demo.simulator.url);
  const receiver = await openReceiver(till, ["payment.completed"]);
  const waits: number[] = [];
  try {
    for (let index = 0; index < count; index += 1) {
      const reference = `LATENCY-${Date.now().toString(36)}-${index}`;
      const created = await till.call("POST", "/api/v1/payments", {
        key: reference,
        body: {
          amount: 11_850,
          currency: demo.currency,
          reference,
          launch: "qr",
          store: { id: demo.store.id },
          terminal: { id: demo.terminal.id },
        },
      });
      const payment = ShopPaymentSchema.parse(created.json);
      const requestId = payment.klarna.payment_request_id;
      if (created.status !== 201 || requestId === null) throw new Error(`create answered ${created.status}`);
      await books.play(requestId, "open");
      await pause(150);
      const tappedMs = performance.now();
      const played = await books.play(requestId, "complete");
      if (!played.ok) throw new Error(`the journey answered ${played.status}`);
      const event = await until(
        `payment.completed of ${payment.id}`,
        20_000,
        () => receiver.heard.find((heard) => heard.subjectId === payment.id),
        5,
      );
      if (!event.isGenuine) throw new Error("the webhook's signature is wrong");
      waits.push(event.atMs - tappedMs);
    }
  } finally {
    await receiver.close();
  }
  const sorted = [...waits].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { medianMs: at(0.5), p99Ms: at(0.99), firstMs: waits[0] ?? 0, waits };
}
