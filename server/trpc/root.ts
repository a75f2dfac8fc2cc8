import { router } from "./init";
import { auditRouter } from "./routers/audit";
import { developersRouter } from "./routers/developers";
import { meRouter } from "./routers/me";
import { partnersRouter } from "./routers/partners";
import { paymentsRouter } from "./routers/payments";
import { storesRouter } from "./routers/stores";
import { systemRouter } from "./routers/system";
import { terminalsRouter } from "./routers/terminals";
import { webhooksRouter } from "./routers/webhooks";

export const appRouter = router({
  audit: auditRouter,
  developers: developersRouter,
  me: meRouter,
  partners: partnersRouter,
  payments: paymentsRouter,
  stores: storesRouter,
  system: systemRouter,
  terminals: terminalsRouter,
  webhooks: webhooksRouter,
});

export type AppRouter = typeof appRouter;
