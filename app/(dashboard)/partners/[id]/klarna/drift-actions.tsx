"use client";

import { ArrowDownToLine, ArrowUpFromLine, RefreshCw } from "lucide-react";
import { useRouter } from "next/navigation";
import { useState } from "react";
import type { ActionResult } from "@/components/action-result";
import { ConfirmAction } from "@/components/confirm-action";
import { Button } from "@/components/ui/button";
import { toast } from "@/components/ui/toast";
import { checkDriftAction, resolveAllDriftAction, resolveDriftAction } from "../../actions";

function useRun() {
  const router = useRouter();
  const [busy, setBusy] = useState<string | null>(null);
  return {
    busy,
    run: async (name: string, work: () => Promise<ActionResult>) => {
      setBusy(name);
      try {
        const result = await work();
        if (result.ok) toast.success(result.message ?? "Done");
        else toast.error(result.message);
      } catch {
        toast.error("No answer came back. Look whether it was done before trying again.");
      }
      setBusy(null);
      router.refresh();
    },
  };
}

export function CheckDrift({ partnerId }: { partnerId: string }) {
  const { busy, run } = useRun();
  return (
    <Button size="sm" isBusy={busy !== null} onClick={() => void run("check", () => checkDriftAction(partnerId))}>
      {busy === null ? <RefreshCw aria-hidden /> : null}
      Compare now
    </Button>
  );
}

export function ResolveDrift({
  id,
  what,
  canPush,
  canTake,
}: {
  id: string;
  what: string;
  canPush: boolean;
  canTake: boolean;
}) {
  const { busy, run } = useRun();
  if (!canPush && !canTake) return <p className="text-ink-3 text-xs">Only Klarna can change this.</p>;
  return (
    <div className="flex gap-2">
      {canPush ? (
        <Button
          size="sm"
          isBusy={busy === "push"}
          disabled={busy !== null}
          aria-label={`Push ours: ${what}`}
          onClick={() => void run("push", () => resolveDriftAction(id, "push"))}
        >
          <ArrowUpFromLine aria-hidden />
          Push
        </Button>
      ) : null}
      {canTake ? (
        <Button
          size="sm"
          isBusy={busy === "take"}
          disabled={busy !== null}
          aria-label={`Take over Klarna's: ${what}`}
          onClick={() => void run("take", () => resolveDriftAction(id, "take"))}
        >
          <ArrowDownToLine aria-hidden />
          Take over
        </Button>
      ) : null}
    </div>
  );
}

export function ResolveAll({ partner }: { partner: { id: string; name: string } }) {
  const router = useRouter();
  return (
    <>
      <ConfirmAction
        label="Push all"
        size="sm"
        tone="primary"
        title="Send ours to Klarna?"
        verb="Push all"
        partner={partner.name}
        consequence="Klarna is told our values wherever it can be."
        onConfirm={() => resolveAllDriftAction(partner.id, "push")}
        onDone={() => router.refresh()}
      />
      <ConfirmAction
        label="Take over all"
        size="sm"
        tone="primary"
        title="Follow Klarna's values?"
        verb="Take over all"
        partner={partner.name}
        consequence="Our records are changed to what Klarna holds wherever they can be."
        onConfirm={() => resolveAllDriftAction(partner.id, "take")}
        onDone={() => router.refresh()}
      />
    </>
  );
}
