import type { z } from "zod";
import { AppError } from "@/server/core/errors";

/** What a form sent, as the schema makes it. Errors: validation_failed with the fields at fault. */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new AppError("validation_failed", {
    errors: parsed.error.issues.map((issue) => ({
      pointer: `/${issue.path.map(String).join("/")}`,
      detail: issue.message,
    })),
  });
}
