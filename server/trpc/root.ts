import { router } from "./init";
import { auditRouter } from "./routers/audit";
import { meRouter } from "./routers/me";
import { partnersRouter } from "./routers/partners";
import { storesRouter } from "./routers/stores";
import { terminalsRouter } from "./routers/terminals";
import { webhooksRouter } from "./routers/webhooks";

export const appRouter = router({
  audit: auditRouter,
  me: meRouter,
  partners: partnersRouter,
  stores: storesRouter,
  terminals: terminalsRouter,
  webhooks: webhooksRouter,
});

export type AppRouter = typeof appRouter;
