import { z } from "zod";
import { idSchema } from "@/server/core/ids";
import { lineSchema } from "@/server/core/schema";
import {
  IMPORT_ACTIONS,
  IMPORT_FIELDS,
  IMPORT_KINDS,
  IMPORT_ROW_STATES,
  IMPORT_STATES,
  type ImportAction,
  type ImportKind,
  type ImportRowState,
  type ImportState,
} from "./states";

export const ImportKindSchema = z.enum(IMPORT_KINDS);
export const ImportStateSchema = z.enum(IMPORT_STATES);
export const ImportRowStateSchema = z.enum(IMPORT_ROW_STATES);
export const ImportActionSchema = z.enum(IMPORT_ACTIONS);

export type UploadImportInput = {
  kind: ImportKind;
  /** Null for Partners; whose stores or terminals they are otherwise. */
  partnerId: string | null;
  fileName: string;
  /** As the browser says it; proves nothing. */
  contentType: string;
  bytes: Uint8Array;
};

/** Which column of the file (by its name) is which field. */
export const ImportColumnsSchema = z.record(lineSchema(1, 40), z.string().min(1).max(2_000));
export type ImportColumns = z.infer<typeof ImportColumnsSchema>;

export const ImportDefaultsSchema = z.strictObject({
  /** Store group (id) of rows that name none. */
  storeGroup: idSchema("storeGroup").optional(),
  /** What becomes of rows whose reference is registered already. */
  existing: z.enum(["update", "skip"]).default("update"),
});
export type ImportDefaults = z.infer<typeof ImportDefaultsSchema>;

export const CheckImportSchema = z.strictObject({
  columns: ImportColumnsSchema,
  defaults: ImportDefaultsSchema.prefault({}),
});
export type CheckImportInput = z.input<typeof CheckImportSchema>;

export const ImportFilterSchema = z.strictObject({
  search: lineSchema(1, 255).optional(),
  partner: lineSchema(1, 60).optional(),
  kind: z.array(ImportKindSchema).optional(),
  state: z.array(ImportStateSchema).optional(),
  createdFrom: z.iso.datetime({ offset: true }).optional(),
  createdTo: z.iso.datetime({ offset: true }).optional(),
});
export type ImportFilter = z.infer<typeof ImportFilterSchema>;

export const ImportRowFilterSchema = z.strictObject({
  state: z.array(ImportRowStateSchema).optional(),
  action: z.array(ImportActionSchema).optional(),
  /** Part of the reference, or the number of a row. */
  search: lineSchema(1, 255).optional(),
});
export type ImportRowFilter = z.infer<typeof ImportRowFilterSchema>;

/** `field` is one of ours, or null where the whole row is meant. */
export type RowProblem = { field: string | null; detail: string };
export const RowProblemsSchema = z.array(z.object({ field: z.string().nullable(), detail: z.string() })).catch([]);

export type ImportItem = {
  id: string;
  kind: ImportKind;
  state: ImportState;
  partnerId: string | null;
  partnerName: string | null;
  fileName: string;
  rowCount: number;
  validCount: number;
  invalidCount: number;
  doneCount: number;
  failedCount: number;
  /** Id of who uploaded it. */
  createdBy: string;
  createdByName: string | null;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
};
export type ImportRecord = ImportItem & {
  mode: "test" | "live";
  fileBytes: number;
  /** The names of the file's columns, in order. */
  head: string[];
  columns: ImportColumns;
  defaults: ImportDefaults;
  /** How many rows would do or did what; 0 before the check. */
  actions: { create: number; update: number; none: number };
  error: string | null;
  /** Rows go into an onboarding draft: they are not at Klarna before it is approved. */
  isDraft: boolean;
};
export type ImportRowItem = {
  rowNumber: number;
  state: ImportRowState;
  action: ImportAction | null;
  reference: string | null;
  cells: string[];
  problems: RowProblem[];
  resourceId: string | null;
};
export type ImportRowPage = { items: ImportRowItem[]; nextCursor: string | null; total: number };

/** What the heads of a file most likely mean. */
export function guessColumns(kind: ImportKind, head: readonly string[]): ImportColumns {
  const taken = new Set<string>();
  const columns: ImportColumns = {};
  const plain = (text: string): string =>
    text
      .normalize("NFKD")
      .toLowerCase()
      .replace(/[^a-z0-9]/g, "");
  // Exact names before what they may also be called.
  for (const level of ["name", "alias"] as const) {
    for (const field of IMPORT_FIELDS[kind]) {
      if (columns[field.id] !== undefined) continue;
      const names = level === "name" ? [plain(field.id), plain(field.label)] : field.aliases;
      const found = head.find((column) => !taken.has(column) && names.includes(plain(column)));
      if (found === undefined) continue;
      columns[field.id] = found;
      taken.add(found);
    }
  }
  return columns;
}
