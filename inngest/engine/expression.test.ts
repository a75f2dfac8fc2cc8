import { describe, expect, it } from "vitest";
import { compileExpression, ExpressionError } from "./expression";

const scope = {
  event: { data: { n: 5, text: "it's", list: [1, 2], deep: { "a-b": true }, nothing: null } },
  async: { data: { n: 5 } },
};
const value = (source: string): unknown => compileExpression(source, ["event", "async"])(scope);

describe("expressions", () => {
  it.each([
    ["event.data.n == async.data.n", true],
    ["event.data.n != 5", false],
    ["event.data.n > 4 && !(event.data.n >= 6)", true],
    ['event.data.n < 0 || event.data.text == "it\'s"', true],
    ["event.data.text == 'it\\'s'", true],
    ["event.data['n'] == 5", true],
    ['event.data.deep["a-b"]', true],
    ["event.data.list[1]", 2],
    ["2 in event.data.list", true],
    ["'x' in ['x', 'y']", true],
    ["size(event.data.list) == 2", true],
    ["has(event.data.nothing) && !has(event.data.missing)", true],
    ["event.data.missing.deeper == null", true],
    ["event.data.n == -5", false],
    ["event.data.toString", undefined],
    ["event.data.text > 3", false],
    ["event.data.function_id == 'app-fn'", false],
  ])("%s", (source, expected) => {
    expect(value(source)).toEqual(expected);
  });

  it.each([
    "",
    "event.data.",
    "user.id == 1",
    "event.data.n ==",
    "event.data.x.startsWith('a')",
    "f(1)",
    "event; 1",
    "(event",
    "event.data.n = 5",
    "1 1",
  ])("refuses %j", (source) => {
    expect(() => value(source)).toThrow(ExpressionError);
  });
});
