import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Answer, at, type Client, createClient, createReceiver, finalBody, type Json } from "../fixtures";
import { RESPONSE_MS } from "./model";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const PATH = "/v4/payment/disputes";
const PDF = "%PDF-1.7 proof of delivery";

let client: Client;
beforeEach(async () => {
  client = await createClient();
});
afterEach(async () => {
  await client.close();
});

async function captured(amount = 10_000): Promise<string> {
  const id = await client.authorized(amount);
  await client.call("POST", `${client.base}/transactions/${id}/captures`, { amount });
  return id;
}

async function opened(input: Json = {}, amount = 10_000): Promise<string> {
  const answer = await client.call("POST", "/_control/disputes", {
    payment_transaction_id: await captured(amount),
    ...input,
  });
  expect(answer.status).toBe(201);
  return String(at(answer.body, "payment_dispute_id"));
}

function upload(id: string, filename = "proof.pdf", content = PDF): Promise<Answer> {
  const boundary = "----boundary";
  return client.call("POST", `${PATH}/${id}/attachments`, undefined, {
    rawBody: [
      `--${boundary}`,
      `Content-Disposition: form-data; name="file"; filename="${filename}"`,
      "Content-Type: application/octet-stream",
      "",
      content,
      `--${boundary}--`,
      "",
    ].join("\r\n"),
    headers: { "content-type": `multipart/form-data; boundary=${boundary}` },
  });
}

async function represented(id: string, extra: Json = {}): Promise<void> {
  const attachment = await upload(id);
  expect(attachment.status).toBe(201);
  const answer = await client.call("POST", `${PATH}/${id}/represent`, {
    attachments: [{ payment_dispute_attachment_id: attachment.body.payment_dispute_attachment_id }],
    ...extra,
  });
  expect(answer.status).toBe(201);
}

const read = async (id: string): Promise<Json> => (await client.call("GET", `${PATH}/${id}`)).body;
const play = (id: string, body: Json) => client.call("POST", `/_control/disputes/${id}/play`, body);

async function moneyOf(): Promise<Record<string, number>> {
  const made = await client.call("POST", "/_control/settlements", {});
  const totals = at(made.body, "settlements", 0, "totals");
  return Object.fromEntries(Object.entries(Object(totals)).map(([name, value]) => [name, Number(value)]));
}

