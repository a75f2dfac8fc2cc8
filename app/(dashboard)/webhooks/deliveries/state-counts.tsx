"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Choices } from "@/components/choices";
import { filterQuery } from "@/components/data-table/table-state";
import type { TableControl } from "@/components/data-table/use-table-state";
import { statusWord } from "@/components/display/status-words";
import { useTRPC } from "@/components/trpc-provider";
import type { WebhookChoices } from "../filters";
import { countWords } from "../health";
import { countsInput } from "./table";

const STATES = ["pending", "delivered", "failed"] as const;

/** How many of the filter are in each state, each a way to them. */
export function StateCounts({
  control,
  choices,
  refetchMs,
}: {
  control: TableControl;
  choices: WebhookChoices;
  refetchMs: number | false;
}) {
  const trpc = useTRPC();
  const { data: counts } = useQuery(
    trpc.webhooks.deliveries.counts.queryOptions(countsInput(control.state, choices), {
      placeholderData: keepPreviousData,
      refetchInterval: refetchMs,
    }),
  );
  const { state, def } = control;
  const hrefFor = (status: string | null): string => {
    const { status: _, ...filters } = state.filters;
    const query = filterQuery({ ...state, filters: status === null ? filters : { ...filters, status } }, def);
    return query === "" ? "/webhooks/deliveries" : `/webhooks/deliveries?${query}`;
  };
  const chosen = state.filters["status"];
  return (
    <Choices
      label="Deliveries by state"
      choices={[
        { label: "All", href: hrefFor(null), isChosen: chosen === undefined },
        ...STATES.map((status) => ({
          label: `${statusWord("delivery", status).word} · ${counts === undefined ? "…" : countWords(counts[status])}`,
          href: hrefFor(status),
          isChosen: chosen === status,
        })),
      ]}
    />
  );
}
