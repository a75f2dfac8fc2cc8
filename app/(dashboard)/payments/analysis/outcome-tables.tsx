import { approvalRate, percentWords } from "@/components/charts/chart-words";
import { Country } from "@/components/display/country";
import { TextLink } from "@/components/text-link";
import { Panel, PanelEmpty } from "@/components/ui/panel";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { AnalysisGroup, PaymentAnalysis } from "@/server/domain/payments/service";
import { COUNTRY_OPTIONS } from "../../countries";
import { CHANNEL_WORDS, LAUNCH_WORDS, REASON_WORDS } from "../_components/payment-words";
import { minuteWords, type Span } from "./span";

type OutcomeRow = PaymentAnalysis["groups"][number];

const COUNT = new Intl.NumberFormat("en");

/** The list of payments with the same span, and more. */
function listHref(span: Span, filters: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams({ created: `${minuteWords(span.from)}..${minuteWords(span.to)}`, ...filters });
  return `/payments?${query}`;
}

/** The filter of the list that finds a group; null where the list has none (what has no place, a country it does not offer). */
function filterOf(groupBy: AnalysisGroup, key: string | null): Record<string, string> | null {
  const isOffered = groupBy !== "market" || COUNTRY_OPTIONS.some((option) => option.value === key);
  return key === null || !isOffered ? null : { [groupBy]: key };
}

export function ReasonTable({
  reasons,
  span,
  all,
}: {
  reasons: PaymentAnalysis["reasons"];
  span: Span;
  all: PaymentAnalysis["all"];
}) {
  const total = all.declined + all.failed;
  return (
    <Panel title="Why" description="Of what was declined or failed" isFlush>
      {reasons.length === 0 ? (
        <PanelEmpty>Nothing was declined and nothing failed in this time.</PanelEmpty>
      ) : (
        <Table aria-label="Reasons">
          <TableHead>
            <TableRow>
              <TableHeader>Reason</TableHeader>
              <TableHeader isNumeric>Payments</TableHeader>
              <TableHeader isNumeric>Share</TableHeader>
            </TableRow>
          </TableHead>
          <TableBody>
            {reasons.map(({ reason, count }) => (
              <TableRow key={reason}>
                <TableCell>
                  {REASON_WORDS[reason] === undefined ? (
                    reason
                  ) : (
                    <TextLink href={listHref(span, { reason })}>{REASON_WORDS[reason]}</TextLink>
                  )}
                </TableCell>
                <TableCell isNumeric>{COUNT.format(count)}</TableCell>
                <TableCell isNumeric>{percentWords(total === 0 ? null : count / total)}</TableCell>
              </TableRow>
            ))}
          </TableBody>
        </Table>
      )}
    </Panel>
  );
}

export function OutcomeTable({
  title,
  head,
  rows,
  groupBy,
  span,
  hasMore,
}: {
  title: string;
  head: string;
  rows: readonly OutcomeRow[];
  groupBy: AnalysisGroup;
  span: Span;
  hasMore: boolean;
}) {
  return (
    <Panel
      title={title}
      {...(hasMore
        ? { description: `The ${rows.length} with the most payments. Look at a shorter time for others.` }
        : {})}
      isFlush
    >
      <Table aria-label={title}>
        <TableHead>
          <TableRow>
            <TableHeader>{head}</TableHeader>
            <TableHeader isNumeric>Payments</TableHeader>
            <TableHeader isNumeric>Approved</TableHeader>
            <TableHeader isNumeric>Rate</TableHeader>
            <TableHeader isNumeric>Declined</TableHeader>
            <TableHeader isNumeric>Failed</TableHeader>
            <TableHeader isNumeric>Canceled</TableHeader>
            <TableHeader isNumeric>Expired</TableHeader>
            <TableHeader isNumeric>Open</TableHeader>
          </TableRow>
        </TableHead>
        <TableBody>
          {rows.map((row) => {
            const filter = filterOf(groupBy, row.key);
            const cell = (count: number, status: string) =>
              count === 0 ? (
                <span className="text-ink-3">0</span>
              ) : filter === null ? (
                COUNT.format(count)
              ) : (
                <TextLink href={listHref(span, { ...filter, status })}>{COUNT.format(count)}</TextLink>
              );
            return (
              <TableRow key={row.key ?? ""}>
                <TableCell className="max-w-72">
                  <span className="block truncate">
                    {filter === null ? (
                      <Name row={row} groupBy={groupBy} />
                    ) : (
                      <TextLink href={listHref(span, filter)}>
                        <Name row={row} groupBy={groupBy} />
                      </TextLink>
                    )}
                  </span>
                  {row.hint === null ? null : <span className="block truncate text-ink-3 text-xs">{row.hint}</span>}
                </TableCell>
                <TableCell isNumeric>{COUNT.format(row.count)}</TableCell>
                <TableCell isNumeric>{COUNT.format(row.approved)}</TableCell>
                <TableCell isNumeric>
                  {percentWords(approvalRate({ approved: row.approved, decided: row.approved + row.declined }))}
                </TableCell>
                <TableCell isNumeric>{cell(row.declined, "declined")}</TableCell>
                <TableCell isNumeric>{cell(row.failed, "failed")}</TableCell>
                <TableCell isNumeric>{cell(row.canceled, "canceled")}</TableCell>
                <TableCell isNumeric>{cell(row.expired, "expired")}</TableCell>
                <TableCell isNumeric>{cell(row.open, "processing,pending,in_progress,finalizing")}</TableCell>
              </TableRow>
            );
          })}
        </TableBody>
      </Table>
    </Panel>
  );
}

function Name({ row, groupBy }: { row: OutcomeRow; groupBy: AnalysisGroup }) {
  if (row.key === null) return groupBy === "terminal" ? "No terminal" : "No store";
  switch (groupBy) {
    case "market":
      return <Country code={row.key} />;
    case "launch":
      return LAUNCH_WORDS[row.label] ?? row.label;
    case "channel":
      return CHANNEL_WORDS[row.label] ?? row.label;
    default:
      return row.label;
  }
}
