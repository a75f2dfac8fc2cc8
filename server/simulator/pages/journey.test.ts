import jsQR from "jsqr";
import { PNG } from "pngjs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { at, type Client, createClient, finalBody, stepUpBody } from "../fixtures";
import { splitAmount } from "./format";

let client: Client;
let start: string;
let id: string;

beforeEach(async () => {
  client = await createClient();
  await begin(5890);
});
afterEach(async () => {
  await client.close();
});

async function begin(amount: number, extra: Record<string, unknown> = {}): Promise<void> {
  const answer = await client.authorize(stepUpBody(amount, extra));
  id = String(at(answer.body, "payment_request", "payment_request_id"));
  start = new URL(
    String(at(answer.body, "payment_request", "state_context", "customer_interaction", "payment_request_url")),
  ).pathname;
}

async function open(path = start): Promise<string> {
  const response = await client.simulator.fetch(new Request(`${client.simulator.url}${path}`));
  return await response.text();
}

async function tap(step: string, form: Record<string, string> = {}): Promise<string> {
  const response = await client.simulator.fetch(
    new Request(`${client.simulator.url}${start.replace(/start$/, step)}`, {
      method: "POST",
      body: new URLSearchParams(form),
    }),
  );
  expect(response.status).toBe(303);
  return await open(response.headers.get("location") ?? "");
}

async function toReview(): Promise<string> {
  await open();
  await tap("phone", { persona: "approved", phone: "+49017614284340" });
  await tap("code", { code: "123456" });
  return await tap("plan", { plan: "pay_in_3" });
}

const stateOf = async () => (await client.control.request(id)).state;

describe("the customer's phone", () => {
  it("goes from opening to approval in five taps and says that the store will confirm", async () => {
    expect(await open()).toContain("€58.90");
    expect(await stateOf()).toBe("IN_PROGRESS");
    const review = await toReview();
    expect(review).toContain("Blumen Berlin Mitte");
    expect(review).toContain("Pay in 3");
    const done = await tap("decision", { decision: "approve" });
    expect(done).toContain("Your payment was authorized");
    expect(done).toContain("You will get a confirmation from the store.");
    expect(await stateOf()).toBe("COMPLETED");
    const { klarna_network_session_token: token } = await client.control.request(id);
    await client.authorize(finalBody(5890), { headers: { "klarna-network-session-token": String(token) } });
    expect(await open()).toContain("has confirmed your payment");
  });

  it("says on every page that it is a simulator, and loads nothing from elsewhere", async () => {
    const response = await client.simulator.fetch(new Request(`${client.simulator.url}${start}`));
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    const page = await response.text();
    expect(page).toContain(">Simulator</span>");
    expect(page).not.toMatch(/(?:src|href)="https?:/);
    expect(page).not.toMatch(/ style="| on\w+="|<script>|<style>/);
  });

  it("refuses the code 999999 and anything that is not six digits", async () => {
    await open();
    await tap("phone", { persona: "approved", phone: "+49017614284340" });
    expect(await tap("code", { code: "999999" })).toContain("That code is not right");
    expect(await tap("code", { code: "12345" })).toContain("That code is not right");
    expect(await tap("code", { code: "000000" })).toContain("Pay in 30 days");
  });

  it("declines the denied person and the one who refuses", async () => {
    await open();
    await tap("phone", { persona: "approved", phone: "+4917610927312".replace("+49", "+490") });
    expect(await tap("code", { code: "123456" })).toContain("Payment declined");
    expect(await stateOf()).toBe("DECLINED");
    await begin(5890);
    await toReview();
    expect(await tap("decision", { decision: "refuse" })).toContain("Payment declined");
    expect(await stateOf()).toBe("DECLINED");
  });

  it("can be left and entered again", async () => {
    await toReview();
    expect(await tap("decision", { decision: "leave" })).toContain("You left the payment");
    expect(await stateOf()).toBe("SUBMITTED");
    expect(await open()).toContain("Who is paying?");
    expect(await stateOf()).toBe("IN_PROGRESS");
  });

  it("shows cancelled, expired and unknown codes as what they are, and a late tap changes nothing", async () => {
    await toReview();
    await client.call("DELETE", `${client.base}/requests/${id}`);
    expect(await tap("decision", { decision: "approve" })).toContain("Cancelled by the store");
    expect(await stateOf()).toBe("CANCELED");
    await begin(5890);
    await client.control.advance(3 * 3_600_000 + 1_000);
    expect(await open()).toContain("This code has expired");
    expect(await open("/eu/requests/00000000-0000-4000-8000-000000000000/start")).toContain("We don’t know this code");
  });

  it("03 is declined on approval, 04 is never decided", async () => {
    await begin(5803);
    await toReview();
    expect(await tap("decision", { decision: "approve" })).toContain("Payment declined");
    await begin(5804);
    await toReview();
    await tap("decision", { decision: "approve" });
    expect(await stateOf()).toBe("IN_PROGRESS");
  });

  it("escapes what the Partner sent", async () => {
    await begin(100, {
      supplementary_purchase_data: {
        line_items: [{ name: "<script>alert(1)</script>", quantity: 1, total_amount: 100 }],
      },
    });
    const review = await toReview();
    expect(review).toContain("&lt;script&gt;");
    expect(review).not.toContain("<script>alert");
  });

  it("fills Klarna's placeholders in the return address and follows only http addresses", async () => {
    const config = (url: string) => ({
      step_up_config: { customer_interaction_config: { method: "HANDOVER", return_url: url } },
    });
    await begin(
      5890,
      config("https://shop.example/back?id={klarna.payment_request.id}&s={klarna.payment_request.state}"),
    );
    await toReview();
    expect(await tap("decision", { decision: "approve" })).toContain(
      `https://shop.example/back?id=${encodeURIComponent(id)}&amp;s=COMPLETED`,
    );
    await begin(5890, config("javascript:alert(1)"));
    await toReview();
    expect(await tap("decision", { decision: "approve" })).not.toContain("javascript:");
  });
});

describe("pictures", () => {
  it("gives a QR code that decodes to the journey's address, as PNG and SVG", async () => {
    const answer = await client.call("GET", `${client.base}/requests/${id}`);
    const qr = at(answer.body, "state_context", "customer_interaction", "qr_code");
    const imagePath = new URL(String(at(qr, "image_url"))).pathname;
    const response = await client.simulator.fetch(new Request(`${client.simulator.url}${imagePath}`));
    expect(response.headers.get("content-type")).toBe("image/png");
    const png = PNG.sync.read(Buffer.from(await response.arrayBuffer()));
    const decoded = jsQR(new Uint8ClampedArray(png.data), png.width, png.height);
    expect(decoded?.data).toBe(at(qr, "target_url"));
    expect(await open(imagePath.replace(".png", ".svg"))).toContain("<svg");
  });

  it("splits an amount into parts that add up", () => {
    expect(splitAmount(1000, 3)).toEqual([334, 333, 333]);
    expect(splitAmount(1, 3)).toEqual([1, 0, 0]);
  });
});
