import { ChartNoAxesColumn } from "lucide-react";
import type { Metadata } from "next";
import { AutoRefresh } from "@/components/auto-refresh";
import { approvalRate, percentWords } from "@/components/charts/chart-words";
import { VolumeChart } from "@/components/charts/volume-chart";
import { Choices } from "@/components/choices";
import { DateTime } from "@/components/display/date-time";
import { EmptyState } from "@/components/empty-state";
import { Page, PageHeader } from "@/components/page-header";
import { Stat, StatRow } from "@/components/stat";
import { SubNav } from "@/components/sub-nav";
import { ButtonLink } from "@/components/ui/button";
import { webContext } from "@/server/auth/web";
import {
  ANALYSIS_GROUPS,
  type AnalysisGroup,
  getPaymentAnalysis,
  type PaymentAnalysis,
} from "@/server/domain/payments/service";
import { PAYMENTS_NAV } from "../nav";
import { FunnelTable } from "./funnel-table";
import { OutcomeTable, ReasonTable } from "./outcome-tables";
import { minuteWords, readSpan, SPANS, type Span } from "./span";
import { SpanForm } from "./span-form";

export const metadata: Metadata = { title: "Payment analysis" };

const REFRESH_MS = 60_000;
const COUNT = new Intl.NumberFormat("en");
const GROUP_WORDS: Readonly<Record<AnalysisGroup, string>> = {
  store: "Store",
  terminal: "Terminal",
  market: "Market",
  launch: "Launch",
  channel: "Channel",
  partner: "Partner",
};

type Search = Record<string, string | string[] | undefined>;

export default async function AnalysisPage({ searchParams }: { searchParams: Promise<Search> }) {
  const ctx = await webContext("payments:read");
  const search = await searchParams;
  const span = readSpan(search, ctx.clock.now());
  const hasPartners = ctx.scope.partners === "all" || ctx.scope.partners.length > 1;
  const offered = ANALYSIS_GROUPS.filter((group) => group !== "partner" || hasPartners);
  const groupBy = offered.find((group) => group === search["by"]) ?? "store";
  const analysis = await getPaymentAnalysis(ctx, { from: span.from, to: span.to, groupBy });
  return (
    <Page>
      {span.choice === null ? null : <AutoRefresh everyMs={REFRESH_MS} />}
      <PageHeader
        title="Payment analysis"
        description={
          <>
            Payments begun from <DateTime value={span.from} /> to <DateTime value={span.to} />
          </>
        }
      />
      <SubNav label="Payments" items={PAYMENTS_NAV} />
      <div className="flex flex-wrap items-end justify-between gap-3">
        <Choices
          label="Time span"
          choices={SPANS.map(({ value, label }) => ({
            label,
            href: address({ ...span, choice: value }, groupBy),
            isChosen: span.choice === value,
          }))}
        />
        <SpanForm from={minuteWords(span.from).slice(0, 16)} to={minuteWords(span.to).slice(0, 16)} by={groupBy} />
      </div>
      {analysis.all.count === 0 ? (
        <section className="rounded-md border border-line bg-surface">
          <EmptyState
            icon={ChartNoAxesColumn}
            title="No payment was begun in this time"
            description="Choose a longer time. Test and live payments are counted apart."
            action={<ButtonLink href="/payments">All payments</ButtonLink>}
          />
        </section>
      ) : (
        <>
          <Figures analysis={analysis} span={span} />
          <div className="grid grid-cols-[minmax(0,1fr)] gap-4 xl:grid-cols-2">
            <FunnelTable steps={analysis.funnel} direct={analysis.direct} />
            <div className="grid grid-cols-[minmax(0,1fr)] content-start gap-4">
              <VolumeChart
                title="Declined and failed each day"
                description="By the day in UTC on which the payment was begun"
                unit={{ kind: "count" }}
                series={[
                  { id: "declined", label: "Declined", color: 3 },
                  { id: "failed", label: "Failed", color: 4 },
                ]}
                points={analysis.days.map(({ day, declined, failed }) => ({ at: day, values: { declined, failed } }))}
              />
              <ReasonTable reasons={analysis.reasons} span={span} all={analysis.all} />
            </div>
          </div>
          <div className="grid grid-cols-[minmax(0,1fr)] justify-items-start gap-2 *:last:w-full">
            <Choices
              label="Told apart by"
              choices={offered.map((group) => ({
                label: GROUP_WORDS[group],
                href: address(span, group),
                isChosen: group === groupBy,
              }))}
            />
            <OutcomeTable
              title={`Outcomes by ${GROUP_WORDS[groupBy].toLowerCase()}`}
              head={GROUP_WORDS[groupBy]}
              rows={analysis.groups}
              groupBy={groupBy}
              span={span}
              hasMore={analysis.hasMoreGroups}
            />
          </div>
        </>
      )}
    </Page>
  );
}

function address(span: Span, by: AnalysisGroup): string {
  const query = new URLSearchParams();
  if (span.choice === null) {
    query.set("from", minuteWords(span.from).slice(0, 16));
    query.set("to", minuteWords(span.to).slice(0, 16));
  } else query.set("span", span.choice);
  if (by !== "store") query.set("by", by);
  return `/payments/analysis?${query}`;
}

function Figures({ analysis: { all, direct, funnel }, span }: { analysis: PaymentAnalysis; span: Span }) {
  const created = `created=${minuteWords(span.from)}..${minuteWords(span.to)}`;
  const stepped = funnel.find((step) => step.step === "stepped_up")?.count ?? 0;
  const paid = funnel.find((step) => step.step === "approved")?.count ?? 0;
  return (
    <StatRow>
      <Stat
        label="Payments"
        value={COUNT.format(all.count)}
        href={`/payments?${created}`}
        hint={<span className="w-full">{COUNT.format(all.open)} still open</span>}
      />
      <Stat
        label="Approval rate"
        value={percentWords(approvalRate({ approved: all.approved, decided: all.approved + all.declined }))}
        hint={
          <span className="w-full">
            {COUNT.format(all.approved)} of {COUNT.format(all.approved + all.declined)} decided
            {direct === 0 ? "" : `, ${COUNT.format(direct)} without asking the customer`}
          </span>
        }
      />
      <Stat
        label="Declined"
        value={COUNT.format(all.declined)}
        href={`/payments?${created}&status=declined`}
        hint={<span className="w-full">and {COUNT.format(all.failed)} failed</span>}
      />
      <Stat
        label="Asked customers who paid"
        value={percentWords(stepped === 0 ? null : paid / stepped)}
        hint={
          <span className="w-full">
            {COUNT.format(paid)} of {COUNT.format(stepped)} asked
          </span>
        }
      />
    </StatRow>
  );
}
