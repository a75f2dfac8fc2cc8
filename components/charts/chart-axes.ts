import { pointWords } from "./chart-words";

const AXIS = { tickLine: false, axisLine: false, tick: { fill: "var(--ink-3)", fontSize: 11 } } as const;

/** What the two axes of every chart over time look like. */
export const TIME_AXIS = { ...AXIS, dataKey: "at", tickFormatter: pointWords, minTickGap: 28, height: 22 } as const;
export const VALUE_AXIS = { ...AXIS, width: 40, tickCount: 4 } as const;
