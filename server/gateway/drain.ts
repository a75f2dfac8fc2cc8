import { once } from "node:events";
import type { Writable } from "node:stream";

/** Waits until a reader took what was written, or is gone. Leaves no listener behind, however often a slow one is waited for. */
export async function drained(response: Writable): Promise<void> {
  if (response.destroyed || !response.writableNeedDrain) return;
  const over = new AbortController();
  try {
    const { signal } = over;
    await Promise.race([once(response, "drain", { signal }), once(response, "close", { signal })]);
  } finally {
    over.abort();
  }
}
