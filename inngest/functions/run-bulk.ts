import { services } from "@/inngest/services";
import { continueBulk } from "@/server/domain/bulk/service";
import { SIGNALS } from "@/server/events/catalog";
import { workingOff } from "./batches";

/** Works off captures and refunds of many payments. What is done is kept row by row. */
export const runBulk = workingOff({
  id: "run-bulk",
  signal: SIGNALS.bulk,
  batches: 3,
  advance: async () => (await continueBulk(services())) !== null,
});
