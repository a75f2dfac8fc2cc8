import { Webhook } from "standardwebhooks";
import { expect, expectAccessible, expectLoaded, test, textOf } from "../fixtures";
import { startReceiver } from "../receiver";

test("an endpoint is added, tested, rotated, switched off and deleted", async ({ signedInAs }) => {
  const receiver = await startReceiver();
  try {
    const page = await signedInAs("PARTNER_ADMIN");
    await page.goto("/webhooks");
    await page.getByRole("button", { name: "Add endpoint" }).click();
    const dialog = page.getByRole("dialog");
    await expect(dialog.getByLabel("Address")).toBeVisible();
    await expectAccessible(page);
    await dialog.getByLabel("Address").fill(receiver.url);
    await dialog.getByLabel("Description").fill("Till room");
    await dialog.getByRole("button", { name: "Add endpoint" }).click();
    const secret = await textOf(dialog.locator("code"));
    expect(secret).toMatch(/^whsec_/);
    await expectAccessible(page);
    await dialog.getByRole("button", { name: "I have copied it" }).click();
    await expect(page).toHaveURL(/\/webhooks\/whe_/);
    await expect(page.getByText(secret)).toHaveCount(0);

    await page.getByRole("button", { name: "Send test event" }).click();
    // Other specs take payments of this Partner meanwhile: only the test event is looked at.
    const tests = () => receiver.received.filter((item) => item.body.includes('"type":"webhook_endpoint.test"'));
    await expect.poll(() => tests().length).toBe(1);
    const first = tests()[0];
    const event = new Webhook(secret).verify(first?.body ?? "", first?.headers ?? {});
    expect(event).toMatchObject({ type: "webhook_endpoint.test" });
    await expect
      .poll(async () => {
        await page.reload();
        return textOf(page.getByRole("link", { name: /webhook_endpoint\.test/ }));
      })
      .toContain("Delivered");
    await expectAccessible(page);

    // Sent again by hand: the same event with the same id.
    await page.getByRole("link", { name: /webhook_endpoint\.test/ }).click();
    await expect(page.getByText("Try 1")).toBeVisible();
    await expectAccessible(page);
    await page.getByRole("button", { name: "Send again" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Send again" }).click();
    await expect.poll(() => tests().length).toBe(2);
    expect(tests()[1]?.headers["webhook-id"]).toBe(first?.headers["webhook-id"]);
    await page.goBack();

    await page.getByRole("button", { name: "New secret" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Make new secret" }).click();
    await expect(page.getByRole("dialog").locator("code")).toHaveText(/^whsec_/);
    await page.getByRole("dialog").getByRole("button", { name: "I have copied it" }).click();

    await page.getByRole("button", { name: "Switch off" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Switch off" }).click();
    await expect(page.getByText("Switched off by hand. Nothing is sent.")).toBeVisible();

    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Delete endpoint" }).click();
    await expect(page).toHaveURL(/\/webhooks$/);
    await expectLoaded(page);
    await expect(page.getByRole("cell", { name: receiver.url })).toHaveCount(0);
  } finally {
    receiver.close();
  }
});

test("a payment's events reach the endpoint that asked for them and show among the deliveries", async ({
  signedInAs,
  api,
}) => {
  const receiver = await startReceiver();
  const page = await signedInAs("PARTNER_ADMIN");
  try {
    await page.goto("/webhooks?add=1");
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Address").fill(receiver.url);
    await dialog.getByText("All events").click();
    await dialog.getByText("payment.completed", { exact: true }).click();
    await dialog.getByRole("button", { name: "Add endpoint" }).click();
    await dialog.getByRole("button", { name: "I have copied it" }).click();
    await expect(page).toHaveURL(/\/webhooks\/whe_/);

    const payment = await api.pay();
    await api.play(payment.id, "complete");
    await expect
      .poll(() => receiver.received.filter(({ body }) => body.includes(payment.id)).length)
      .toBeGreaterThan(0);
    await page.goto(`/webhooks/deliveries?subject=${payment.id}`);
    const row = page.getByRole("table", { name: "Webhook deliveries" }).getByRole("row").nth(1);
    await expect(row).toContainText("payment.completed");
    await expectAccessible(page);
  } finally {
    await page.goto("/webhooks");
    await page.getByRole("link", { name: receiver.url }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Delete endpoint" }).click();
    await expect(page).toHaveURL(/\/webhooks$/);
    receiver.close();
  }
});

test("an address that may not be called is refused with a sentence, and nothing is added", async ({ signedInAs }) => {
  const page = await signedInAs("PARTNER_ADMIN");
  await page.goto("/webhooks?add=1");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Address").fill("http://169.254.169.254/latest/meta-data");
  await dialog.getByRole("button", { name: "Add endpoint" }).click();
  await expect(dialog.getByRole("alert").first()).toBeVisible();
  await expect(dialog.getByLabel("Address")).toBeVisible();
});

test("a role that only reads sees endpoints and deliveries but no buttons that change", async ({ signedInAs }) => {
  const page = await signedInAs("READ_ONLY");
  await page.goto("/webhooks");
  await expect(page.getByRole("heading", { level: 1, name: "Webhooks" })).toBeVisible();
  await expectLoaded(page);
  await expect(page.getByRole("button", { name: "Add endpoint" })).toHaveCount(0);
  await page.goto("/webhooks/deliveries");
  await expect(page.getByRole("switch", { name: "Live" })).toBeVisible();
});
