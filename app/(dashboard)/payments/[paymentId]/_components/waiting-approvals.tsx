"use client";

import { useQuery } from "@tanstack/react-query";
import { Notice } from "@/components/notice";
import { TextLink } from "@/components/text-link";
import { useTRPC } from "@/components/trpc-provider";

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
        <Notice key={item.id} tone="warn" title={`${item.summary} waits for a second person`}>
          Asked by {item.requestedBy.name}.{" "}
          <TextLink href={`/settings/approvals/${item.id}`}>Open the request</TextLink>
        </Notice>
      ))}
    </>
  );
}
