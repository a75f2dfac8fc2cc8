import { z } from "zod";
import { type Api, expect, expectAccessible, newReference, pathOf, scanQr, test } from "../fixtures";

const TerminalsSchema = z.object({ data: z.array(z.looseObject({ id: z.string(), reference: z.string() })) });

/** The demo's terminal that is set to Klarna's classic sessions. */
async function classicTerminal(api: Api): Promise<string> {
  const { data } = TerminalsSchema.parse(await api.get("/terminals?reference=till-classic"));
  const [terminal] = data;
  if (!terminal) throw new Error("the demo has no classic terminal");
  return terminal.id;
}

test("a classic terminal: the code comes after the answer, Klarna places the order, every screen says so", async ({
  signedInAs,
  api,
}) => {
  const terminal = await classicTerminal(api);
  const page = await signedInAs("PARTNER_STAFF");
  await page.goto(`/take-payment?terminal=${terminal}`);
  const field = page.getByLabel("Amount");
  await expect(field).toBeFocused();
  await field.fill("349.50");
  await page.getByLabel("Reference", { exact: true }).fill(newReference());
  const [display] = await Promise.all([page.context().waitForEvent("page"), field.press("Enter")]);
  await page.waitForURL(/\/take-payment\/pay_/);
  const id = (await pathOf(display, /\/display\/pay_/)).split("/").at(-1) ?? "";

  // Nobody touches anything: the code appears on the customer's display by itself.
  const code = display.getByRole("img", { name: "QR code to pay with Klarna" });
  await expect(code).toBeVisible();
  await expect.poll(() => scanQr(code)).toBe((await api.payment(id)).klarna.qr_code?.target_url);
  await api.play(id, "complete");
  await expect(display.getByText("Paid with Klarna. Thank you.", { exact: true })).toBeVisible();
  await expect(page.getByText("Paid. Hand over the goods.")).toBeVisible();
  await api.waitFor(id, "completed");

  const staff = await signedInAs("ACQUIRER_ADMIN");
  await staff.goto(`/payments/${id}`);
  await expect(staff.getByText("Session at Klarna", { exact: true })).toBeVisible();
  await expect(staff.getByText("Capture at Klarna", { exact: true })).toBeVisible();
});

test("staff set a Partner's user for classic sessions; the password never comes back", async ({ signedInAs, api }) => {
  expect(await api.get(`/terminals/${await classicTerminal(api)}`)).toMatchObject({ settings: { rail: "classic" } });
  const page = await signedInAs("ACQUIRER_ADMIN");
  await page.goto("/partners?q=Harbour");
  await page.getByRole("link", { name: "Harbour & Pine" }).first().click();
  await page
    .getByRole("navigation", { name: "Parts of the Partner" })
    .getByRole("link", { name: "Settings", exact: true })
    .click();
  const panel = page
    .locator("section")
    .filter({ has: page.getByRole("heading", { name: "Classic in-store sessions" }) });
  await expect(panel.getByText(/None for/)).toBeVisible();
  await panel.getByRole("button", { name: "Set user and password" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("User").fill("PK10001_e2e");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog.getByText(/none is stored yet/)).toBeVisible();
  await dialog.getByLabel("Password").fill("classic-password-of-e2e");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(panel.getByText("PK10001_e2e")).toBeVisible();
  await expect(panel.getByText("Stored, never shown again")).toBeVisible();
  expect(await page.content()).not.toContain("classic-password-of-e2e");
  await expectAccessible(page);
  await panel.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Remove" }).click();
  await expect(panel.getByText(/None for/)).toBeVisible();

  const partner = await signedInAs("PARTNER_ADMIN");
  await partner.goto("/partners");
  await partner.getByRole("table", { name: "Partners" }).getByRole("link").click();
  await partner
    .getByRole("navigation", { name: "Parts of the Partner" })
    .getByRole("link", { name: "Settings", exact: true })
    .click();
  await expect(partner.getByText("What its terminals do")).toBeVisible();
  await expect(partner.getByRole("heading", { name: "Classic in-store sessions" })).toHaveCount(0);
});
