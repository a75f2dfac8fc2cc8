import { type ResealCursor, type ResealSlice, resealSecrets } from "@/server/domain/encryption/service";
import { inngest } from "../client";
import { services } from "../services";

/** Puts what older keys encrypted under the current one, a slice at a time; with one configured key there is nothing to do. */
export const resealDaily = inngest.createFunction(
  { id: "reseal-secrets", triggers: [{ cron: "11 4 * * *" }], concurrency: { limit: 1 }, retries: 2 },
  async ({ step }) => {
    let cursor: ResealCursor | null = null;
    let changed = 0;
    for (let count = 0; count < 500; count += 1) {
      const from: ResealCursor | null = cursor;
      const slice: Pick<ResealSlice, "changed" | "next"> = await step.run(`slice-${count}`, () =>
        resealSecrets(services(), from),
      );
      changed += slice.changed;
      cursor = slice.next;
      if (cursor === null) break;
    }
    return { changed, isDone: cursor === null };
  },
);
