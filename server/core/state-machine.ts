import { AppError } from "./errors";

type Table = Readonly<Record<string, Readonly<Record<string, string>>>>;
type EventOf<T extends Table> = { [S in keyof T]: keyof T[S] & string }[keyof T];

export type Machine<T extends Table> = {
  readonly table: T;
  readonly states: readonly (keyof T & string)[];
  /** The state after `event`; throws `state_conflict` when the table has no such row. */
  next(state: keyof T & string, event: EventOf<T>): keyof T & string;
  can(state: keyof T & string, event: EventOf<T>): boolean;
  /** Whether one step leads from a state to another, by any event. */
  leads(from: keyof T & string, to: keyof T & string): boolean;
  isTerminal(state: keyof T & string): boolean;
  isState(value: string): value is keyof T & string;
};

/**
 * Makes the one function that moves a resource out of its table `{ STATE: { event: NEXT_STATE } }`.
 * Every next state must be a row of the table; a table that names an unknown state fails when it is loaded.
 */
export function defineMachine<const T extends Table>(table: T): Machine<T> {
  const states = Object.keys(table) as (keyof T & string)[];
  const known = new Set<string>(states);
  for (const [state, events] of Object.entries(table)) {
    for (const [event, target] of Object.entries(events)) {
      if (!known.has(target))
        throw new Error(`state table: ${state} --${event}--> ${target} leads to an unknown state`);
    }
  }
  const find = (state: string, event: string): (keyof T & string) | undefined => {
    const row = Object.hasOwn(table, state) ? table[state] : undefined;
    return row && Object.hasOwn(row, event) ? row[event] : undefined;
  };
  return {
    table,
    states,
    next(state, event) {
      const target = find(state, event);
      if (target === undefined) throw new AppError("state_conflict", { params: { state, event } });
      return target;
    },
    can: (state, event) => find(state, event) !== undefined,
    leads: (from, to) => Object.values(table[from] ?? {}).includes(to),
    isTerminal: (state) => Object.keys(table[state] ?? {}).length === 0,
    isState: (value): value is keyof T & string => known.has(value),
  };
}
