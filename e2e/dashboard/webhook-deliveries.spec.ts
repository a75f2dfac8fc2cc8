import type { Page } from "@playwright/test";
import { Webhook } from "standardwebhooks";
import { expect, expectAccessible, expectFits, pathOf, test, textOf } from "../fixtures";
import { type Receiver, startReceiver } from "../receiver";

/** Adds an endpoint that hears of nothing but test events and of what no other spec does; its id and secret. */
async function addEndpoint(page: Page, url: string, header?: { name: string; value: string }) {
  await page.goto("/webhooks?add=1");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Address").fill(url);
  await dialog.getByText("All events").click();
  await dialog.getByText("dispute.opened", { exact: true }).click();
  // Without order a failing delivery does not hold back those behind it.
  await dialog.getByText("In order").click();
  if (header !== undefined) {
    await dialog.getByRole("button", { name: "Add a header" }).click();
    await dialog.getByLabel("Name 1").fill(header.name);
    await dialog.getByLabel("Value 1").fill(header.value);
  }
  await dialog.getByRole("button", { name: "Add endpoint" }).click();
  const secret = await textOf(dialog.locator("code"));
  await dialog.getByRole("button", { name: "I have copied it" }).click();
  return { id: (await pathOf(page, /\/webhooks\/whe_/)).split("/").at(-1) ?? "", secret };
}

async function removeEndpoint(page: Page, id: string, receiver: Receiver): Promise<void> {
  receiver.close();
  await page.goto(`/webhooks/${id}`);
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete endpoint" }).click();
  await expect(page).toHaveURL(/\/webhooks$/);
}

async function confirm(page: Page, button: string | RegExp): Promise<void> {
  await page.getByRole("alertdialog").getByRole("button", { name: button }).click();
  await expect(page.getByRole("alertdialog")).toHaveCount(0);
}

async function sendTests(page: Page, receiver: Receiver, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 1) {
    const before = receiver.received.length;
    await page.getByRole("button", { name: "Send test event" }).click();
    await expect.poll(() => receiver.received.length).toBeGreaterThan(before);
  }
}

