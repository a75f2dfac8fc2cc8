import { expect, it } from "vitest";
import { isUnsure } from "./nonce";

it("R5: a press that may have made something keeps its nonce, one that was refused does not", () => {
  // Also where the first press still asks Klarna: a nonce of its own would move the money twice.
  for (const code of ["internal_error", "unavailable", "idempotency_in_progress"])
    expect(isUnsure(code), code).toBe(true);
  for (const code of ["refund_exceeds_captured", "klarna_unavailable", "approval_required", "validation_failed"])
    expect(isUnsure(code), code).toBe(false);
});
