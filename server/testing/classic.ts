import { createServer } from "node:http";
import { z } from "zod";
import type { Services } from "@/server/context";
import { saveClassicCredential } from "@/server/domain/classic/service";
import { createClassicListener } from "@/server/ingress/classic-callback";
import type { RunningSimulator } from "@/server/simulator/testing";
import { type BuiltPartner, makePartner } from "./builders";
import { asUser } from "./context";

/* What tests of classic sessions need: a Partner with credentials of its own, the customer, and the address that Klarna calls. */

const CredentialSchema = z.looseObject({ username: z.string(), password: z.string() });

/** The simulator's control API of the classic side. */
export function classicControl(simulator: Pick<RunningSimulator, "url">) {
  async function call(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await fetch(`${simulator.url}/_control/classic${path}`, {
      method,
      headers: { "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`The simulator refused ${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text);
  }
  const SessionsSchema = z.object({
    sessions: z.array(
      z.looseObject({
        session_id: z.string(),
        status: z.string(),
        order_id: z.string().nullable(),
        merchant_reference2: z.string().nullable(),
        acquiring_channel: z.string(),
        purchase_country: z.string(),
        locale: z.string(),
        billing_address: z.looseObject({}).nullable(),
        attachment: z.looseObject({ content_type: z.string(), body: z.string() }).nullable(),
        distribution: z
          .looseObject({ short_code: z.string().nullable(), status_update: z.string().nullable() })
          .nullable(),
      }),
    ),
  });
  const OrdersSchema = z.object({
    orders: z.array(
      z.looseObject({
        order_id: z.string(),
        session_id: z.string(),
        status: z.string(),
        fraud_status: z.string(),
        order_amount: z.number(),
        captured_amount: z.number(),
        refunded_amount: z.number(),
        remaining_authorized_amount: z.number(),
        merchant_reference1: z.string().optional(),
        merchant_reference2: z.string().optional(),
        klarna_reference: z.string(),
      }),
    ),
  });
  return {
    call,
    /** User and password of a merchant, as Klarna hands them out. */
    credential: async (account: string) => CredentialSchema.parse(await call("POST", "/credentials", { account })),
    sessions: async (account: string) =>
      SessionsSchema.parse(await call("GET", `/sessions?account=${account}`)).sessions,
    orders: async (account: string) => OrdersSchema.parse(await call("GET", `/orders?account=${account}`)).orders,
    play: (sessionId: string, action: string) => call("POST", `/sessions/${sessionId}/play`, { action, force: true }),
    fraud: (orderId: string, status: "ACCEPTED" | "PENDING" | "REJECTED") =>
      call("POST", `/orders/${orderId}/fraud-status`, { fraud_status: status }),
    shortCode: async () =>
      z.looseObject({ short_code: z.string() }).parse(await call("POST", "/short-codes")).short_code,
    callbacks: async (sessionId: string) =>
      z
        .object({
          callbacks: z.array(
            z.looseObject({
              callback_id: z.string(),
              status: z.string(),
              url: z.string(),
              attempts: z.array(z.unknown()),
            }),
          ),
        })
        .parse(await call("GET", `/callbacks?session_id=${sessionId}`)).callbacks,
    redeliver: (callbackId: string) => call("POST", `/callbacks/${callbackId}/redeliver`),
  };
}
export type ClassicControl = ReturnType<typeof classicControl>;

/** A Partner whose terminal is set to classic sessions, with credentials of its own that the simulator knows. */
export async function makeClassicPartner(
  services: Services,
  simulator: Pick<RunningSimulator, "url">,
  options: Parameters<typeof makePartner>[1] & { region?: "EU" | "NA" | "OC" } = {},
): Promise<BuiltPartner> {
  const { region = "EU", ...rest } = options;
  const built = await makePartner(services, rest);
  const { username, password } = await classicControl(simulator).credential(built.account.id);
  await saveClassicCredential(asUser(services, "ACQUIRER_ADMIN", "all", built.account.mode), built.partner.id, {
    region,
    username,
    password,
  });
  await services.db.query({
    text: `update terminals set settings = settings || '{"rail":"CLASSIC"}' where id = $1`,
    values: [built.terminal.id],
  });
  return built;
}

/** The product's own listener on a loopback port: what PUBLIC_URL must be for Klarna to reach it. */
export async function receiveCallbacks() {
  let services: Services | null = null;
  let isHeld = false;
  const statuses: number[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const listener = services === null ? null : createClassicListener(services);
      if (isHeld || listener === null) {
        response.writeHead(503).end();
        return;
      }
      listener({ target: request.url ?? "/", rawBody: Buffer.concat(chunks) }).then(
        (answer) => {
          statuses.push(answer.status);
          response.writeHead(answer.status).end(answer.body);
        },
        () => response.writeHead(500).end(),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    serve: (given: Services) => {
      services = given;
    },
    hold: () => {
      isHeld = true;
    },
    release: () => {
      isHeld = false;
    },
    statuses,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
