import { tmpdir } from "node:os";
import { expect, it, vi } from "vitest";
import type { ReceiptContent } from "./content";
import { receiptPdf } from "./pdf";

it("fonts that could not be read are read again by the next receipt", async () => {
  const content: ReceiptContent = { title: "Receipt", language: "en", blocks: [] };
  const folder = vi.spyOn(process, "cwd").mockReturnValue(tmpdir());
  await expect(receiptPdf(content, new Date(0))).rejects.toThrow("ENOENT");
  folder.mockRestore();
  expect((await receiptPdf(content, new Date(0))).subarray(0, 5).toString()).toBe("%PDF-");
});
