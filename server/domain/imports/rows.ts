import { z } from "zod";
import type { Services } from "@/server/context";

/* Cells are sealed where they lie: a file may hold names, addresses and telephone numbers of people. */

type Secrets = Pick<Services, "secrets">;
const CellsSchema = z.array(z.string());
const place = (importId: string, rowNumber: number): string => `import_rows|data_secret|${importId}|${rowNumber}`;

export function sealCells(
  ctx: Secrets,
  importId: string,
  row: { rowNumber: number; cells: readonly string[] },
): string {
  return ctx.secrets.seal(JSON.stringify(row.cells), place(importId, row.rowNumber));
}

export function openCells(ctx: Secrets, importId: string, row: { rowNumber: number; dataSecret: string }): string[] {
  return CellsSchema.parse(JSON.parse(ctx.secrets.open(row.dataSecret, place(importId, row.rowNumber))));
}
