import "server-only";
import { currentMode, currentSession, webServices } from "@/server/auth/web";
import { newId } from "@/server/core/ids";
import { createCallerFactory } from "./init";
import { appRouter } from "./root";

const createCaller = createCallerFactory(appRouter);

/** The procedures for server components, as the person who asks for the page. Queries only: a page changes nothing. */
export async function serverCaller() {
  const [session, mode] = await Promise.all([currentSession(), currentMode()]);
  return createCaller({ services: webServices(), session, mode, requestId: newId("request"), isOwnOrigin: false });
}
