import type { z } from "zod";
import { AppError } from "@/server/core/errors";

/*
 * Arguments of server actions. Their declared types hold for our own pages only: anybody who is signed in can send anything,
 * and what is of another type is refused as what it is, not found out by a call that fails.
 */

/** An argument by its schema. Errors: validation_failed, with the place of each fault. */
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

/** The text of a form's field, at most so long; empty where there is none, or where what came is no form. */
export function formText(form: unknown, name: string, lengthMax = 2_000): string {
  const value = form instanceof FormData ? form.get(name) : null;
  return typeof value === "string" ? value.slice(0, lengthMax) : "";
}
