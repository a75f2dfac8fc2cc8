import type { Metadata } from "next";
import { AutoRefresh } from "@/components/auto-refresh";
import { ApprovalChart } from "@/components/charts/approval-chart";
import { approvalRate, percentWords } from "@/components/charts/chart-words";
import { FunnelChart } from "@/components/charts/funnel-chart";
import { VolumeChart } from "@/components/charts/volume-chart";
import { Choices } from "@/components/choices";
import { DateTime } from "@/components/display/date-time";
import { Money } from "@/components/display/money";
import { EmptyState } from "@/components/empty-state";
import { Page, PageHeader } from "@/components/page-header";
import { Stat, StatRow } from "@/components/stat";
import { TextLink } from "@/components/text-link";
import { ButtonLink } from "@/components/ui/button";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { type CurrencyFigure, type Overview, SPAN_DAYS, type SpanDays } from "@/server/domain/overview/schema";
import { getOverview } from "@/server/domain/overview/service";
import { AttentionList } from "./overview/attention-list";
import { HealthLine } from "./overview/health-line";

export const metadata: Metadata = { title: "Overview" };

const REFRESH_MS = 15_000;
const CURRENCIES_MAX = 6;
const DAYS_AT_FIRST: SpanDays = 7;
const COUNT = new Intl.NumberFormat("en");

type Search = Record<string, string | string[] | undefined>;

export default async function OverviewPage({ searchParams }: { searchParams: Promise<Search> }) {
  const ctx = await webContext("overview:read");
  const { user } = await requireSession();
  const search = await searchParams;
  const days = SPAN_DAYS.find((span) => String(span) === search["days"]) ?? DAYS_AT_FIRST;
  const overview = await getOverview(ctx, { days });
  const shown = overview.currencies.find((figure) => figure.currency === search["currency"]) ?? overview.currencies[0];
  return (
    <Page>
      <AutoRefresh everyMs={REFRESH_MS} />
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-3">
        <PageHeader
          title="Overview"
          description={
            <>
              As of <DateTime value={overview.asOf} />
            </>
          }
        />
        <div className="flex flex-wrap items-center gap-2">
          {overview.currencies.length < 2 ? null : (
            <Choices
              label="Currency"
              choices={overview.currencies.slice(0, CURRENCIES_MAX).map((figure) => ({
                label: figure.currency,
                href: address(days, figure.currency),
                isChosen: figure === shown,
              }))}
            />
          )}
          <Choices
            label="Time span"
            choices={SPAN_DAYS.map((span) => ({
              label: `${span} days`,
              href: address(span, shown?.currency),
              isChosen: span === days,
            }))}
          />
        </div>
      </div>
      <AttentionList items={overview.attention} canSeeSystem={can(user, "system:read")} />
      {shown === undefined && overview.payments.before === 0 ? (
        <section className="rounded-md border border-line bg-surface">
          <EmptyState
            title="No payments in this mode yet"
            description={
              ctx.scope.mode === "live"
                ? "Live payments show here as soon as the first is taken. Test payments stay in test mode."
                : "Take one at a terminal, or send one through the API, and this page fills itself."
            }
            action={
              can(user, "payments:create") ? (
                <ButtonLink href="/take-payment" variant="primary">
                  Take a payment
                </ButtonLink>
              ) : undefined
            }
          />
        </section>
      ) : (
        <>
          <Figures overview={overview} shown={shown} days={days} />
          <div className="grid grid-cols-[minmax(0,1fr)] gap-4 xl:grid-cols-2">
            <VolumePanel overview={overview} shown={shown} />
            <ApprovalChart
              title="Approval rate"
              description={`Of the payments with a decision, the last ${overview.daily.length} days`}
              points={overview.daily.map(({ day, approved, decided }) => ({ at: day, approved, decided }))}
            />
            <FunnelChart
              title="Step-up funnel"
              description={
                <>
                  Customers that were asked to approve on their phone, the last {days} days.
                  {can(user, "payments:read") ? (
                    <>
                      {" "}
                      <TextLink href={`/payments/analysis?span=${days}d`} isInText>
                        Look closer
                      </TextLink>
                    </>
                  ) : null}
                </>
              }
              steps={[
                { id: "asked", label: "Shown a QR code", count: overview.funnel.asked },
                { id: "entered", label: "Opened it", count: overview.funnel.entered },
                { id: "finished", label: "Approved it", count: overview.funnel.finished },
                { id: "paid", label: "Paid", count: overview.funnel.paid },
              ]}
            />
            <HealthLine overview={overview} canSeeSystem={can(user, "system:read")} ctx={ctx} />
          </div>
        </>
      )}
    </Page>
  );
}

