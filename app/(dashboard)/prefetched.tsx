import { dehydrate, HydrationBoundary, type QueryClient } from "@tanstack/react-query";
import { createTRPCOptionsProxy } from "@trpc/tanstack-react-query";
import type { ReactNode } from "react";
import { makeQueryClient } from "@/components/query-client";
import { TRPCReactProvider } from "@/components/trpc-provider";
import { currentMode, currentSession, webServices } from "@/server/auth/web";
import { newId } from "@/server/core/ids";
import { type AppRouter, appRouter } from "@/server/trpc/root";

type Procedures = ReturnType<typeof createTRPCOptionsProxy<AppRouter>>;

/**
 * Reads on the server what the children will ask for, so that a list stands in the first answer. A read that fails is
 * asked again by the browser, which can say so and offer a retry. Brings the client of the procedures along, so that
 * pages which ask nothing from the browser do not load it.
 */
export async function Prefetched({
  load,
  children,
}: {
  load: (trpc: Procedures, client: QueryClient) => Promise<unknown>;
  children: ReactNode;
}) {
  const queryClient = makeQueryClient();
  const [session, mode] = await Promise.all([currentSession(), currentMode()]);
  const trpc = createTRPCOptionsProxy({
    router: appRouter,
    ctx: { services: webServices(), session, mode, requestId: newId("request"), isOwnOrigin: false },
    queryClient,
  });
  await load(trpc, queryClient);
  return (
    <TRPCReactProvider>
      <HydrationBoundary state={dehydrate(queryClient)}>{children}</HydrationBoundary>
    </TRPCReactProvider>
  );
}
