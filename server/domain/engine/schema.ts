import { z } from "zod";
import { lineSchema } from "@/server/core/schema";
import { RUN_STATES, type RunState } from "./states";

/* What the background has run: read from the embedded engine, which knows nothing of modes and Partners. */

export const RunFilterSchema = z.strictObject({
  status: z.enum(RUN_STATES).optional(),
  /** The id of a function, whole. */
  functionId: lineSchema(1, 200).optional(),
});
export type RunFilter = z.infer<typeof RunFilterSchema>;

export type RunItem = {
  id: string;
  functionId: string;
  /** A word that we do not know is shown as it is. */
  status: RunState | string;
  attempt: number;
  eventName: string | null;
  replayOf: string | null;
  parentRun: string | null;
  createdAt: Date;
  startedAt: Date | null;
  endedAt: Date | null;
};

export type RunStep = {
  id: string;
  name: string;
  op: string;
  status: string;
  attempt: number;
  /** Masked. */
  data: unknown;
  /** Masked. */
  error: unknown;
  wakeAt: Date | null;
  eventName: string | null;
  createdAt: Date;
  updatedAt: Date | null;
};

export type RunRecord = RunItem & {
  nextAt: Date | null;
  /** Masked, as all that the run was given and gave. */
  output: unknown;
  error: unknown;
  events: { id: string; name: string; data: unknown; at: Date | null }[];
  steps: RunStep[];
};

export type EngineFunction = {
  id: string;
  name: string;
  retries: number;
  events: string[];
  crons: string[];
  nextAt: Date | null;
};

export type EngineStatus =
  | { kind: "inngest"; url: string }
  | { kind: "engine"; isReachable: false; problem: string }
  | {
      kind: "engine";
      isReachable: true;
      functions: EngineFunction[];
      runsLastDay: Readonly<Record<string, number>>;
      eventsLastHour: number;
      runsWaitingForRoom: number;
      queueLagSeconds: number;
      workers: number;
    };