function address(days: SpanDays, currency: string | undefined): string {
  const query = new URLSearchParams();
  if (days !== DAYS_AT_FIRST) query.set("days", String(days));
  if (currency !== undefined) query.set("currency", currency);
  const text = query.toString();
  return text === "" ? "/" : `/?${text}`;
}

/** Change in basis points; null where there was nothing before. */
function change(now: number, before: number): number | null {
  return before === 0 ? null : Math.round(((now - before) / before) * 10_000);
}

function Figures({ overview, shown, days }: { overview: Overview; shown: CurrencyFigure | undefined; days: SpanDays }) {
  const { approval, payments, finalizing, currencies } = overview;
  const rate = approvalRate(approval);
  const rateBefore = approvalRate({ approved: approval.approvedBefore, decided: approval.decidedBefore });
  const comparedTo = `to the ${days} days before`;
  const others = currencies.filter((figure) => figure !== shown && figure.captured > 0);
  return (
    <StatRow>
      <Stat
        label={shown === undefined ? "Captured" : `Captured in ${shown.currency}`}
        value={shown === undefined ? "–" : <Money amount={shown.captured} currency={shown.currency} />}
        changeBps={shown === undefined ? null : change(shown.captured, shown.capturedBefore)}
        comparedTo={comparedTo}
        hint={
          others.length === 0 ? undefined : (
            <span className="w-full">
              and{" "}
              {others.slice(0, 2).map((figure, index) => (
                <span key={figure.currency}>
                  {index > 0 ? ", " : ""}
                  <Money amount={figure.captured} currency={figure.currency} />
                </span>
              ))}
              {others.length > 2 ? ` and ${others.length - 2} more currencies` : ""}
            </span>
          )
        }
      />
      <Stat
        label="Payments"
        value={COUNT.format(payments.count)}
        changeBps={change(payments.count, payments.before)}
        comparedTo={comparedTo}
        href="/payments"
      />
      <Stat
        label="Approval rate"
        value={percentWords(rate)}
        changeBps={rate === null || rateBefore === null ? null : Math.round((rate - rateBefore) * 10_000)}
        changeUnit="points"
        comparedTo={comparedTo}
        hint={
          <span className="w-full">
            {COUNT.format(approval.approved)} of {COUNT.format(approval.decided)} decided
          </span>
        }
      />
      <Stat
        label="Approved to paid, median"
        value={finalizing.medianMs === null ? "–" : durationWords(finalizing.medianMs)}
        changeBps={
          finalizing.medianMs === null || finalizing.medianBeforeMs === null
            ? null
            : change(finalizing.medianMs, finalizing.medianBeforeMs)
        }
        betterWhen="down"
        comparedTo={comparedTo}
        hint={<span className="w-full">from the customer's tap to Klarna's answer</span>}
      />
    </StatRow>
  );
}

const SECONDS = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

function durationWords(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${SECONDS.format(ms / 1000)} s`;
}

function VolumePanel({ overview, shown }: { overview: Overview; shown: CurrencyFigure | undefined }) {
  const currency = shown?.currency ?? "EUR";
  return (
    <VolumeChart
      title={`Captured each day in ${currency}`}
      description={`The last ${overview.daily.length} days, in UTC`}
      unit={{ kind: "money", currency }}
      series={[
        { id: "kept", label: "Kept", color: 2 },
        { id: "refunded", label: "Refunded", color: 3 },
      ]}
      points={overview.daily.map((day) => {
        const sums = day.money[currency] ?? { captured: 0, refunded: 0 };
        return { at: day.day, values: { kept: sums.captured - sums.refunded, refunded: sums.refunded } };
      })}
    />
  );
}
