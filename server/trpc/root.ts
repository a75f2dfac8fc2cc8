import { router } from "./init";
import { approvalsRouter } from "./routers/approvals";
import { auditRouter } from "./routers/audit";
import { bulkRouter } from "./routers/bulk";
import { developersRouter } from "./routers/developers";
import { importsRouter } from "./routers/imports";
import { mailsRouter } from "./routers/mails";
import { meRouter } from "./routers/me";
import { partnersRouter } from "./routers/partners";
import { paymentsRouter } from "./routers/payments";
import { peopleRouter } from "./routers/people";
import { rolesRouter } from "./routers/roles";
import { storesRouter } from "./routers/stores";
import { systemRouter } from "./routers/system";
import { terminalsRouter } from "./routers/terminals";
import { viewsRouter } from "./routers/views";
import { webhooksRouter } from "./routers/webhooks";

export const appRouter = router({
  approvals: approvalsRouter,
  audit: auditRouter,
  bulk: bulkRouter,
  developers: developersRouter,
  imports: importsRouter,
  mails: mailsRouter,
  me: meRouter,
  partners: partnersRouter,
  payments: paymentsRouter,
  people: peopleRouter,
  roles: rolesRouter,
  stores: storesRouter,
  system: systemRouter,
  terminals: terminalsRouter,
  views: viewsRouter,
  webhooks: webhooksRouter,
});

export type AppRouter = typeof appRouter;
