"use client";

import { Check, CircleDashed, LoaderCircle } from "lucide-react";
import { Id } from "@/components/display/id";
import { Notice } from "@/components/notice";
import { ButtonLink } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import type { DraftRecord } from "@/server/domain/partners/schema-onboarding";
import type { OnboardingState } from "@/server/domain/partners/states";

const ORDER: readonly OnboardingState[] = ["APPROVED", "ONBOARDING", "ONBOARDED", "OPERATIONAL"];
const COUNT = new Intl.NumberFormat("en");

/** After the approval: sent, taken, operational. Follows by itself. */
export function OnboardingProgress({ draft }: { draft: DraftRecord }) {
  if (draft.state === "CANCELED")
    return <Notice tone="info" title="This onboarding was canceled. Nothing was sent to Klarna." />;
  const at = ORDER.indexOf(draft.state);
  const lines = [
    { title: "Approved", hint: "The draft cannot change any more.", isDone: true, isNow: false },
    {
      title: "Sent to Klarna",
      hint:
        at <= 1
          ? "One call with everything. When no answer comes, the same call is repeated."
          : `${COUNT.format(draft.storeCount)} stores in one call.`,
      isDone: at >= 2,
      isNow: at <= 1,
    },
    {
      title: "Account made",
      hint: draft.klarnaPartnerAccountId === null ? "Klarna names the account." : null,
      isDone: draft.klarnaPartnerAccountId !== null,
      isNow: false,
    },
    {
      title: "Operational",
      hint: at >= 3 ? "Payments can be taken." : "Klarna checks the account. This can take some minutes.",
      isDone: at >= 3,
      isNow: at === 2,
    },
  ];
  return (
    <div className="grid max-w-[640px] gap-4" aria-live="polite">
      {draft.state === "OPERATIONAL" ? (
        <Notice
          tone="good"
          title={`${draft.partnerName} is operational.`}
          action={
            <ButtonLink href={`/partners/${draft.partnerId}`} variant="primary" size="sm">
              Open the record
            </ButtonLink>
          }
        >
          Payments can be taken in {COUNT.format(draft.storeCount)} {draft.storeCount === 1 ? "store" : "stores"}.
        </Notice>
      ) : null}
      <Panel title="On the way to Klarna">
        <ol className="grid gap-3">
          {lines.map((line) => (
            <li key={line.title} className="flex items-start gap-3">
              {line.isDone ? (
                <Check aria-hidden className="mt-0.5 size-4 text-good" />
              ) : line.isNow ? (
                <LoaderCircle
                  aria-hidden
                  className="mt-0.5 size-4 animate-spin text-ink-3 motion-reduce:animate-none"
                />
              ) : (
                <CircleDashed aria-hidden className="mt-0.5 size-4 text-ink-3" />
              )}
              <div className="min-w-0 text-sm">
                <p className="font-medium">
                  {line.title}
                  <span className="sr-only">{line.isDone ? ": done" : line.isNow ? ": under way" : ": not yet"}</span>
                </p>
                {line.hint === null ? (
                  <Id value={draft.klarnaPartnerAccountId} isFull />
                ) : (
                  <p className="text-ink-3 text-xs">{line.hint}</p>
                )}
              </div>
            </li>
          ))}
        </ol>
      </Panel>
    </div>
  );
}
