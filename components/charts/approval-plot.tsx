"use client";

import { CartesianGrid, Line, LineChart, ReferenceDot, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";
import { TIME_AXIS, VALUE_AXIS } from "./chart-axes";
import { ChartTooltip } from "./chart-tooltip";
import { type ApprovalPoint, approvalRate, percentWords, pointWords } from "./chart-words";

const COLOR = "var(--chart-1)";

export function ApprovalPlot({ title, points }: { title: string; points: readonly ApprovalPoint[] }) {
  const data = points.map((point) => ({ at: point.at, rate: approvalRate(point) }));
  const byAt = new Map(points.map((point) => [point.at, point]));
  const last = data.findLast((point) => point.rate !== null);
  const lowest = Math.min(...data.flatMap((point) => (point.rate === null ? [] : [point.rate])));
  const floor = Math.max(0, Math.floor((lowest - 0.05) * 10) / 10);
  return (
    <ResponsiveContainer width="100%" height="100%" initialDimension={{ width: 480, height: 200 }}>
      <LineChart data={data} margin={{ top: 12, right: 48, bottom: 0, left: 0 }} accessibilityLayer title={title}>
        <CartesianGrid vertical={false} stroke="var(--line)" />
        <XAxis {...TIME_AXIS} />
        <YAxis {...VALUE_AXIS} domain={[floor, 1]} tickFormatter={(value: number) => `${Math.round(value * 100)}%`} />
        <Tooltip
          isAnimationActive={false}
          cursor={{ stroke: "var(--line-strong)" }}
          content={({ active, label }) => {
            const point = byAt.get(String(label));
            if (!active || point === undefined) return null;
            return (
              <ChartTooltip
                title={pointWords(point.at)}
                rows={[
                  { id: "rate", label: "Approval rate", value: percentWords(approvalRate(point)), color: COLOR },
                  { id: "approved", label: "Approved", value: String(point.approved), color: "transparent" },
                  { id: "decided", label: "Decided", value: String(point.decided), color: "transparent" },
                ]}
              />
            );
          }}
        />
        <Line
          type="linear"
          dataKey="rate"
          name="Approval rate"
          stroke={COLOR}
          strokeWidth={1.5}
          dot={false}
          activeDot={{ r: 3, fill: COLOR, stroke: "none" }}
          connectNulls={false}
          isAnimationActive={false}
        />
        {last === undefined || last.rate === null ? null : (
          <ReferenceDot
            x={last.at}
            y={last.rate}
            r={3}
            fill={COLOR}
            stroke="none"
            label={{
              value: percentWords(last.rate),
              position: "right",
              fill: "var(--ink)",
              fontSize: 12,
              fontWeight: 500,
            }}
          />
        )}
      </LineChart>
    </ResponsiveContainer>
  );
}
