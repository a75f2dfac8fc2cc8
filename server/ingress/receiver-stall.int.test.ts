import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { MINUTE_MS, SECOND_MS } from "@/server/core/time";
import { processInbox } from "@/server/domain/inbox/service";
import { CreatePaymentSchema } from "@/server/domain/payments/schema";
import { createPayment, getPayment } from "@/server/domain/payments/service";
import { makePartner, unique } from "@/server/testing/builders";
import { childSettings } from "@/server/testing/child-settings";
import { asApiKey, type TestServices, testServices } from "@/server/testing/context";
import { storeSigningKey } from "@/server/testing/klarna-webhooks";

let test: TestServices;
let child: ChildProcess;
let url: string;

beforeAll(async () => {
  test = await testServices({ clock: "movable" });
  const { env } = test.services;
  child = spawn(
    process.execPath,
    ["--import", "tsx", path.join(import.meta.dirname, "../testing/klarna-receiver-child.ts")],
    {
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        PATH: process.env["PATH"],
        NODE_ENV: "test",
        TILLGATE_ENV: "demo",
        ...childSettings(env),
      },
    },
  );
  const [line] = child.stdout ? await once(child.stdout, "data") : [];
  url = `http://127.0.0.1:${Number(String(line))}/api/klarna/webhooks`;
});
afterAll(async () => {
  if (child.exitCode === null) {
    const ended = once(child, "exit");
    child.kill("SIGCONT");
    child.kill("SIGKILL");
    await ended;
  }
  await test.simulator.control.settings({ webhook_timeout_ms: 10_000 });
  await test.close();
});

it("R22: a receiver that stands still for 30 s hears the event again from Klarna, and takes it once", async () => {
  const { services, simulator } = test;
  const partner = await makePartner(services);
  const ctx = asApiKey(services, { partnerId: partner.partner.id });
  const hook = await simulator.control.webhook(url);
  await storeSigningKey(services, { id: hook.signing_key_id, mode: "test", secret: hook.signing_key });
  // Klarna's patience, shortened: its clock is moved below, the receiver's is real.
  await simulator.control.settings({ webhook_timeout_ms: 700 });
  const payment = await createPayment(
    ctx,
    CreatePaymentSchema.parse({
      amount: 12_345,
      currency: "SEK",
      reference: unique("order"),
      store: { id: partner.store.id },
      terminal: { id: partner.terminal.id },
    }),
  );
  await simulator.control.idle();
  const [request] = await simulator.control.requests({ payment_request_reference: payment.id });
  if (!request) throw new Error("Klarna knows no request");

  child.kill("SIGSTOP");
  await simulator.control.play(request.payment_request_id, "complete");
  const completed = async () => {
    const found = await simulator.control.deliveries({ payment_request_reference: payment.id });
    const delivery = found.find((item) => item.event_type.endsWith(".completed"));
    if (!delivery) throw new Error("Klarna has sent nothing");
    return delivery;
  };
  const afterAttempt = (count: number) =>
    vi.waitFor(async () => expect((await completed()).attempts).toHaveLength(count), { timeout: 30_000 });
  await afterAttempt(1);
  await simulator.control.advance(10 * SECOND_MS);
  test.clock.advance(10 * SECOND_MS);
  await afterAttempt(2);
  expect((await completed()).attempts.map((attempt) => attempt.status)).toEqual([null, null]);
  test.clock.advance(20 * SECOND_MS);

  child.kill("SIGCONT");
  await simulator.control.advance(2 * MINUTE_MS);
  test.clock.advance(2 * MINUTE_MS);
  await vi.waitFor(async () => expect((await completed()).status).toBe("DELIVERED"), { timeout: 30_000 });

  const delivery = await completed();
  const rows = await services.db.query({
    text: "select id from inbox_events where event_id = $1",
    values: [delivery.event_id],
  });
  expect(rows).toHaveLength(1);
  await processInbox(services);
  expect((await getPayment(ctx, payment.id)).status).toBe("completed");
  expect(await simulator.control.transactions({ payment_transaction_reference: payment.id })).toHaveLength(1);
  const told = await services.db.query({
    text: "select id from outbox_events where subject_id = $1 and type = 'payment.completed'",
    values: [payment.id],
  });
  expect(told).toHaveLength(1);
});
