import { beforeEach, describe, expect, it } from "vitest";
import {
  type Admission,
  CALM_MS,
  createAdmission,
  IMPATIENCE_MS,
  type Kind,
  LONG_QUEUE,
  LONG_WAIT_MS,
  PATIENCE_MS,
  PLACES_START,
  type Release,
} from "./shedding";

type Asked = { name: string; state: "waits" | "runs" | "refused" | "done"; release: Release };

let nowMs: number;
let admission: Admission;
let asked: Asked[];

beforeEach(() => {
  nowMs = 1_000;
  asked = [];
  admission = createAdmission({ now: () => nowMs });
});

const settle = () => new Promise((resolve) => setImmediate(resolve));
async function come(kind: Kind, count: number, name: string = kind): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const one: Asked = { name: `${name} ${index}`, state: "waits", release: () => undefined };
    asked.push(one);
    void admission.enter(kind).then((release) => {
      one.state = release ? "runs" : "refused";
      one.release = () => {
        one.state = "done";
        release?.();
      };
    });
  }
  await settle();
}
const inState = (state: Asked["state"], name = "") =>
  asked.filter((one) => one.state === state && one.name.startsWith(name));
/** The next that run are done; returns the names of those who came to their places. */
async function finish(count: number): Promise<string[]> {
  const before = new Set(inState("runs"));
  for (const one of [...before].slice(0, count)) one.release();
  await settle();
  return inState("runs").flatMap((one) => (before.has(one) ? [] : [one.name]));
}
async function pass(ms: number): Promise<void> {
  nowMs += ms;
  admission.sweep();
  await settle();
}
async function makeLong(): Promise<void> {
  await come("call", PLACES_START + LONG_QUEUE + 1);
  await pass(LONG_WAIT_MS + 1);
}

describe("in a burst", () => {
  it("332 calls at once all find a place, in their order while the queue is short in time", async () => {
    await come("call", PLACES_START + 300);
    expect([inState("runs").length, inState("waits").length]).toEqual([PLACES_START, 300]);
    expect(await finish(2)).toEqual([`call ${PLACES_START}`, `call ${PLACES_START + 1}`]);
    while (inState("runs").length > 0) await finish(PLACES_START);
    expect(inState("done")).toHaveLength(PLACES_START + 300);
  });

  it("nobody is refused before the patience of a burst is over, then all who still wait", async () => {
    await come("call", PLACES_START + 300);
    await pass(PATIENCE_MS);
    expect(inState("refused")).toEqual([]);
    await pass(1);
    expect([inState("refused").length, inState("runs").length]).toEqual([300, PLACES_START]);
  });

  it("1,000 webhooks at once are all taken", async () => {
    await come("webhook", 1_000);
    while (inState("runs").length > 0) await finish(1_000);
    expect(inState("done")).toHaveLength(1_000);
  });
});

describe("with more than can be served", () => {
  it("the newest call goes first once the queue is long, and in order again after nobody waited for a while", async () => {
    await makeLong();
    await come("call", 1, "newest");
    expect(await finish(1)).toEqual(["newest 0"]);
    while (inState("runs").length > 0) await finish(PLACES_START);
    await pass(CALM_MS + 1);
    await come("call", PLACES_START + 2, "later");
    expect(await finish(1)).toEqual([`later ${PLACES_START}`]);
  });

  it("lists wait for a burst to end; when it was none they are refused at once, calls wait, webhooks run", async () => {
    await makeLong();
    expect(admission.hasRoom("list")).toBe(true);
    nowMs += PATIENCE_MS + 1;
    await come("list", 5);
    await come("call", 5, "another");
    await come("webhook", 5);
    expect(inState("refused", "list")).toHaveLength(5);
    expect(inState("waits", "another")).toHaveLength(5);
    expect(inState("runs", "webhook")).toHaveLength(5);
    expect([admission.hasRoom("list"), admission.hasRoom("call"), admission.hasRoom("webhook")]).toEqual([
      false,
      true,
      true,
    ]);
  });

  it("lists are taken again after nobody waited for a while", async () => {
    await makeLong();
    await pass(PATIENCE_MS + 1);
    expect(admission.hasRoom("list")).toBe(false);
    while (inState("runs").length > 0) await finish(PLACES_START);
    await pass(CALM_MS + 1);
    expect(admission.hasRoom("list")).toBe(true);
  });

  it("a queue that stays long is kept short: little patience and few who may wait", async () => {
    await makeLong();
    nowMs += PATIENCE_MS + 1;
    await come("call", 2, "fresh");
    expect([inState("waits").length, inState("waits", "fresh").length]).toEqual([LONG_QUEUE, 2]);
    await pass(0);
    expect(inState("waits").map(({ name }) => name)).toEqual(["fresh 0", "fresh 1"]);
    await pass(IMPATIENCE_MS + 1);
    expect(inState("waits")).toEqual([]);
  });

  it("a new call takes the place of the oldest when there is no more room", async () => {
    await makeLong();
    await come("call", 400, "new");
    expect([inState("waits", "call").length, inState("waits", "new").length]).toEqual([0, 400]);
    await come("call", 1, "newest");
    expect(inState("refused", "new").map(({ name }) => name)).toEqual(["new 0"]);
    expect(inState("runs")).toHaveLength(PLACES_START);
  });

  it("a call whose place comes goes before every list, and lists have half of the places at most", async () => {
    await come("list", PLACES_START);
    expect(inState("runs")).toHaveLength(PLACES_START / 2);
    await come("call", PLACES_START);
    expect(inState("runs", "call")).toHaveLength(PLACES_START / 2);
    expect((await finish(4)).every((name) => name.startsWith("call"))).toBe(true);
  });

  it("the queues have an end, and what is full is known before anything is read", async () => {
    await come("call", PLACES_START + 401);
    expect(inState("refused", "call")).toHaveLength(1);
    expect(admission.hasRoom("call")).toBe(false);
    await come("list", 65);
    expect(inState("refused", "list")).toHaveLength(1);
  });
});

describe("the number of places", () => {
  it("grows while all are used and statements are quick, shrinks when they are slow, and never below the least", async () => {
    await come("call", PLACES_START + 10);
    admission.observe(5);
    await settle();
    expect([admission.places, inState("runs").length]).toEqual([PLACES_START + 8, PLACES_START + 8]);
    admission.observe(41);
    expect(admission.places).toBe(PLACES_START);
    for (let turn = 0; turn < 20; turn += 1) admission.observe(5_000);
    expect(admission.places).toBe(12);
  });

  it("does not grow while places are free, nor beyond the most", async () => {
    admission.observe(1);
    expect(admission.places).toBe(PLACES_START);
    for (let turn = 0; turn < 100; turn += 1) {
      await come("call", 16);
      admission.observe(1);
    }
    expect(admission.places).toBe(512);
  });
});

it("a place is given back once, however often it is released, and who has gone takes none", async () => {
  const releases = await Promise.all(Array.from({ length: PLACES_START }, () => admission.enter("call")));
  const gone = admission.enter("call", () => true);
  const second = admission.enter("call");
  const third = admission.enter("call");
  releases[0]?.();
  releases[0]?.();
  expect(await gone).toBeNull();
  expect(await second).toBeTypeOf("function");
  let isThird = false;
  void third.then(() => {
    isThird = true;
  });
  await settle();
  expect(isThird).toBe(false);
});
