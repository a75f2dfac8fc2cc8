"use client";

import dynamic from "next/dynamic";
import type { ReactNode } from "react";
import { ChartFrame, ChartSkeleton } from "./chart-frame";
import { type ApprovalPoint, approvalRate, percentWords, pointWords } from "./chart-words";

const ApprovalPlot = dynamic(() => import("./approval-plot").then((module) => module.ApprovalPlot), {
  ssr: false,
  loading: ChartSkeleton,
});

export type ApprovalChartProps = {
  title?: string;
  description?: ReactNode;
  points: readonly ApprovalPoint[];
  isLoading?: boolean;
  heightPx?: number;
  className?: string;
};

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
