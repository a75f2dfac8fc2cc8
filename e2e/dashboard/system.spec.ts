import { countOf, expect, expectAccessible, pathOf, test, textOf } from "../fixtures";

const PAGES = [
  "/system",
  "/system/received",
  "/system/subscription",
  "/system/runs",
  "/system/operations",
  "/system/alarms",
] as const;

test("S1: the system's screens are for the acquirer's people; those of Partners do not find them", async ({
  signedInAs,
}) => {
  const staff = await signedInAs("PARTNER_ADMIN");
  for (const path of PAGES) {
    await staff.goto(path);
    await expect(staff.getByText("Nothing here"), path).toBeVisible();
  }
  const reader = await signedInAs("READ_ONLY");
  for (const path of PAGES) {
    await reader.goto(path);
    await expect(reader.getByRole("heading", { level: 1, name: "System" }), path).toBeVisible();
    await expect(reader.getByRole("navigation", { name: "System" }).locator('[aria-current="page"]')).toHaveCount(1);
    await expectAccessible(reader);
    // Who may only read is offered nothing that changes.
    for (const name of ["Repair", "Rotate key", "Enter a key", "Sweep now", "Clear", "Retire"])
      await expect(reader.getByRole("button", { name, exact: true })).toHaveCount(0);
  }
});

