"use client";

import { Bar, BarChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";
import { currencyDecimals } from "@/server/core/money";
import { TIME_AXIS, VALUE_AXIS } from "./chart-axes";
import { ChartTooltip } from "./chart-tooltip";
import {
  axisWords,
  type ChartPoint,
  type ChartSeries,
  type ChartUnit,
  chartColor,
  exactWords,
  pointWords,
} from "./chart-words";

/** Loaded when a chart is shown, so that the library is in no page's first load. */
export function VolumePlot({
  title,
  points,
  series,
  unit,
}: {
  title: string;
  points: readonly ChartPoint[];
  series: readonly ChartSeries[];
  unit: ChartUnit;
}) {
  const minorPerMajor = unit.kind === "money" ? 10 ** currencyDecimals(unit.currency) : 1;
  const data = points.map((point) => ({ at: point.at, ...point.values }));
  const byAt = new Map(points.map((point) => [point.at, point]));
  return (
    <div className="flex h-full flex-col gap-2">
      {series.length < 2 ? null : (
        <ul className="flex flex-wrap gap-x-3 gap-y-1 text-ink-2 text-xs">
          {series.map((entry) => (
            <li key={entry.id} className="flex items-center gap-1.5">
              <span aria-hidden className="size-2 rounded-xs" style={{ background: chartColor(entry.color) }} />
              {entry.label}
            </li>
          ))}
        </ul>
      )}
      <div className="min-h-0 flex-1">
        <ResponsiveContainer width="100%" height="100%" initialDimension={{ width: 480, height: 180 }}>
          <BarChart
            data={data}
            margin={{ top: 4, right: 0, bottom: 0, left: 0 }}
            barCategoryGap="24%"
            accessibilityLayer
            title={title}
          >
            <CartesianGrid vertical={false} stroke="var(--line)" />
            <XAxis {...TIME_AXIS} />
            <YAxis
              {...VALUE_AXIS}
              tickFormatter={(value: number) => axisWords(value, minorPerMajor)}
              allowDecimals={false}
            />
            <Tooltip
              isAnimationActive={false}
              cursor={{ fill: "var(--hover)" }}
              content={({ active, label }) => {
                const point = byAt.get(String(label));
                if (!active || point === undefined) return null;
                const rows = [...series].reverse().map((entry) => ({
                  id: entry.id,
                  label: entry.label,
                  value: exactWords(point.values[entry.id] ?? 0, unit),
                  color: chartColor(entry.color),
                }));
                return <ChartTooltip title={pointWords(point.at)} rows={rows} />;
              }}
            />
            {series.map((entry, index) => (
              <Bar
                key={entry.id}
                dataKey={entry.id}
                name={entry.label}
                stackId="all"
                fill={chartColor(entry.color)}
                isAnimationActive={false}
                maxBarSize={28}
                {...(index === series.length - 1 ? { radius: [2, 2, 0, 0] as [number, number, number, number] } : {})}
              />
            ))}
          </BarChart>
        </ResponsiveContainer>
      </div>
    </div>
  );
}
