"use client";

import { useState } from "react";
import { ConfirmAction } from "@/components/confirm-action";
import { Notice } from "@/components/notice";
import { Dialog } from "@/components/ui/dialog";
import { Panel } from "@/components/ui/panel";
import { renewCodesAction } from "./actions";
import { CodesDialog } from "./authenticator-app";

const FEW = 3;

export function RecoveryCodesPanel({ left, isConfirmed }: { left: number; isConfirmed: boolean }) {
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  return (
    <Panel
      title="Recovery codes"
      actions={
        <ConfirmAction
          label="Make new codes"
          isDisabled={!isConfirmed}
          tone="primary"
          title="Make new recovery codes?"
          verb="Make new codes"
          consequence="The codes that you have now no longer count."
          onConfirm={async () => {
            const result = await renewCodesAction();
            if (result.ok) setCodes(result.data.recoveryCodes);
            return result;
          }}
        />
      }
    >
      {left <= FEW ? (
        <Notice tone="warn" title={left === 0 ? "You have no recovery code left" : `Only ${left} left`}>
          Make new ones, so that a lost phone does not lock you out.
        </Notice>
      ) : (
        <p className="text-ink-2 text-sm">{left} codes left. Each signs you in once, in place of the second step.</p>
      )}
      <Dialog open={codes !== null} onOpenChange={(open) => (open ? undefined : setCodes(null))}>
        {codes === null ? null : <CodesDialog codes={codes} onClose={() => setCodes(null)} />}
      </Dialog>
    </Panel>
  );
}
