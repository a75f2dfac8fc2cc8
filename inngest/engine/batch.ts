/**
 * Gathers calls of the same kind while earlier ones are under way, so that many at once become few statements. A lone call
 * goes at once: nothing ever waits for company, and nothing waits long for what is stuck.
 */

export type BatchOptions<I, O> = Readonly<{
  /** Does all of them or none, and answers in their order. */
  work: (inputs: readonly I[]) => Promise<readonly O[]>;
  /** Whether after this error it is sure that nothing was done: then each is done alone, as one may have spoilt it for all. */
  isUndone: (error: unknown) => boolean;
  /** Two inputs of one key never share a batch; the later one sees what the earlier one did. */
  keyOf: (input: I) => string;
  sizeMax: number;
  /** A batch that takes longer, behind somebody's lock, does not hold the next one back any more. */
  patienceMs: number;
}>;

type Waiting<I, O> = { input: I; resolve: (output: O) => void; reject: (error: unknown) => void };

export function createBatch<I, O>(options: BatchOptions<I, O>): (input: I) => Promise<O> {
  const { work, isUndone, keyOf, sizeMax, patienceMs } = options;
  let waiting: Waiting<I, O>[] = [];
  const busy = new Set<string>();
  let isHeld = false;
  let isPlanned = false;

  const settle = async (batch: readonly Waiting<I, O>[]): Promise<void> => {
    try {
      const outputs = await work(batch.map(({ input }) => input));
      for (const [index, { resolve, reject }] of batch.entries()) {
        const output = outputs[index];
        if (output === undefined) reject(new Error("A batch answered less than it was asked"));
        else resolve(output);
      }
    } catch (error) {
      if (batch.length > 1 && isUndone(error)) for (const one of batch) await settle([one]);
      else for (const { reject } of batch) reject(error);
    }
  };

  const take = (): Waiting<I, O>[] => {
    const batch: Waiting<I, O>[] = [];
    const rest: Waiting<I, O>[] = [];
    for (const one of waiting) {
      const key = keyOf(one.input);
      if (batch.length >= sizeMax || busy.has(key)) rest.push(one);
      else {
        busy.add(key);
        batch.push(one);
      }
    }
    waiting = rest;
    return batch;
  };

  const flush = (): void => {
    isPlanned = false;
    if (isHeld) return;
    const batch = take();
    if (batch.length === 0) return;
    isHeld = true;
    let isOver = false;
    const letGo = (): void => {
      if (isOver) return;
      isOver = true;
      isHeld = false;
      flush();
    };
    const patience = setTimeout(letGo, patienceMs);
    void settle(batch).finally(() => {
      clearTimeout(patience);
      for (const { input } of batch) busy.delete(keyOf(input));
      // Let go of earlier, it may still have kept a key that somebody waits for.
      if (isOver) flush();
      else letGo();
    });
  };

  return (input) =>
    new Promise<O>((resolve, reject) => {
      waiting.push({ input, resolve, reject });
      if (isPlanned || isHeld) return;
      isPlanned = true;
      // At the end of this turn, so that what comes together goes together.
      queueMicrotask(flush);
    });
}
