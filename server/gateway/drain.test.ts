import { PassThrough } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { drained } from "./drain";

const listeners = (stream: PassThrough): number[] =>
  ["drain", "close", "error"].map((name) => stream.listenerCount(name));

it("a slow reader that is waited for many times leaves nothing behind", async () => {
  const stream = new PassThrough({ highWaterMark: 1 });
  const before = listeners(stream);
  for (let part = 0; part < 50; part += 1) {
    expect(stream.write("part")).toBe(false);
    const wait = drained(stream);
    stream.read();
    await wait;
  }
  await setImmediate();
  expect(listeners(stream)).toEqual(before);
});

it("a reader that goes is waited for no more, and one that keeps up not at all", async () => {
  const slow = new PassThrough({ highWaterMark: 1 });
  slow.write("part");
  const wait = drained(slow);
  slow.destroy();
  await wait;
  await drained(slow);
  await drained(new PassThrough());
});