test("an endpoint's events and headers are changed, and two secrets sign during a rotation", async ({ signedInAs }) => {
  const receiver = await startReceiver();
  const page = await signedInAs("PARTNER_ADMIN");
  const endpoint = await addEndpoint(page, receiver.url, { name: "X-Shop-Key", value: "planted-header-value" });
  try {
    await expect(page.getByText("X-Shop-Key")).toBeVisible();
    await expect(page.locator("body")).not.toContainText("planted-header-value");
    await sendTests(page, receiver, 1);
    expect(receiver.received[0]?.headers["x-shop-key"]).toBe("planted-header-value");

    // A change that says nothing of the headers keeps them.
    await page.getByRole("button", { name: "Edit" }).click();
    const dialog = page.getByRole("dialog");
    await expect(dialog.getByLabel("Address")).toHaveValue(receiver.url);
    await expectAccessible(page);
    await dialog.getByLabel("Description").fill("Till room");
    await dialog.getByText("refund.succeeded", { exact: true }).click();
    await dialog.getByRole("button", { name: "Save" }).click();
    await expect(dialog).toHaveCount(0);
    const settings = page.locator("section").filter({ has: page.getByRole("heading", { name: "Settings" }) });
    await expect(settings).toContainText("refund.succeeded");
    await expect(settings).toContainText("dispute.opened");
    await expect(settings).toContainText("Till room");
    await expect(settings).toContainText("X-Shop-Key");

    // A header that is not the Partner's to set is refused at its line.
    await page.getByRole("button", { name: "Edit" }).click();
    await dialog.getByText("Replace the own headers").click();
    await dialog.getByRole("button", { name: "Add a header" }).click();
    await dialog.getByLabel("Name 1").fill("Webhook-Signature");
    await dialog.getByLabel("Value 1").fill("forged");
    await dialog.getByRole("button", { name: "Save" }).click();
    await expect(dialog.getByLabel("Name 1")).toHaveAttribute("aria-invalid", "true");
    await expectAccessible(page);
    await dialog.getByLabel("Name 1").fill("X-Other");
    await dialog.getByRole("button", { name: "Save" }).click();
    await expect(dialog).toHaveCount(0);
    await expect(settings).toContainText("X-Other");
    await expect(settings).not.toContainText("X-Shop-Key");

    await page.getByRole("button", { name: "New secret" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Make new secret" }).click();
    const fresh = await textOf(page.getByRole("dialog").locator("code"));
    expect(fresh).not.toBe(endpoint.secret);
    await page.getByRole("dialog").getByRole("button", { name: "I have copied it" }).click();
    await expect(page.getByText("Two are in use")).toBeVisible();
    await sendTests(page, receiver, 1);
    const last = receiver.received.at(-1);
    expect(last?.headers["x-shop-key"]).toBeUndefined();
    for (const secret of [endpoint.secret, fresh]) {
      expect(new Webhook(secret).verify(last?.body ?? "", last?.headers ?? {})).toMatchObject({
        type: "webhook_endpoint.test",
      });
    }
    await expectAccessible(page);
  } finally {
    await removeEndpoint(page, endpoint.id, receiver);
  }
});

test("what a receiver refused is seen try by try, and sent again: one, chosen ones, and all that failed", async ({
  signedInAs,
}) => {
  test.slow();
  const receiver = await startReceiver();
  receiver.answer = { status: 503, body: "the till room is closed" };
  const page = await signedInAs("PARTNER_ADMIN");
  const { id } = await addEndpoint(page, receiver.url);
  const list = `/webhooks/deliveries?endpoint=${id}`;
  const rows = page.getByRole("table", { name: "Webhook deliveries" }).locator("tbody").getByRole("row");
  const timesOf = (event: string) => receiver.received.filter(({ headers }) => headers["webhook-id"] === event).length;
  try {
    await sendTests(page, receiver, 3);
    await expect
      .poll(async () => {
        await page.goto(`${list}&status=pending`);
        return rows.filter({ hasText: "Will retry" }).count();
      })
      .toBe(3);

    // Switched off it owes nothing more: what was on its way has failed and says why.
    await page.goto(`/webhooks/${id}`);
    await expect(page.getByText(/Failing since/)).toBeVisible();
    await page.getByRole("button", { name: "Switch off" }).click();
    await confirm(page, "Switch off");
    await expect(page.getByText("Switched off by hand. Nothing is sent.")).toBeVisible();
    await expectAccessible(page);
    receiver.answer = { status: 204, body: "" };
    await page.getByRole("link", { name: /^Failed\s*3/ }).click();
    await expect(page).toHaveURL(/status=failed/);
    await expect(rows).toHaveCount(3);
    await expect(page.getByRole("navigation", { name: "Deliveries by state" })).toContainText("Failed for good · 3");
    await expect(rows.filter({ hasText: "Refused · 503" })).toHaveCount(3);
    await expectAccessible(page);

    // The list as a file.
    const file = await page.request.get(`/webhooks/deliveries/export?endpoint=${id}&status=failed`);
    expect(file.headers()["content-type"]).toContain("text/csv");
    const lines = (await file.text()).trim().split("\r\n");
    expect(lines).toHaveLength(4);
    expect(lines[1]).toContain("webhook_endpoint.test");

    // By keyboard to the record.
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL(/\/webhooks\/deliveries\/whd_/);
    await expect(page.getByText("Refused · 503").first()).toBeVisible();
    await expect(page.getByText("the till room is closed").first()).toBeVisible();
    await expect(page.getByText("its endpoint was switched off")).toBeVisible();
    await expect(page.getByRole("figure", { name: "Body" })).toContainText("webhook_endpoint.test");
    await expect(page.getByText(`POST ${receiver.url}`)).toBeVisible();
    await expectAccessible(page);
    const record = await pathOf(page, /\/webhooks\/deliveries\/whd_/);
    const first = await textOf(page.getByRole("link", { name: /^evt_/ }));

    // While the endpoint is off nothing can be sent, and the person is told.
    await page.getByRole("button", { name: "Send again" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Send again" }).click();
    await expect(page.getByRole("alertdialog").getByRole("alert")).toContainText("switched off");
    await page.goto(`/webhooks/${id}`);
    await page.getByRole("button", { name: "Switch on" }).click();
    await confirm(page, "Switch on");
    await expect(page.getByRole("button", { name: "Switch off" })).toBeVisible();

    // One.
    const before = timesOf(first);
    await page.goto(record);
    await page.getByRole("button", { name: "Send again" }).click();
    await confirm(page, "Send again");
    await expect.poll(() => timesOf(first)).toBe(before + 1);
    await expect(page.getByText("Delivered · 204")).toBeVisible();

    // Chosen ones.
    await page.goto(`${list}&status=failed`);
    await expect(rows).toHaveCount(2);
    await page.getByRole("checkbox", { name: "Choose this row" }).first().click();
    await expect(page.getByText("1 delivery chosen")).toBeVisible();
    await page.getByRole("button", { name: "Send again" }).click();
    await confirm(page, "Send 1 again");
    await expect(page.getByText("1 delivery is sent again").first()).toBeVisible();
    await expect
      .poll(async () => {
        await page.goto(`${list}&status=failed`);
        return rows.count();
      })
      .toBe(1);

    // All that failed since a time, after a look at how many that is.
    await page.getByRole("button", { name: "Replay failed" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "1 hour" }).click();
    await expect(dialog.getByText(/^1 delivery matches since/)).toBeVisible();
    await expectAccessible(page);
    await dialog.getByLabel("Created since").fill("2026-01-02T10:00");
    await dialog.getByLabel("Until").fill("2026-01-01T10:00");
    await expect(dialog.getByText("Ends before it starts.")).toBeVisible();
    await expect(dialog.getByRole("button", { name: "Send again" })).toBeDisabled();
    await dialog.getByLabel("Until").fill("2026-01-03T10:00");
    await expect(dialog.getByText(/^No delivery matches/)).toBeVisible();
    await dialog.getByRole("button", { name: "All", exact: true }).click();
    await dialog.getByRole("button", { name: "Send 1 again" }).click();
    await expect(page).toHaveURL(/\/webhooks\/replays$/);
    const replay = page.getByRole("table", { name: "Replays" }).getByRole("row").filter({ hasText: receiver.url });
    await expect(replay).toContainText("1 of 1");
    await expect(replay).toContainText("Completed");
    await expectAccessible(page);
    await expect
      .poll(async () => {
        await page.goto(`${list}&status=delivered`);
        return rows.count();
      })
      .toBe(3);
  } finally {
    await removeEndpoint(page, id, receiver);
  }
});

test("events show what was told of a payment, to whom, and lead to their deliveries", async ({ signedInAs, api }) => {
  const payment = await api.pay();
  await api.play(payment.id, "complete");
  await api.waitFor(payment.id, "completed");
  const page = await signedInAs("ACQUIRER_OPERATIONS");
  await page.goto(`/webhooks/events?object=${payment.id}&type=payment.completed`);
  const table = page.getByRole("table", { name: "Events" });
  await expect(table.locator("tbody").getByRole("row")).toHaveCount(1);
  await expect(table.getByRole("columnheader", { name: "Partner" })).toBeVisible();
  await expectAccessible(page);
  await table.locator("tbody").getByRole("row").getByRole("link").first().click();
  await expect(page).toHaveURL(/\/webhooks\/events\/evt_/);
  await expect(page.getByRole("figure", { name: "Message" })).toContainText(payment.id);
  await expect(page.getByRole("heading", { name: "Deliveries" })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("link", { name: "All events of the same thing" }).click();
  await expect(table.locator("tbody").getByRole("row").filter({ hasText: "payment.pending" })).toHaveCount(1);
});

test("S1: a Partner's people see no other Partner; the acquirer's tell Partners apart, and figures lead to the lists", async ({
  signedInAs,
  api,
}) => {
  test.slow();
  const receiver = await startReceiver();
  const partner = await signedInAs("PARTNER_ADMIN");
  const { id } = await addEndpoint(partner, receiver.url);
  try {
    await sendTests(partner, receiver, 1);
    await partner.goto(`/webhooks/deliveries?endpoint=${id}`);
    await expect(partner.getByRole("table", { name: "Webhook deliveries" })).toContainText(receiver.url);
    await expect(partner.getByRole("columnheader", { name: "Partner" })).toHaveCount(0);
    await expect(partner.getByRole("button", { name: "Partner", exact: true })).toHaveCount(0);

    const staff = await signedInAs("ACQUIRER_ADMIN");
    await api.pay();
    await staff.goto("/");
    await staff.getByRole("link", { name: "Webhooks to Partners" }).click();
    await expect(staff).toHaveURL(/\/webhooks\/deliveries\?created=24h/);
    await expect(staff.getByRole("columnheader", { name: "Partner" })).toBeVisible();
    await staff.getByRole("button", { name: "Partner", exact: true }).click();
    await staff.getByRole("listbox").getByRole("option").first().click();
    await expect(staff).toHaveURL(/partner=ptn_/);
    await staff.goto("/system");
    await staff.getByRole("link", { name: /^Events to send/ }).click();
    await expect(staff).toHaveURL(/\/webhooks\/events$/);
    await staff.goto("/webhooks?status=failing");
    await expect(
      staff.getByRole("table", { name: "Webhook endpoints" }).or(staff.getByText("No results")),
    ).toBeVisible();
    await expect(staff.getByRole("table", { name: "Webhook endpoints" }).getByText(receiver.url)).toHaveCount(0);
  } finally {
    await removeEndpoint(partner, id, receiver);
  }
});

const LISTS = ["/webhooks", "/webhooks/deliveries", "/webhooks/events", "/webhooks/replays"] as const;

test("S1: who may not read webhooks does not find the screens, and who only reads is offered no change", async ({
  signedInAs,
}) => {
  const staff = await signedInAs("PARTNER_STAFF");
  for (const path of LISTS) {
    await staff.goto(path);
    await expect(staff.getByText("Nothing here"), path).toBeVisible();
  }
  expect((await staff.request.get("/webhooks/deliveries/export")).status()).toBe(403);
  const reader = await signedInAs("READ_ONLY");
  for (const path of LISTS) {
    await reader.goto(path);
    await expect(reader.getByRole("heading", { level: 1, name: "Webhooks" }), path).toBeVisible();
    await expect(reader.getByRole("navigation", { name: "Webhooks" }).locator('[aria-current="page"]')).toHaveCount(1);
    await expectAccessible(reader);
    for (const name of ["Add endpoint", "Replay failed"])
      await expect(reader.getByRole("button", { name, exact: true })).toHaveCount(0);
    await expect(reader.getByRole("checkbox", { name: /^Choose/ })).toHaveCount(0);
  }
});

test("on a phone no webhook screen is wider than the phone", async ({ signedInAs }) => {
  const page = await signedInAs("PARTNER_ADMIN", { viewport: { width: 390, height: 844 } });
  for (const path of LISTS) {
    await page.goto(path);
    await expect(page.getByRole("heading", { level: 1, name: "Webhooks" }), path).toBeVisible();
    await expectFits(page);
  }
});
