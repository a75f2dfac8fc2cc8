"use client";

import dynamic from "next/dynamic";
import type { ReactNode } from "react";
import { ChartFrame, ChartSkeleton } from "./chart-frame";
import { pointWords } from "./chart-words";

const ApprovalPlot = dynamic(() => import("./approval-plot").then((module) => module.ApprovalPlot), {
  ssr: false,
  loading: ChartSkeleton,
});

export type ApprovalPoint = { at: string; approved: number; decided: number };

export type ApprovalChartProps = {
  title?: string;
  description?: ReactNode;
  points: readonly ApprovalPoint[];
  isLoading?: boolean;
  heightPx?: number;
  className?: string;
};

const PERCENT = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });

/** Null where nothing was decided: a gap in the line, not a zero. */
export function approvalRate(point: Pick<ApprovalPoint, "approved" | "decided">): number | null {
  return point.decided === 0 ? null : point.approved / point.decided;
}

export function percentWords(rate: number | null): string {
  return rate === null ? "–" : PERCENT.format(rate);
}

/** Of the payments with a decision, how many were approved. */
export function ApprovalChart({
  title = "Approval rate",
  description,
  points,
  isLoading = false,
  heightPx = 220,
  className,
}: ApprovalChartProps) {
  return (
    <ChartFrame
      title={title}
      description={description}
      isLoading={isLoading}
      isEmpty={points.every((point) => point.decided === 0)}
      emptyText="No payment was decided in this time."
      heightPx={heightPx}
      {...(className === undefined ? {} : { className })}
      table={{
        columns: ["Time", "Approved", "Decided", "Rate"],
        rows: points.map((point) => ({
          id: point.at,
          cells: [
            pointWords(point.at),
            String(point.approved),
            String(point.decided),
            percentWords(approvalRate(point)),
          ],
        })),
      }}
    >
      <ApprovalPlot title={title} points={points} />
    </ChartFrame>
  );
}
