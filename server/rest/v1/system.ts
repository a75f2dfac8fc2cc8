import { z } from "zod";
import type { Services } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { defineEndpoint } from "../endpoint";

const tag = "Service";
const ASK_DATABASE_MS = 1_000;

const HealthSchema = z.object({ status: z.literal("ok") }).meta({ id: "Health" });

export const liveEndpoint = defineEndpoint({
  method: "GET",
  path: "/api/health/live",
  operation: "live",
  summary: "Whether the process runs",
  tag,
  access: "public",
  scope: null,
  responses: { 200: { description: "It does", schema: HealthSchema } },
  handle: () => Promise.resolve({ status: "ok" as const }),
  answer: (json) => ({ status: 200, json }),
});

async function assertReady(services: Services): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AppError("unavailable")), ASK_DATABASE_MS);
  });
  try {
    await Promise.race([services.db.query({ name: "health", text: "select 1", values: [] }), late]);
  } catch (cause) {
    throw new AppError("unavailable", { retryAfterSeconds: 1, cause });
  } finally {
    clearTimeout(timer);
  }
}

export const readyEndpoint = defineEndpoint({
  method: "GET",
  path: "/api/health",
  operation: "ready",
  summary: "Whether the service can do its work",
  tag,
  access: "public",
  scope: null,
  responses: { 200: { description: "It can", schema: HealthSchema } },
  errors: ["unavailable"],
  handle: async ({ services }) => {
    await assertReady(services);
    return { status: "ok" as const };
  },
  answer: (json) => ({ status: 200, json }),
});
