"use client";

import { useRouter } from "next/navigation";
import { useState } from "react";
import { planCapturesAction, planRefundsAction } from "@/app/(dashboard)/payments/bulk/actions";
import { useOneRun } from "@/components/hooks";
import { Button } from "@/components/ui/button";
import { toast } from "@/components/ui/toast";
import type { BulkKind } from "@/server/domain/bulk/states";
import type { PaymentListRow } from "./rows";

const ACTIONS = { CAPTURE: planCapturesAction, REFUND: planRefundsAction } as const;

/** What can be done with chosen payments: each leads to a preview, where nothing is asked for yet. */
export function BulkButtons({
  rows,
  may,
}: {
  rows: readonly PaymentListRow[];
  may: { capture: boolean; refund: boolean };
}) {
  const router = useRouter();
  const [busy, setBusy] = useState<BulkKind | null>(null);
  const { run } = useOneRun();
  async function plan(kind: BulkKind): Promise<void> {
    setBusy(kind);
    try {
      const result = await ACTIONS[kind]({ payments: rows.map((row) => row.id) });
      if (result.ok) router.push(`/payments/bulk/${result.data.id}` as Parameters<typeof router.push>[0]);
      else toast.error(result.message);
    } catch {
      toast.error("No answer came back. Nothing was done; try again.");
    } finally {
      setBusy(null);
    }
  }
  return (
    <>
      {may.refund ? (
        <Button isBusy={busy === "REFUND"} disabled={busy !== null} onClick={() => void run(() => plan("REFUND"))}>
          Refund
        </Button>
      ) : null}
      {may.capture ? (
        <Button isBusy={busy === "CAPTURE"} disabled={busy !== null} onClick={() => void run(() => plan("CAPTURE"))}>
          Capture
        </Button>
      ) : null}
    </>
  );
}