describe("disputes", () => {
  it("goes INITIATED, REPRESENTMENT, PRE_ARBITRATION, ARBITRATION, CLOSED with each state's own block", async () => {
    const receiver = await createReceiver();
    await client.control.webhook(receiver.url, ["payment.dispute.*"]);
    const id = await opened();
    expect(at(await read(id), "state_context", "representment", "state")).toBe("EVIDENCE_REQUESTED");
    await represented(id, { additional_information: "delivered" });
    const second = await read(id);
    expect(second.state).toBe("REPRESENTMENT");
    expect(at(second, "state_context", "partner_evidence", "additional_information")).toBe("delivered");
    expect(at(second, "representment", "state")).toBe("EVIDENCE_RECEIVED");
    await play(id, { action: "lose" });
    const third = await read(id);
    expect(third.state).toBe("PRE_ARBITRATION");
    expect(at(third, "state_context", "arbitration", "preliminary_outcome")).toBe("LOST");
    const appeal = await client.call("POST", `${PATH}/${id}/appeal`, { additional_information: "look again" });
    expect(appeal.status).toBe(201);
    expect(at(await read(id), "state_context", "arbitration_request", "additional_information")).toBe("look again");
    await play(id, { action: "win" });
    const last = await read(id);
    expect([last.state, last.previous_state]).toEqual(["CLOSED", "ARBITRATION"]);
    expect(at(last, "state_context", "dispute_outcome")).toBe("WON");
    await receiver.waitFor(5);
    expect(receiver.received.map((entry) => entry.type)).toEqual(
      ["initiated", "representment", "pre-arbitration", "arbitration", "closed"].map(
        (state) => `dispute.state-change.${state}`,
      ),
    );
    const closed: unknown = JSON.parse(receiver.received[4]?.body ?? "{}");
    expect(at(closed, "event_id")).toBe(at(closed, "metadata", "event_id"));
    expect(at(closed, "metadata", "event_version")).toBe("v1");
    expect(at(closed, "payload", "dispute_outcome")).toBe("WON");
    await receiver.close();
  });

  it.each(Object.entries(RESPONSE_MS))("%s is lost when its time to answer is over, not before", async (reason, ms) => {
    const id = await opened({ reason });
    await client.control.advance(ms - 60_000);
    expect((await read(id)).state).toBe("INITIATED");
    await client.control.advance(60_000);
    const over = await read(id);
    expect(over.state).toBe("CLOSED");
    expect(at(over, "state_context", "dispute_outcome_detailed")).toBe("partner_did_not_reply_to_dispute_request");
    expect(at(over, "representment", "state")).toBe("EVIDENCE_REQUEST_EXPIRED");
  });

  it("is lost ten days after a preliminary decision without an appeal", async () => {
    const id = await opened();
    await represented(id);
    await play(id, { action: "lose" });
    await client.control.advance(10 * DAY_MS - 60_000);
    expect((await read(id)).state).toBe("PRE_ARBITRATION");
    await client.control.advance(60_000);
    expect(at(await read(id), "state_context", "dispute_outcome")).toBe("LOST");
  });

  it("decides by the clock as scripted when the dispute was opened", async () => {
    const id = await opened({ representment_outcome: "LOST", arbitration_outcome: "WON" });
    await represented(id);
    await client.control.advance(5 * DAY_MS + 60_000);
    expect((await read(id)).state).toBe("PRE_ARBITRATION");
    await client.call("POST", `${PATH}/${id}/appeal`, { additional_information: "again" });
    await client.control.advance(5 * DAY_MS + 60_000);
    expect(at(await read(id), "state_context", "dispute_outcome")).toBe("WON");
  });

  it("holds the amount at once and gives it back when won; the fee stays", async () => {
    const id = await opened({ amount: 4_000 });
    expect(await moneyOf()).toMatchObject({ holdback_amount: -4_000, release_amount: 0, reversal_amount: 0 });
    await represented(id);
    await play(id, { action: "win" });
    const money = await moneyOf();
    expect(money).toMatchObject({ release_amount: 4_000, reversal_amount: 0, fee_amount: 0 });
  });

  it("takes the amount at closing only where nothing is held, and the fee at the opening", async () => {
    const id = await opened({ amount: 4_000, hold_policy: "NONE" });
    expect(await moneyOf()).toMatchObject({ holdback_amount: 0, fee_amount: -(299 + 35 + 1_500) });
    expect((await client.call("POST", `${PATH}/${id}/accept-loss`)).status).toBe(202);
    expect(await moneyOf()).toMatchObject({ reversal_amount: -4_000, fee_amount: 0 });
    expect(at(await read(id), "representment", "state")).toBe("EVIDENCE_WAIVED");
  });

  it("gives the customer what the Partner proposed and the Partner the rest", async () => {
    const id = await opened({ amount: 4_000, hold_policy: "NONE" });
    await moneyOf();
    await represented(id, { partner_proposed_refund_amount: 1_500 });
    await play(id, { action: "win" });
    expect(await moneyOf()).toMatchObject({ reversal_amount: -1_500 });
  });

  it("closes a dispute whose money the Partner has refunded", async () => {
    const id = await opened();
    const transaction = String((await read(id)).payment_transaction_id);
    await client.call("POST", `${client.base}/transactions/${transaction}/refunds`, { amount: 1 });
    expect(at(await read(id), "state_context", "dispute_outcome_detailed")).toBe(
      "refund_issued_by_partner_after_escalation",
    );
  });

  it("never disputes more than is captured and not refunded", async () => {
    const transaction = await captured(10_000);
    const open = (amount: number) =>
      client.call("POST", "/_control/disputes", { payment_transaction_id: transaction, amount });
    expect((await open(6_000)).status).toBe(201);
    expect((await open(4_001)).status).toBe(400);
    expect((await open(4_000)).status).toBe(201);
    expect((await open(1)).status).toBe(409);
  });

  it("loses a dispute under the threshold without being asked", async () => {
    await client.call("POST", "/_control/terms", { dispute_threshold: 500 });
    const id = await opened({ amount: 499 });
    const dispute = await read(id);
    expect(dispute.state).toBe("CLOSED");
    expect(at(dispute, "representment", "state")).toBe("REPRESENTMENT_AUTOMATICALLY_REJECTED");
  });

  it("moves the deadline on request of Klarna and says so in an event", async () => {
    const receiver = await createReceiver();
    await client.control.webhook(receiver.url, ["payment.dispute.updated.*"]);
    const id = await opened();
    const before = at(await read(id), "state_context", "representment", "expires_at");
    expect((await play(id, { action: "extend", days: 3 })).status).toBe(200);
    const dispute = await read(id);
    expect(Date.parse(String(at(dispute, "state_context", "representment", "expires_at")))).toBe(
      Date.parse(String(before)) + 3 * DAY_MS,
    );
    expect(at(dispute, "process_exceptions", 0, "exception_type")).toBe("DISPUTE_WINDOW_EXTENSION");
    await receiver.waitFor(1);
    const event: unknown = JSON.parse(receiver.received[0]?.body ?? "{}");
    expect(at(event, "payload", "previous_fields", "evidence_response_deadline_at")).toBe(before);
    await receiver.close();
  });

  it.each([
    ["return", "REFUND_NOT_PROCESSED"],
    ["goods_not_received", "PRODUCTS_OR_SERVICES_NOT_RECEIVED"],
    ["already_paid", "INCORRECT_AMOUNT"],
    ["faulty_goods", "PRODUCTS_DEFECTIVE_OR_NOT_AS_DESCRIBED"],
    ["incorrect_invoice", "INCORRECT_AMOUNT"],
    ["high_risk_order", "PURCHASE_HIGH_RISK"],
    ["unauthorized_purchase", "PURCHASE_UNAUTHORIZED"],
    ["non_guaranteed_payment_program", "NON_GUARANTEED_PAYMENT_PROGRAM"],
    ["non_compliance", "NON_COMPLIANCE"],
    ["return_not_possible", "RETURN_NOT_POSSIBLE"],
  ])("customer+disputed-%s opens %s with the first capture, also after a step-up", async (kind, reason) => {
    const data = { customer: { email: `customer+disputed-${kind}@email.de` } };
    const { token } = await client.completed(5_000, { supplementary_purchase_data: data });
    await client.authorize(finalBody(5_000, {}, "NOW"), { headers: { "klarna-network-session-token": token } });
    const found = await client.call("GET", PATH);
    expect(at(found.body, "disputes", 0, "dispute_reason")).toBe(reason);
    expect(at(found.body, "disputes", 0, "dispute_details", "dispute_amount")).toBe(5_000);

    await client.control.fault({ operation: "authorize", kind: "approve" });
    const answer = await client.authorize(finalBody(6_000, { supplementary_purchase_data: data }));
    const id = at(answer.body, "payment_transaction_response", "payment_transaction", "payment_transaction_id");
    expect(at((await client.call("GET", PATH)).body, "pagination", "total")).toBe(1);
    await client.call("POST", `${client.base}/transactions/${String(id)}/captures`, { amount: 2_000 });
    await client.call("POST", `${client.base}/transactions/${String(id)}/captures`, { amount: 1_000 });
    expect(at((await client.call("GET", PATH)).body, "pagination", "total")).toBe(2);
  });

  it("takes each documented kind of file up to 7 MB, gives it back as it was, and refuses what is not what it says", async () => {
    const id = await opened();
    const attachment = await upload(id, "Beleg (1).pdf");
    const path = `${PATH}/${id}/attachments/${String(attachment.body.payment_dispute_attachment_id)}/download`;
    const file = await client.call("GET", path);
    expect(file.text).toBe(PDF);
    expect(file.headers.get("content-type")).toBe("application/pdf");
    expect(file.headers.get("content-disposition")).toContain('filename="Beleg (1).pdf"');
    expect((await upload(id, "proof.png")).status).toBe(400);
    expect((await upload(id, "proof.exe")).status).toBe(400);
    expect((await upload(id, "proof.pdf", "")).status).toBe(400);
    const most = PDF.padEnd(7 * 1024 * 1024, " ");
    expect((await upload(id, "large.pdf", most)).status).toBe(201);
    expect((await upload(id, "large.pdf", `${most} `)).status).toBe(400);
    expect((await upload(id, "large.pdf", most.padEnd(8 * 1024 * 1024, " "))).status).toBe(413);
    const other = await opened();
    expect((await client.call("GET", path.replace(id, other))).status).toBe(404);
  });

  it("takes and gives files over the wire, as a browser's form sends them", async () => {
    const id = await opened();
    const headers = { authorization: `Basic ${client.simulator.apiKey}` };
    const bytes = new Uint8Array(3 * 1024 * 1024).map((_, index) => (index * 7) % 256);
    bytes.set([0x89, 0x50, 0x4e, 0x47]);
    const form = new FormData();
    form.set("file", new File([bytes], "Quittung für 3 €.png", { type: "image/png" }));
    const path = `${client.simulator.url}${PATH}/${id}/attachments`;
    const sent = await fetch(path, { method: "POST", headers, body: form });
    expect(sent.status).toBe(201);
    const attachment = String(at(await sent.json(), "payment_dispute_attachment_id"));
    const got = await fetch(`${path}/${attachment}/download`, { headers });
    expect(Buffer.from(await got.arrayBuffer()).equals(Buffer.from(bytes))).toBe(true);
    expect(got.headers.get("content-disposition")).toContain(encodeURIComponent("Quittung für 3 €.png"));
  });

  it("filters, sorts and pages the list", async () => {
    const ids = [
      await opened({ reason: "PURCHASE_UNAUTHORIZED" }),
      await opened({ reason: "INCORRECT_AMOUNT" }),
      await opened({ reason: "PURCHASE_UNAUTHORIZED" }),
    ];
    await client.call("POST", `${PATH}/${ids[0]}/accept-loss`);
    const list = async (query: string) => {
      const answer = await client.call("GET", PATH, undefined, { query });
      const found = at(answer.body, "disputes");
      return Array.isArray(found) ? found.map((dispute) => at(dispute, "payment_dispute_id")) : answer.body;
    };
    expect(await list("")).toEqual([...ids].reverse());
    expect(await list("?state=CLOSED")).toEqual([ids[0]]);
    expect(await list("?reason=PURCHASE_UNAUTHORIZED&state=INITIATED")).toEqual([ids[2]]);
    expect(await list("?size=1&sort_by=created_at")).toEqual([ids[0]]);
    const page = await client.call("GET", PATH, undefined, { query: "?size=2" });
    const next = new URL(String(at(page.body, "pagination", "links", "next", "href")));
    const rest = await client.call("GET", next.pathname, undefined, { query: next.search });
    expect(at(rest.body, "disputes", 0, "payment_dispute_id")).toBe(ids[0]);
    expect(at(rest.body, "pagination", "last_item")).toBe(null);
    const last = String((await read(ids[2] ?? "")).payment_transaction_id);
    expect(await list(`?payment_transaction_ids[]=${last}`)).toEqual([ids[2]]);
    expect(await list(`?created_at_start=${new Date(Date.now() + HOUR_MS).toISOString()}`)).toEqual([]);
  });

  it("keeps disputes, files and deadlines over a restart", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "simulator-"));
    await client.close();
    client = await createClient({ dataDir });
    const id = await opened();
    const attachment = String((await upload(id)).body.payment_dispute_attachment_id);
    const before = await read(id);
    await client.close();
    client = await createClient({ dataDir });
    expect(await read(id)).toEqual(before);
    expect((await client.call("GET", `${PATH}/${id}/attachments/${attachment}/download`)).text).toBe(PDF);
    await client.control.advance(22 * DAY_MS);
    expect((await read(id)).state).toBe("CLOSED");
    rmSync(dataDir, { recursive: true });
  });
});
