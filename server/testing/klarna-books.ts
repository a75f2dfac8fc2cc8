import { z } from "zod";

/* What the simulator holds, read through its control API: the truth that payments are compared with. */

const TransactionSchema = z.looseObject({
  payment_transaction_id: z.string(),
  payment_transaction_reference: z.string().nullable(),
  purchase_reference: z.string().nullable(),
  amount: z.number(),
  captured_amount: z.number(),
  refunded_amount: z.number(),
  voided_amount: z.number(),
});
export type BookedTransaction = z.infer<typeof TransactionSchema>;
const RequestSchema = z.looseObject({
  payment_request_id: z.string(),
  payment_request_reference: z.string().nullable(),
  purchase_reference: z.string().nullable(),
  state: z.string(),
  final: z.looseObject({ result: z.string() }).nullable(),
});
export type BookedRequest = z.infer<typeof RequestSchema>;

export function klarnaBooks(url: string) {
  const read = async (path: string): Promise<unknown> => {
    const response = await fetch(`${url}/_control${path}`);
    if (!response.ok) throw new Error(`the simulator answered ${response.status} to ${path}`);
    return response.json();
  };
  const write = (path: string, body: unknown): Promise<Response> =>
    fetch(`${url}/_control${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  return {
    async transactions(account: string, limit = 100_000): Promise<BookedTransaction[]> {
      const path = `/transactions?account=${encodeURIComponent(account)}&limit=${limit}`;
      return z.looseObject({ transactions: z.array(TransactionSchema) }).parse(await read(path)).transactions;
    },
    async requests(account: string, limit = 100_000): Promise<BookedRequest[]> {
      const path = `/requests?account=${encodeURIComponent(account)}&limit=${limit}`;
      return z.looseObject({ requests: z.array(RequestSchema) }).parse(await read(path)).requests;
    },
    /** The API calls that Klarna has heard, oldest first. */
    async calls(filter: Record<string, string>): Promise<unknown[]> {
      const path = `/calls?${new URLSearchParams({ limit: "10000", ...filter })}`;
      return z.looseObject({ calls: z.array(z.unknown()) }).parse(await read(path)).calls;
    },
    /** The customer without a phone. */
    play: (requestId: string, action: "open" | "complete" | "decline" | "leave" | "expire") =>
      write(`/requests/${encodeURIComponent(requestId)}/play`, { action, force: true }),
    /** How many faults still wait for their call. */
    async armedFaults(): Promise<number> {
      const FaultsSchema = z.looseObject({
        faults: z.array(z.looseObject({ times: z.number().nullable(), hits: z.number() })),
      });
      const { faults } = FaultsSchema.parse(await read("/faults"));
      return faults.filter(({ times, hits }) => times !== null && hits < times).length;
    },
    arm: (fault: Record<string, unknown>) => write("/faults", fault),
  };
}
