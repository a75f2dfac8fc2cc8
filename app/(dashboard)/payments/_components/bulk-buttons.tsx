"use client";

import { planCapturesAction, planRefundsAction } from "@/app/(dashboard)/payments/bulk/actions";
import { Button } from "@/components/ui/button";
import type { PaymentListRow } from "./rows";
import { useBulkPlan } from "./use-bulk-plan";

/** What can be done with chosen payments: each leads to a preview, where nothing is asked for yet. */
export function BulkButtons({
  rows,
  may,
}: {
  rows: readonly PaymentListRow[];
  may: { capture: boolean; refund: boolean };
}) {
  const { busy, plan } = useBulkPlan();
  const input = () => ({ payments: rows.map((row) => row.id) });
  return (
    <>
      {may.refund ? (
        <Button
          isBusy={busy === "REFUND"}
          disabled={busy !== null}
          onClick={() => plan("REFUND", () => planRefundsAction(input()))}
        >
          Refund
        </Button>
      ) : null}
      {may.capture ? (
        <Button
          isBusy={busy === "CAPTURE"}
          disabled={busy !== null}
          onClick={() => plan("CAPTURE", () => planCapturesAction(input()))}
        >
          Capture
        </Button>
      ) : null}
    </>
  );
}
