import { describe, expect, it } from "vitest";
import { createBatch } from "./batch";

type Call = { inputs: string[]; end: (error?: Error) => void };

function gathering(options: { sizeMax?: number; patienceMs?: number } = {}) {
  const calls: Call[] = [];
  const ask = createBatch<string, string>({
    work: (inputs) =>
      new Promise((resolve, reject) => {
        const end = (error?: Error): void => (error ? reject(error) : resolve(inputs.map((input) => `${input}!`)));
        calls.push({ inputs: [...inputs], end });
      }),
    isUndone: (error) => error instanceof Error && error.message !== "lost",
    keyOf: (input) => input.charAt(0),
    sizeMax: options.sizeMax ?? 10,
    patienceMs: options.patienceMs ?? 60_000,
  });
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { calls, ask, turn };
}

describe("a batch", () => {
  it("takes a lone call at once and gathers those that come while it is under way", async () => {
    const { calls, ask, turn } = gathering();
    const first = ask("a");
    await turn();
    expect(calls.map((call) => call.inputs)).toEqual([["a"]]);
    const others = [ask("b"), ask("c")];
    await turn();
    expect(calls).toHaveLength(1);
    calls[0]?.end();
    await turn();
    expect(calls[1]?.inputs).toEqual(["b", "c"]);
    calls[1]?.end();
    expect(await Promise.all([first, ...others])).toEqual(["a!", "b!", "c!"]);
  });

  it("holds no more than it may", async () => {
    const { calls, ask, turn } = gathering({ sizeMax: 2 });
    const all = Promise.all(["a", "b", "c"].map(ask));
    await turn();
    expect(calls.map((call) => call.inputs)).toEqual([["a", "b"]]);
    calls[0]?.end();
    await turn();
    expect(calls[1]?.inputs).toEqual(["c"]);
    calls[1]?.end();
    expect(await all).toEqual(["a!", "b!", "c!"]);
  });

  it("is not held back for long by one that is stuck, but for what has the same key", async () => {
    const { calls, ask, turn } = gathering({ patienceMs: 5 });
    const stuck = ask("a1");
    await turn();
    const others = [ask("a2"), ask("b"), ask("c")];
    await expect.poll(() => calls.map((call) => call.inputs)).toEqual([["a1"], ["b", "c"]]);
    calls[1]?.end();
    await turn();
    expect(calls).toHaveLength(2);
    calls[0]?.end();
    await turn();
    expect(calls[2]?.inputs).toEqual(["a2"]);
    calls[2]?.end();
    expect(await Promise.all([stuck, ...others])).toEqual(["a1!", "a2!", "b!", "c!"]);
  });

  it("never has two calls of one key under way, and does them in order", async () => {
    const { calls, ask, turn } = gathering();
    const all = Promise.all([ask("a1"), ask("b"), ask("a2"), ask("a3")]);
    for (const [index, inputs] of [["a1", "b"], ["a2"], ["a3"]].entries()) {
      await turn();
      expect(calls.map((call) => call.inputs)[index]).toEqual(inputs);
      expect(calls).toHaveLength(index + 1);
      calls[index]?.end();
    }
    expect(await all).toEqual(["a1!", "b!", "a2!", "a3!"]);
  });

  it("a call that fails is alone in that: the others of its batch are done one by one", async () => {
    const { calls, ask, turn } = gathering();
    const all = Promise.allSettled([ask("a"), ask("b")]);
    await turn();
    calls[0]?.end(new Error("one of them"));
    await turn();
    expect(calls[1]?.inputs).toEqual(["a"]);
    calls[1]?.end(new Error("a is bad"));
    await turn();
    expect(calls[2]?.inputs).toEqual(["b"]);
    calls[2]?.end();
    expect(await all).toEqual([
      { status: "rejected", reason: new Error("a is bad") },
      { status: "fulfilled", value: "b!" },
    ]);
    const later = ask("a");
    await turn();
    calls[3]?.end();
    expect(await later).toBe("a!");
  });

  it("does nothing twice when it cannot know whether it was done: all of them hear of it", async () => {
    const { calls, ask, turn } = gathering();
    const all = Promise.allSettled([ask("a"), ask("b")]);
    await turn();
    calls[0]?.end(new Error("lost"));
    expect((await all).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await turn();
    expect(calls).toHaveLength(1);
  });
});
