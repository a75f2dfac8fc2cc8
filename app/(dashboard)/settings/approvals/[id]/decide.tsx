"use client";

import { useRouter } from "next/navigation";
import { useState } from "react";
import { ConfirmAction } from "@/components/confirm-action";
import type { Mode } from "@/components/display/mode-badge";
import { Dialog } from "@/components/ui/dialog";
import { KeyMadeContent } from "../../../developers/key-made";
import { carryOutAction, collectKeyAction, decideAction, withdrawAction } from "../actions";

type Question = {
  id: string;
  summary: string;
  partner: string;
  mode: Mode;
  requestedBy: string;
  amount?: { amount: number; currency: string };
};

function shared({ partner, mode, requestedBy, summary, amount }: Question) {
  return {
    partner,
    mode,
    ...(amount === undefined ? {} : { amount }),
    facts: [
      { term: "What", value: summary },
      { term: "Asked by", value: requestedBy },
    ],
  };
}

export function Decide({ isIntact, ...question }: Question & { isIntact: boolean }) {
  return (
    <>
      <ConfirmAction
        {...shared(question)}
        label="Approve"
        variant="primary"
        tone="primary"
        isDisabled={!isIntact}
        title="Approve this?"
        verb="Approve"
        reason={{ label: "Note" }}
        consequence={
          question.amount === undefined
            ? "It is done at once, or who asked for it goes on from there."
            : "The refund is sent to Klarna at once. It cannot be taken back."
        }
        onConfirm={({ reason }) => decideAction(question.id, { decision: "approve", reason })}
      />
      <ConfirmAction
        {...shared(question)}
        label="Reject"
        variant="danger-quiet"
        title="Reject this?"
        verb="Reject"
        reason={{ label: "Reason", isRequired: true }}
        consequence="Nothing is done. Who asked for it is told, with your reason."
        onConfirm={({ reason }) => decideAction(question.id, { decision: "reject", reason })}
      />
    </>
  );
}

export function Withdraw(question: Question) {
  return (
    <ConfirmAction
      {...shared(question)}
      label="Withdraw"
      variant="danger-quiet"
      title="Withdraw your request?"
      verb="Withdraw"
      consequence="Nobody is asked any more. You can ask again at any time."
      onConfirm={() => withdrawAction(question.id)}
    />
  );
}

export function CarryOut(question: Question) {
  return (
    <ConfirmAction
      {...shared(question)}
      label="Try again"
      variant="primary"
      tone="primary"
      title="Carry it out now?"
      verb="Carry out"
      consequence="It is sent to Klarna at once. A refund cannot be taken back."
      onConfirm={() => carryOutAction(question.id)}
    />
  );
}

export function CollectKey(question: Question) {
  const router = useRouter();
  const [secret, setSecret] = useState<string | null>(null);
  const close = (): void => {
    setSecret(null);
    router.refresh();
  };
  return (
    <>
      <ConfirmAction
        {...shared(question)}
        label="Collect the key"
        variant="primary"
        tone="primary"
        title="Collect the key?"
        verb="Show the key"
        consequence="The key is made now and shown this once."
        onConfirm={async () => {
          const result = await collectKeyAction(question.id);
          if (result.ok) setSecret(result.data.key);
          return result;
        }}
      />
      <Dialog open={secret !== null} onOpenChange={(open) => (open ? undefined : close())}>
        <KeyMadeContent made={{ key: secret ?? "", approvalId: null }} onClose={close} />
      </Dialog>
    </>
  );
}
