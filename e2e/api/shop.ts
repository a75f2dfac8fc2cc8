import { test as base, expect } from "@playwright/test";
import { z } from "zod";
import type { Demo } from "@/server/testing/instance";
import { demoOf, type InstanceServices, instanceServices } from "@/server/testing/instance-services";
import { klarnaBooks } from "@/server/testing/klarna-books";
import { createTill, type ShopPayment, ShopPaymentSchema, type Till } from "@/server/testing/shop";

/* What the HTTP tests share: the demo Partner's till, Klarna's books, and set-up behind the instance's back. */

export type Shop = {
  demo: Demo;
  dataDir: string;
  till: Till;
  books: ReturnType<typeof klarnaBooks>;
  /** A payment of the demo Partner; waits for the customer unless the amount says otherwise. */
  pay: (amount?: number, more?: Record<string, unknown>) => Promise<ShopPayment>;
  waitFor: (id: string, status: string) => Promise<ShopPayment>;
};

let count = 0;
export function newReference(): string {
  count += 1;
  return `API-${process.pid}-${Date.now().toString(36)}-${count}`;
}

export function payBody(demo: Demo, reference: string, amount = 11_850): Record<string, unknown> {
  return {
    amount,
    currency: demo.currency,
    reference,
    launch: "qr",
    store: { id: demo.store.id },
    terminal: { id: demo.terminal.id },
  };
}

export const test = base.extend<{ setUp: InstanceServices }, { shop: Shop }>({
  shop: [
    // biome-ignore lint/correctness/noEmptyPattern: the runner reads the names of the fixtures from this pattern
    async ({}, use) => {
      const dataDir = process.env["E2E_DATA_DIR"] ?? "";
      const demo = demoOf(dataDir);
      const till = createTill({ url: demo.url, apiKey: demo.api_key });
      await use({
        demo,
        dataDir,
        till,
        books: klarnaBooks(demo.simulator.url),
        pay: async (amount = 11_850, more = {}) => {
          const reference = newReference();
          const answer = await till.call("POST", "/api/v1/payments", {
            key: reference,
            body: { ...payBody(demo, reference, amount), ...more },
          });
          expect(answer.status, JSON.stringify(answer.json)).toBe(201);
          return ShopPaymentSchema.parse(answer.json);
        },
        waitFor: async (id, status) => {
          let found = await till.read(id);
          await expect
            .poll(
              async () => {
                found = await till.read(id);
                return found.status;
              },
              { timeout: 60_000, intervals: [50, 100, 250] },
            )
            .toBe(status);
          return found;
        },
      });
    },
    { scope: "worker" },
  ],
  setUp: async ({ shop }, use) => {
    const services = instanceServices({ url: shop.demo.url, dataDir: shop.dataDir });
    await use(services);
    await services.close();
  },
});

export const ProblemSchema = z.looseObject({ code: z.string(), request_id: z.string(), status: z.number() });

/** Server-sent events of one address, whole messages as they come; ends when the server ends it. */
export async function* readStream(url: string, headers: Record<string, string>): AsyncGenerator<unknown> {
  const response = await fetch(url, { headers: { accept: "text/event-stream", ...headers } });
  if (!response.ok || !response.body) throw new Error(`the stream answered ${response.status}`);
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body) {
    rest += decoder.decode(chunk, { stream: true });
    const messages = rest.split("\n\n");
    rest = messages.pop() ?? "";
    for (const message of messages) {
      const data = message
        .split("\n")
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(5).trim())
        .join("\n");
      if (data !== "") yield JSON.parse(data);
    }
  }
}

export { expect };
