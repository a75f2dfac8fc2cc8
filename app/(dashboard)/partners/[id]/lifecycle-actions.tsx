"use client";

import type { Route } from "next";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { ConfirmAction } from "@/components/confirm-action";
import { Button } from "@/components/ui/button";
import { toast } from "@/components/ui/toast";
import {
  copyOnboardingAction,
  handleDecisionAction,
  offboardPartnerAction,
  refreshAccountAction,
  resumePartnerAction,
  suspendPartnerAction,
} from "../actions";

type Subject = { id: string; name: string; state: string };

/** Stop, start again, close for good. */
export function LifecycleActions({ partner, hasProduct }: { partner: Subject; hasProduct: boolean }) {
  const router = useRouter();
  const refresh = () => router.refresh();
  return (
    <>
      {partner.state === "OPERATIONAL" ? (
        <ConfirmAction
          label="Suspend"
          variant="danger-quiet"
          title={`Suspend ${partner.name}?`}
          verb="Suspend"
          partner={partner.name}
          consequence={
            hasProduct
              ? "No new payments from this moment, in both modes; Klarna is told to disable them too. Captures, refunds and disputes go on."
              : "No new payments from this moment, in both modes."
          }
          reason={{ label: "Why", isRequired: true }}
          onConfirm={({ reason }) => suspendPartnerAction(partner.id, reason)}
          onDone={refresh}
        />
      ) : null}
      {partner.state === "SUSPENDED" ? (
        <ConfirmAction
          label="Resume"
          tone="primary"
          title={`Let ${partner.name} take payments again?`}
          verb="Resume"
          partner={partner.name}
          consequence="Klarna is told to enable payments. They start when Klarna has done so."
          onConfirm={() => resumePartnerAction(partner.id)}
          onDone={refresh}
        />
      ) : null}
      <ConfirmAction
        label="Off-board"
        variant="danger-quiet"
        title={`Close ${partner.name} for good?`}
        verb="Off-board"
        partner={partner.name}
        consequence="Klarna disables payments first; only when it has confirmed is the Partner closed. That cannot be taken back. Refunds and disputes of what was paid go on."
        reason={{ label: "Why", isRequired: true }}
        onConfirm={({ reason }) => offboardPartnerAction(partner.id, reason)}
        onDone={refresh}
      />
    </>
  );
}

/** Begins the other mode's account with what does not depend on the mode. */
export function CopyToMode({ partner, mode }: { partner: Subject; mode: "test" | "live" }) {
  const router = useRouter();
  return (
    <ConfirmAction
      label={`Onboard in ${mode} mode`}
      tone="primary"
      title={`Begin the ${mode} account of ${partner.name}?`}
      verb="Begin the draft"
      partner={partner.name}
      mode={mode}
      consequence="Contact, legal entities, brands, groups, stores and terminals are copied from the other mode. Prices and settlement are chosen anew. Nothing goes to Klarna before you approve."
      onConfirm={() => copyOnboardingAction(partner.id)}
      onDone={() => router.push(`/partners/${partner.id}/onboarding` as Route)}
    />
  );
}

export function ReadAtKlarna({ partnerId }: { partnerId: string }) {
  const router = useRouter();
  const [isBusy, setBusy] = useState(false);
  return (
    <Button
      size="sm"
      isBusy={isBusy}
      onClick={async () => {
        setBusy(true);
        const result = await refreshAccountAction(partnerId);
        setBusy(false);
        if (result.ok) toast.success(result.message ?? "Read");
        else toast.error(result.message);
        router.refresh();
      }}
    >
      Read at Klarna
    </Button>
  );
}

export function HandleDecision({ id, name }: { id: string; name: string }) {
  const router = useRouter();
  return (
    <ConfirmAction
      label="Handled"
      size="sm"
      tone="primary"
      title="What was done about it?"
      verb="Write down"
      partner={name}
      consequence="The decision leaves the list of what calls for a person. Klarna's decision itself stands."
      reason={{ label: "What was done", isRequired: true }}
      onConfirm={({ reason }) => handleDecisionAction(id, reason)}
      onDone={() => router.refresh()}
    />
  );
}
