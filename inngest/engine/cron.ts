import { TZDate } from "@date-fns/tz";

export type Cron = Readonly<{ text: string; next: (afterMs: number) => number }>;

export class CronError extends Error {
  override readonly name = "CronError";
}

const DESCRIPTORS: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const DAYS_SEARCHED_MAX = 366 * 8;

function parseField(text: string, low: number, high: number, names: readonly string[] = []): Set<number> {
  const number = (word: string): number => {
    const named = names.indexOf(word.toLowerCase());
    const value = named >= 0 ? named + (names === MONTHS ? 1 : 0) : /^\d+$/.test(word) ? Number(word) : Number.NaN;
    if (!(value >= low && value <= high)) throw new CronError(`"${word}" is not between ${low} and ${high}`);
    return value;
  };
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const [range = "", stepText] = part.split("/");
    const step = stepText === undefined ? 1 : Number(stepText);
    if (!Number.isInteger(step) || step < 1) throw new CronError(`"${part}" has no usable step`);
    let from = low;
    let to = high;
    if (range !== "*" && range !== "?") {
      const [first = "", last] = range.split("-");
      from = number(first);
      to = last === undefined ? (stepText === undefined ? from : high) : number(last);
    }
    if (from > to) throw new CronError(`"${part}" runs backwards`);
    for (let value = from; value <= to; value += step) values.add(value);
  }
  return values;
}

/** A five-field cron text, `@daily` and its like, with an optional `TZ=Area/City ` in front (UTC without). */
export function parseCron(source: string): Cron {
  const match = /^(?:CRON_)?TZ=(\S+)\s+(.*)$/.exec(source.trim());
  const zone = match?.[1] ?? "UTC";
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
  } catch {
    throw new CronError(`"${zone}" in "${source}" is not a time zone`);
  }
  const text = (match?.[2] ?? source).trim();
  const fields = (DESCRIPTORS[text] ?? text).split(/\s+/);
  if (fields.length !== 5) throw new CronError(`"${source}" needs five fields: minute hour day month weekday`);
  const [minuteText = "", hourText = "", dayText = "", monthText = "", weekdayText = ""] = fields;
  const minutes = [...parseField(minuteText, 0, 59)].sort((a, b) => a - b);
  const hours = [...parseField(hourText, 0, 23)].sort((a, b) => a - b);
  const days = parseField(dayText, 1, 31);
  const months = parseField(monthText, 1, 12, MONTHS);
  const weekdays = parseField(weekdayText.replace(/\b7\b/g, "0"), 0, 6, DAYS);
  const anyDay = /^[*?]/.test(dayText);
  const anyWeekday = /^[*?]/.test(weekdayText);

  const next = (afterMs: number): number => {
    const start = new TZDate(afterMs, zone);
    for (let offset = 0; offset < DAYS_SEARCHED_MAX; offset += 1) {
      const day = new TZDate(start.getFullYear(), start.getMonth(), start.getDate() + offset, 12, 0, 0, zone);
      if (!months.has(day.getMonth() + 1)) continue;
      const isDay = days.has(day.getDate());
      const isWeekday = weekdays.has(day.getDay());
      if (!(anyDay || anyWeekday ? isDay && isWeekday : isDay || isWeekday)) continue;
      for (const hour of hours) {
        for (const minute of minutes) {
          const at = new TZDate(day.getFullYear(), day.getMonth(), day.getDate(), hour, minute, 0, zone).getTime();
          if (at > afterMs) return at;
        }
      }
    }
    throw new CronError(`"${source}" never happens`);
  };
  next(Date.now());
  return { text: source, next };
}
