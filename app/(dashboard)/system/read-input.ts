import { z } from "zod";
import { AppError } from "@/server/core/errors";

/** What a browser sent to an action, parsed once. Errors: validation_failed. */
export function readInput<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new AppError("validation_failed", {
    errors: parsed.error.issues.map((issue) => ({
      pointer: `/${issue.path.map(String).join("/")}`,
      detail: issue.message,
    })),
  });
}

/** An id that is not ours: of Klarna's keys and the engine's runs. */
export const ForeignIdSchema = z.string().min(1).max(255);
