import { services } from "@/inngest/services";
import { continueImports } from "@/server/domain/imports/service";
import { SIGNALS } from "@/server/events/catalog";
import { workingOff } from "./batches";

/** Works off imports that were started. What is done is kept batch by batch. */
export const runImports = workingOff({
  id: "run-imports",
  signal: SIGNALS.imports,
  batches: 5,
  advance: async () => (await continueImports(services())) !== null,
});
