"use client";

import dynamic from "next/dynamic";
import type { ReactNode } from "react";
import { ChartFrame, ChartSkeleton } from "./chart-frame";
import { type ChartPoint, type ChartSeries, type ChartUnit, exactWords, pointWords } from "./chart-words";

const VolumePlot = dynamic(() => import("./volume-plot").then((module) => module.VolumePlot), {
  ssr: false,
  loading: ChartSkeleton,
});

export type VolumeChartProps = {
  title: string;
  description?: ReactNode;
  points: readonly ChartPoint[];
  /** Stacked from the first (bottom) to the last. */
  series: readonly ChartSeries[];
  unit: ChartUnit;
  isLoading?: boolean;
  heightPx?: number;
  className?: string;
};

/** How much happened in each span, stacked by what it was. */
export function VolumeChart({
  title,
  description,
  points,
  series,
  unit,
  isLoading = false,
  heightPx = 220,
  className,
}: VolumeChartProps) {
  const isEmpty = points.every((point) => series.every(({ id }) => (point.values[id] ?? 0) === 0));
  return (
    <ChartFrame
      title={title}
      description={description}
      isLoading={isLoading}
      isEmpty={isEmpty}
      heightPx={heightPx}
      {...(className === undefined ? {} : { className })}
      table={{
        columns: ["Time", ...series.map(({ label }) => label)],
        rows: points.map((point) => ({
          id: point.at,
          cells: [pointWords(point.at), ...series.map(({ id }) => exactWords(point.values[id] ?? 0, unit))],
        })),
      }}
    >
      <VolumePlot title={title} points={points} series={series} unit={unit} />
    </ChartFrame>
  );
}
