"use client";

import { useQuery } from "@tanstack/react-query";
import { Notice } from "@/components/notice";
import { useTRPC } from "@/components/trpc-provider";
import { ButtonLink } from "@/components/ui/button";

const REFRESH_MS = 15_000;

/** A refund of this payment that somebody asked for and nobody has decided on. */
export function WaitingApprovals({ paymentId }: { paymentId: string }) {
  const trpc = useTRPC();
  const { data } = useQuery(
    trpc.approvals.list.queryOptions(
      { filter: { search: paymentId, state: ["PENDING"] }, limit: 5 },
      { refetchInterval: REFRESH_MS },
    ),
  );
  if (data === undefined || data.items.length === 0) return null;
  return (
    <>
      {data.items.map((item) => (
        <Notice
          key={item.id}
          tone="warn"
          title={`${item.summary} waits for a second person`}
          action={
            <ButtonLink href={`/settings/approvals/${item.id}`} size="sm">
              Open the request
            </ButtonLink>
          }
        >
          Asked by {item.requestedBy.name}.
        </Notice>
      ))}
    </>
  );
}
