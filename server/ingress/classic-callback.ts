import type { Services } from "@/server/context";
import type { Row } from "@/server/db/client";
import { isEqualSecret } from "@/server/db/secrets";
import { webhooksReceived } from "@/server/observability/metrics";

/*
 * Where Klarna says that a classic session has changed. The call is not signed, so its body says nothing that we believe:
 * the secret in its address lets it wake the payment, and the payment is read at Klarna.
 */

export const CALLBACK_BODY_MAX_BYTES = 65_536;
const PATH = /^\/api\/klarna\/classic\/(pay_[0-9A-HJKMNP-TV-Z]{26})$/;
const HASH_PURPOSE = "classic_callback_hash";

export type CallbackAnswer = { status: number; body: string };
/** `target` is the path with its query. */
export type ClassicListener = (request: { target: string; rawBody: Buffer }) => Promise<CallbackAnswer>;

/** Whether an address is one of the listener's. */
export function isClassicCallback(path: string): boolean {
  return PATH.test(path);
}

const refuse = (status: number, result: string): CallbackAnswer => {
  webhooksReceived.inc({ result });
  return { status, body: `{"error":"${result}"}` };
};

/**
 * Makes the listener. It answers 401 for a secret that does not fit, whether or not there is such a payment; 413 above
 * 64 KiB; else 200 once the payment is due at once. A repeated or forged body changes nothing: it is not even read.
 */
export function createClassicListener(services: Services): ClassicListener {
  const { db, secrets, clock } = services;
  // Compared with where there is nothing to compare with, so that the time tells nothing.
  const nothing = secrets.hash("nothing", HASH_PURPOSE);
  return async ({ target, rawBody }) => {
    if (rawBody.length > CALLBACK_BODY_MAX_BYTES) return refuse(413, "body_too_large");
    const url = new URL(target, "http://localhost");
    const paymentId = PATH.exec(url.pathname)?.[1] ?? "";
    const given = url.searchParams.getAll("secret");
    const [row] = await db.query<Row & { hash: string | null }>({
      name: "classic_callback_payment",
      text: "select classic->>'callbackHash' as hash from payments where id = $1 and rail = 'CLASSIC'",
      values: [paymentId],
    });
    const hash = row?.hash ?? null;
    const isRight = isEqualSecret(secrets.hash(given[0] ?? "", HASH_PURPOSE), hash ?? nothing);
    if (!isRight || hash === null || given.length !== 1) return refuse(401, "secret_wrong");
    const now = clock.now();
    // What is over stays over; what ended unpaid is looked at once more, for an order that Klarna placed meanwhile.
    await db.query({
      name: "classic_callback_wake",
      text: `with woken as (
          update payments set next_action_at = $2, version = version + 1
          where id = $1 and state in ('PROCESSING','PENDING','IN_PROGRESS','FINALIZING','DECLINED','CANCELED','EXPIRED','FAILED')
            and late_approval_state is null and (next_action_at is null or next_action_at > $2) returning id
        )
        update klarna_operations o set next_attempt_at = $2 from woken
        where o.payment_id = woken.id and o.kind = 'AUTHORIZE' and o.state = 'UNKNOWN' and o.next_attempt_at > $2`,
      values: [paymentId, now],
    });
    services.nudge("payments");
    webhooksReceived.inc({ result: "classic" });
    return { status: 200, body: '{"received":true}' };
  };
}
