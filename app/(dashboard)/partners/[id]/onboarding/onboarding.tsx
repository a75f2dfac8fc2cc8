"use client";

import { useQuery } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { ConfirmAction } from "@/components/confirm-action";
import { Id } from "@/components/display/id";
import { describeError, ErrorState } from "@/components/error-state";
import { Page, PageHeader } from "@/components/page-header";
import { RecordSkeleton } from "@/components/record-skeleton";
import { CrumbLabel } from "@/components/shell/crumb-label";
import { TextLink } from "@/components/text-link";
import { useTRPC } from "@/components/trpc-provider";
import { Badge } from "@/components/ui/badge";
import type { DraftRecord } from "@/server/domain/partners/schema-onboarding";
import { ONBOARDING_STATE_WORDS } from "@/server/domain/partners/states";
import { cancelDraftAction } from "../../actions";
import { ONBOARDING_TONES } from "../../onboarding-tones";
import { InvitePartner } from "./invite-partner";
import { OnboardingProgress } from "./progress";
import { isOpen, isUnderWay } from "./steps";
import { Wizard } from "./wizard";

const FOLLOW_MS = 1_500;

export type OnboardingRights = { isAcquirer: boolean; canInvite: boolean; canImport: boolean };

/** The way of one Partner to Klarna: the draft while it may change, then how far it is. */
export function Onboarding({ partnerId, ...rights }: { partnerId: string } & OnboardingRights) {
  const trpc = useTRPC();
  const query = useQuery(
    trpc.partners.draft.get.queryOptions(
      { partner: partnerId },
      {
        refetchInterval: ({ state }) => (state.data && isUnderWay(state.data.state) ? FOLLOW_MS : false),
      },
    ),
  );
  if (query.isPending) return <RecordSkeleton />;
  if (query.data === undefined) {
    const { message, requestId } = describeError(query.error);
    return (
      <Page>
        <PageHeader title="Onboarding" />
        <ErrorState
          message={message}
          requestId={requestId}
          onRetry={() => void query.refetch()}
          isRetrying={query.isFetching}
        />
      </Page>
    );
  }
  const draft = query.data;
  return (
    <Page>
      <CrumbLabel label="Onboarding" />
      <PageHeader
        title={`Onboarding of ${draft.partnerName}`}
        aside={
          <Badge tone={ONBOARDING_TONES[draft.state]} hasDot>
            {ONBOARDING_STATE_WORDS[draft.state]}
          </Badge>
        }
        description={
          <div className="flex flex-wrap items-center gap-x-4 gap-y-0.5">
            <Id value={draft.partnerId} />
            <span className="text-ink-3 text-xs">Reference {draft.partnerReference}</span>
            <TextLink href={`/partners/${draft.partnerId}`} className="text-xs">
              Partner's record
            </TextLink>
          </div>
        }
        {...(rights.isAcquirer && draft.may.decide ? { actions: <HeaderActions draft={draft} rights={rights} /> } : {})}
      />
      {isOpen(draft.state) ? (
        <Wizard key={draft.id} draft={draft} rights={rights} />
      ) : (
        <OnboardingProgress draft={draft} />
      )}
    </Page>
  );
}

function HeaderActions({ draft, rights }: { draft: DraftRecord; rights: OnboardingRights }) {
  const router = useRouter();
  return (
    <>
      <ConfirmAction
        label="Cancel onboarding"
        variant="danger-quiet"
        title="Cancel this onboarding?"
        verb="Cancel onboarding"
        partner={draft.partnerName}
        mode={draft.mode}
        cancelWord="Keep it"
        consequence="The draft ends for good and nothing is sent to Klarna."
        onConfirm={() => cancelDraftAction(draft.partnerId)}
        onDone={() => router.push("/partners")}
      />
      <InvitePartner draft={draft} canInvite={rights.canInvite} />
    </>
  );
}
