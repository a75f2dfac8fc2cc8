import { z } from "zod";
import { idSchema } from "@/server/core/ids";
import { lineSchema } from "@/server/core/schema";

/** The list that a view belongs to, as its table names itself. */
export const ViewScreenSchema = z.string().regex(/^[a-z][a-z0-9-]{1,39}$/);
export const SaveViewSchema = z.strictObject({
  screen: ViewScreenSchema,
  name: lineSchema(1, 60).transform((name) => name.trim()),
  /** The address of the list without `?`: filters, sort and columns, never a place in it. */
  query: z
    .string()
    .max(2_000)
    .regex(/^[\x21-\x7e]*$/, "must be a query string"),
  isShared: z.boolean().default(false),
  /** With whose people it is shared; needed only by who belongs to several Partners. */
  partner: idSchema("partner").optional(),
});
export type SaveViewInput = z.input<typeof SaveViewSchema>;

export type ViewItem = {
  id: string;
  name: string;
  query: string;
  isShared: boolean;
  isOwn: boolean;
  ownerName: string;
  /** Whether the reader may take it away. */
  canDelete: boolean;
};
export type ViewList = { items: ViewItem[]; canShare: boolean };
