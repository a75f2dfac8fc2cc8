import { appendFile, readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import type { Services } from "@/server/context";

/*
 * Heads of the chain that are written down outside the database, one line each, in `audit-anchors.jsonl` of the data folder:
 * who removes the newest entries together with their seals is found by them. The same goes to the log.
 */

const AnchorSchema = z.object({
  at: z.iso.datetime(),
  sequence: z.number().int().positive(),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});
export type Anchor = z.infer<typeof AnchorSchema>;

const fileOf = (services: Pick<Services, "env">): string | null =>
  services.env.DATA_DIR === undefined ? null : path.join(services.env.DATA_DIR, "audit-anchors.jsonl");

/** All of them, oldest first. `isReadable` is false where a line is not an anchor: somebody wrote into the file. */
export async function readAnchors(
  services: Pick<Services, "env">,
): Promise<{ anchors: Anchor[]; isReadable: boolean }> {
  const file = fileOf(services);
  if (file === null) return { anchors: [], isReadable: true };
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return { anchors: [], isReadable: true };
    throw error;
  }
  const anchors: Anchor[] = [];
  let isReadable = true;
  for (const line of text.split("\n").filter((part) => part !== "")) {
    const anchor = readLine(line);
    if (anchor === null) isReadable = false;
    else anchors.push(anchor);
  }
  return { anchors, isReadable };
}

function readLine(line: string): Anchor | null {
  try {
    return AnchorSchema.parse(JSON.parse(line));
  } catch {
    return null;
  }
}

/** Writes the head down once a day (UTC), and whenever `isForced`; never twice the same head. */
export async function dropAnchor(
  services: Pick<Services, "env" | "clock" | "log">,
  head: { sequence: number; hash: string },
  isForced = false,
): Promise<boolean> {
  if (head.sequence === 0) return false;
  const file = fileOf(services);
  const at = services.clock.now().toISOString();
  const last = (await readAnchors(services)).anchors.at(-1);
  if (last?.sequence === head.sequence) return false;
  if (!isForced && last !== undefined && last.at.slice(0, 10) === at.slice(0, 10)) return false;
  if (file !== null) await appendFile(file, `${JSON.stringify({ at, ...head })}\n`, { mode: 0o600 });
  services.log.info({ sequence: head.sequence, head_id: head.hash }, "the head of the audit chain is written down");
  return true;
}