test("an event from Klarna shows what it caused, is replayed, and says so", async ({ signedInAs, api }) => {
  const payment = await api.pay();
  await api.play(payment.id, "complete");
  await api.waitFor(payment.id, "completed");
  const page = await signedInAs("ACQUIRER_OPERATIONS");
  await page.goto(`/system/received?payment=${payment.id}&type=request.state-change.completed`);
  await page
    .getByRole("row")
    .filter({ hasText: "payment.request.state-change.completed" })
    .getByRole("link")
    .first()
    .click();
  await expect(page).toHaveURL(/\/system\/received\/inb_/);
  await expect(page.getByRole("heading", { level: 1 })).toContainText("payment.request.state-change.completed");
  const caused = page.locator("section").filter({ has: page.getByRole("heading", { name: "What it caused" }) });
  await expect(caused).toContainText("payment.completed");
  await expect(page.getByText(payment.id).first()).toBeVisible();
  // The body is there, its token is not.
  await expect(page.getByRole("figure", { name: "Body" })).toContainText("payment_request_reference");
  await expect(page.locator("body")).not.toContainText("session-token:");
  await expectAccessible(page);

  await page.getByRole("button", { name: "Replay" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Replay" }).click();
  await expect(page.getByText("1 event is processed again").first()).toBeVisible();
  await expect
    .poll(async () => {
      await page.reload();
      return textOf(page.getByRole("heading", { level: 1 }).locator(".."));
    })
    .toContain("Ignored");
  await expect(page.getByText("Replayed", { exact: true })).toBeVisible();
  expect((await api.payment(payment.id)).status).toBe("completed");
});

test("events are chosen and replayed together, and all of a filter at once", async ({ signedInAs, api }) => {
  const payment = await api.pay();
  await api.play(payment.id, "complete");
  await api.waitFor(payment.id, "completed");
  const page = await signedInAs("ACQUIRER_ADMIN");
  await page.goto(`/system/received?payment=${payment.id}`);
  const boxes = page.getByRole("checkbox", { name: /Choose payment/ });
  await expect(boxes.nth(1)).toBeVisible();
  await boxes.nth(0).click();
  await boxes.nth(1).click();
  await page.getByRole("button", { name: "Replay chosen (2)" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Replay" }).click();
  await expect(page.getByText("2 events are processed again").first()).toBeVisible();
  await expect
    .poll(async () => {
      await page.goto(`/system/received?payment=${payment.id}&state=RECEIVED`);
      return page.getByText("No results").count();
    })
    .toBe(1);
  await page.goto(`/system/received?payment=${payment.id}`);
  const total = await countOf(boxes, 2);
  await page.getByRole("button", { name: "Replay all of these" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Replay" }).click();
  await expect(page.getByText(`${total} events are processed again`).first()).toBeVisible();
});

test("the subscription at Klarna stands beside what we want; its key is rotated, and events go on", async ({
  signedInAs,
  api,
}) => {
  const page = await signedInAs("ACQUIRER_ADMIN");
  await page.goto("/system/subscription");
  const panel = page.locator("section").filter({ has: page.getByRole("heading", { name: /Our subscription/ }) });
  await expect(panel).toContainText("In order");
  await expect(panel.getByText("Agrees")).toHaveCount(5);
  await expectAccessible(page);

  await page.getByRole("button", { name: "Rotate key" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Rotate key" }).click();
  await expect(page.getByText("Klarna signs with a new key").first()).toBeVisible();
  const keys = page.locator("#keys");
  await expect(keys.getByText("Being retired").first()).toBeVisible();
  await expect(keys.getByText("In use")).toHaveCount(1);
  await expect(panel).toContainText("In order");

  // Events signed with the new key arrive.
  const payment = await api.pay();
  await api.play(payment.id, "complete");
  await api.waitFor(payment.id, "completed");
  const row = page.getByRole("row").filter({ hasText: "payment.request.state-change.completed" });
  await expect(async () => {
    await page.goto(`/system/received?payment=${payment.id}&type=request.state-change.completed`);
    await expect(row).toContainText("Processed", { timeout: 1_000 });
  }).toPass({ timeout: 30_000 });
});

test("a key of Klarna's portal is entered by hand, never shown, and retired", async ({ signedInAs }) => {
  const page = await signedInAs("ACQUIRER_ADMIN");
  await page.goto("/system/subscription");
  const id = `krn:partner:global:notification:signing-key:${crypto.randomUUID()}`;
  await page.getByRole("button", { name: "Enter a key" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Key id").fill(id);
  await dialog.getByLabel("Signing key").fill("short");
  await dialog.getByRole("button", { name: "Enter key" }).click();
  await expect(dialog.getByText("A signing key has at least 16 characters.")).toBeVisible();
  await expectAccessible(page);
  await dialog.getByLabel("Signing key").fill("a-signing-key-of-the-portal");
  await dialog.getByRole("button", { name: "Enter key" }).click();
  const row = page.getByRole("listitem").filter({ hasText: id });
  await expect(row).toContainText("entered by hand");
  await expect(page.locator("body")).not.toContainText("a-signing-key-of-the-portal");
  await row.getByRole("button", { name: "Retire" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Retire key" }).click();
  await expect(row).toContainText("Retired");
});

test("the status sweeps and checks now, and keeps what was found; its figures lead to their lists", async ({
  signedInAs,
}) => {
  const page = await signedInAs("ACQUIRER_OPERATIONS");
  await page.goto("/system");
  await page.getByRole("button", { name: "Sweep now" }).click();
  const sweep = page.locator("#sweep");
  await expect(sweep).toContainText("Journeys and approvals under way");
  await expect(sweep).toContainText(/Started .* by/);
  await page.getByRole("button", { name: /Check (now|again)/ }).click();
  const rules = page.locator("#rules");
  await expect(rules).toContainText("A payment has at most one approval at Klarna");
  await expect(rules).toContainText(/Checked .* by/);
  await page.reload();
  await expect(rules).toContainText("A payment has at most one approval at Klarna");
  await expectAccessible(page);
  await page.getByRole("link", { name: /Unknown outcomes/ }).click();
  await expect(page).toHaveURL(/\/system\/operations\?state=UNKNOWN/);
  await page.goto("/system");
  await page.getByRole("link", { name: "All alarms" }).click();
  await expect(page).toHaveURL(/\/system\/alarms/);
});

test("a run of the background is read step by step and replayed", async ({ signedInAs }) => {
  const page = await signedInAs("ACQUIRER_OPERATIONS");
  await page.goto("/system/runs?status=completed");
  await expect(page.getByRole("heading", { name: /Functions/ })).toBeVisible();
  await page.getByRole("table", { name: "Runs" }).getByRole("row").nth(1).getByRole("link").first().click();
  const before = await pathOf(page, /\/system\/runs\/.+/);
  await expect(page.getByRole("heading", { name: "Steps" })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Replay", exact: true }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Replay" }).click();
  await expect(page).not.toHaveURL((url) => url.pathname === before);
  await expect(page.getByText("Replay of")).toBeVisible();
  const reader = await signedInAs("READ_ONLY");
  await reader.goto(before);
  await expect(reader.getByRole("heading", { name: "Steps" })).toBeVisible();
  await expect(reader.getByRole("button", { name: "Replay", exact: true })).toHaveCount(0);
});
