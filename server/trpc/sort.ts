import { z } from "zod";

/** How a list is sorted: the name of a column, with `-` before it for the other way round. */
export function sortSchema(sorts: readonly string[]) {
  return z
    .string()
    .max(40)
    .refine((sort) => sorts.includes(sort.replace(/^-/, "")), "is not a way to sort this list")
    .optional();
}
