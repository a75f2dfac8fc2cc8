import { router } from "./init";
import { auditRouter } from "./routers/audit";
import { meRouter } from "./routers/me";
import { partnersRouter } from "./routers/partners";
import { storesRouter } from "./routers/stores";
import { terminalsRouter } from "./routers/terminals";

export const appRouter = router({
  audit: auditRouter,
  partners: partnersRouter,
  stores: storesRouter,
  terminals: terminalsRouter,
  me: meRouter,
});

export type AppRouter = typeof appRouter;
