import { useRouter } from "next/navigation";
import { useState } from "react";
import type { ActionResult } from "@/components/action-result";
import { useOneRun } from "@/components/hooks";
import { toast } from "@/components/ui/toast";
import type { BulkKind } from "@/server/domain/bulk/states";

/** Has captures or refunds of many previewed and goes there; `busy` is the kind that is under way. */
export function useBulkPlan(): {
  busy: BulkKind | null;
  plan: (kind: BulkKind, ask: () => Promise<ActionResult<{ id: string }>>) => void;
} {
  const router = useRouter();
  const [busy, setBusy] = useState<BulkKind | null>(null);
  const { run } = useOneRun();
  return {
    busy,
    plan: (kind, ask) =>
      void run(async () => {
        setBusy(kind);
        try {
          const result = await ask();
          if (result.ok) router.push(`/payments/bulk/${result.data.id}` as Parameters<typeof router.push>[0]);
          else toast.error(result.message);
        } catch {
          toast.error("No answer came back. Nothing was done; try again.");
        } finally {
          setBusy(null);
        }
      }),
  };
}
