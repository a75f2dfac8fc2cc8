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
    ["event.data.n > 3 ? 120 : 0", 120],
    ["event.data.n > 30 ? 1 : event.data.n > 4 ? 2 : 3", 2],
    ["1 + 2 * 3 - 8 / 4 - 7 % 4", 2],
    ["(1 + 2) * -3", -9],
    ["7 / 2", 3],
    ["1 / 0", undefined],
    ["string(event.data.n) + '-' + event.data.text", "5-it's"],
    ["event.data.n + 'x'", undefined],
    ["int('12') + double('0.5')", 12.5],
    ["event.data.text.startsWith('it') && event.data.text.endsWith('s') && event.data.text.contains(\"'\")", true],
    ["'ABC'.lowerAscii() == 'abc' && 'x'.upperAscii() == 'X'", true],
    ["event.data.n.startsWith('5')", undefined],
  ])("%s", (source, expected) => {
    expect(value(source)).toEqual(expected);
  });

  it.each([
    "",
    "event.data.",
    "user.id == 1",
    "event.data.n ==",
    "event.data.x.matches('a')",
    "event.data.n ? 1",
    "event.data.x.constructor('a')",
    "f(1)",
    "event; 1",
    "(event",
    "event.data.n = 5",
    "1 1",
  ])("refuses %j", (source) => {
    expect(() => value(source)).toThrow(ExpressionError);
  });
});
