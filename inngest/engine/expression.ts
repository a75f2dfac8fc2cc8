/**
 * The part of CEL that Inngest functions use in `if`, `match`, `key` and `priority`: paths, literals, arithmetic, comparison,
 * logic, `a ? b : c`, `in`, `has(path)`, `size()`, `string()`, `int()`, `double()`, and on texts `startsWith`, `endsWith`,
 * `contains`, `lowerAscii`, `upperAscii`. Anything else is refused when the function is synced.
 */

export type Scope = Readonly<Record<string, unknown>>;
export type Expression = (scope: Scope) => unknown;

export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
}

type Token = { kind: "name" | "number" | "string" | "symbol"; text: string; value?: string | number };

const TOKEN =
  /\s*(?:([A-Za-z_][A-Za-z0-9_]*)|(\d+(?:\.\d+)?)|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(==|!=|<=|>=|&&|\|\||[<>!()[\].,?:+*/%-]))/y;

function unescapeText(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) =>
    character === "n" ? "\n" : character === "t" ? "\t" : character === "r" ? "\r" : character,
  );
}

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  const end = source.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(source);
    if (!match) throw new ExpressionError(`Cannot read the expression at "${source.slice(at, at + 20)}"`);
    const [, name, number, double, single, symbol] = match;
    if (name !== undefined) tokens.push({ kind: "name", text: name });
    else if (number !== undefined) tokens.push({ kind: "number", text: number, value: Number(number) });
    else if (symbol !== undefined) tokens.push({ kind: "symbol", text: symbol });
    else {
      const text = double ?? single ?? "";
      tokens.push({ kind: "string", text, value: unescapeText(text) });
    }
  }
  return tokens;
}

function property(value: unknown, key: unknown): unknown {
  if (value === null || typeof value !== "object") return undefined;
  if (typeof key !== "string" && typeof key !== "number") return undefined;
  return Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}

function isEqual(left: unknown, right: unknown): boolean {
  if ((left ?? null) === (right ?? null)) return true;
  if (typeof left === "object" && typeof right === "object") return JSON.stringify(left) === JSON.stringify(right);
  return false;
}

function compare(left: unknown, right: unknown, accept: (order: number) => boolean): boolean {
  if (typeof left === "number" && typeof right === "number") return accept(left - right);
  if (typeof left === "string" && typeof right === "string") return accept(left < right ? -1 : left > right ? 1 : 0);
  return false;
}

function size(value: unknown): number {
  if (typeof value === "string" || Array.isArray(value)) return value.length;
  return value !== null && typeof value === "object" ? Object.keys(value).length : 0;
}

type Call = { arity: number; run: (self: unknown, argument: unknown) => unknown };

const onTexts =
  (test: (self: string, argument: string) => unknown): Call["run"] =>
  (self, argument) =>
    typeof self === "string" && typeof argument === "string" ? test(self, argument) : undefined;

const FUNCTIONS: Readonly<Record<string, (value: unknown) => unknown>> = {
  has: (value) => value !== undefined,
  size,
  string: (value) => (typeof value === "object" ? JSON.stringify(value) : String(value)),
  int: (value) => (Number.isFinite(Number(value)) ? Math.trunc(Number(value)) : undefined),
  double: (value) => (Number.isFinite(Number(value)) ? Number(value) : undefined),
};

const METHODS: Readonly<Record<string, Call>> = {
  startsWith: { arity: 1, run: onTexts((self, argument) => self.startsWith(argument)) },
  endsWith: { arity: 1, run: onTexts((self, argument) => self.endsWith(argument)) },
  contains: { arity: 1, run: onTexts((self, argument) => self.includes(argument)) },
  lowerAscii: { arity: 0, run: (self) => (typeof self === "string" ? self.toLowerCase() : undefined) },
  upperAscii: { arity: 0, run: (self) => (typeof self === "string" ? self.toUpperCase() : undefined) },
};

/** Texts are joined by `+`; all else wants two numbers and gives nothing without them. */
function calculate(operator: string, left: unknown, right: unknown): unknown {
  if (operator === "+" && typeof left === "string" && typeof right === "string") return left + right;
  if (typeof left !== "number" || typeof right !== "number") return undefined;
  if (operator === "+") return left + right;
  if (operator === "-") return left - right;
  if (operator === "*") return left * right;
  if (right === 0) return undefined;
  if (operator === "%") return left % right;
  return Number.isInteger(left) && Number.isInteger(right) ? Math.trunc(left / right) : left / right;
}

/** Compiles an expression whose paths may start only with one of `roots`. Throws `ExpressionError` with a readable reason. */
export function compileExpression(source: string, roots: readonly string[]): Expression {
  const tokens = tokenize(source);
  let at = 0;

  const fail = (reason: string): never => {
    throw new ExpressionError(`${reason} in the expression "${source}"`);
  };
  const isSymbol = (text: string): boolean => tokens[at]?.kind === "symbol" && tokens[at]?.text === text;
  const take = (text: string): boolean => {
    if (!isSymbol(text)) return false;
    at += 1;
    return true;
  };
  const expect = (text: string): void => {
    if (!take(text)) fail(`"${text}" is missing`);
  };

  function primary(): Expression {
    const token = tokens[at];
    if (!token) return fail("Something is missing at the end");
    at += 1;
    if (token.kind === "number" || token.kind === "string") {
      const { value } = token;
      return () => value;
    }
    if (token.kind === "symbol") {
      if (token.text === "(") {
        const inner = choice();
        expect(")");
        return inner;
      }
      if (token.text === "[") {
        const items: Expression[] = [];
        while (!isSymbol("]")) {
          items.push(choice());
          if (!take(",")) break;
        }
        expect("]");
        return (scope) => items.map((item) => item(scope));
      }
      return fail(`"${token.text}" is not expected`);
    }
    if (token.text === "true") return () => true;
    if (token.text === "false") return () => false;
    if (token.text === "null") return () => null;
    const run = Object.hasOwn(FUNCTIONS, token.text) ? FUNCTIONS[token.text] : undefined;
    if (run && isSymbol("(")) {
      at += 1;
      const inner = choice();
      expect(")");
      return (scope) => run(inner(scope));
    }
    if (isSymbol("(")) return fail(`The function "${token.text}" is not supported`);
    if (!roots.includes(token.text)) return fail(`"${token.text}" is not known (only ${roots.join(", ")})`);
    const root = token.text;
    return (scope) => property(scope, root);
  }

  function path(): Expression {
    let base = primary();
    for (;;) {
      const target = base;
      if (take(".")) {
        const token = tokens[at];
        if (token?.kind !== "name") return fail("A field name is missing");
        at += 1;
        if (take("(")) {
          const method = Object.hasOwn(METHODS, token.text) ? METHODS[token.text] : undefined;
          if (!method) return fail(`The function "${token.text}" is not supported`);
          const argument = method.arity === 1 ? choice() : (): unknown => null;
          expect(")");
          base = (scope) => method.run(target(scope), argument(scope));
          continue;
        }
        base = (scope) => property(target(scope), token.text);
      } else if (take("[")) {
        const key = choice();
        expect("]");
        base = (scope) => property(target(scope), key(scope));
      } else return base;
    }
  }

  function unary(): Expression {
    if (take("!")) {
      const inner = unary();
      return (scope) => inner(scope) !== true;
    }
    if (take("-")) {
      const inner = unary();
      return (scope) => {
        const value = inner(scope);
        return typeof value === "number" ? -value : undefined;
      };
    }
    return path();
  }

  function chain(operators: readonly string[], next: () => Expression): Expression {
    let left = next();
    for (;;) {
      const operator = operators.find((text) => isSymbol(text));
      if (operator === undefined) return left;
      at += 1;
      const first = left;
      const second = next();
      left = (scope) => calculate(operator, first(scope), second(scope));
    }
  }

  const product = (): Expression => chain(["*", "/", "%"], unary);
  const sum = (): Expression => chain(["+", "-"], product);

  function comparison(): Expression {
    const left = sum();
    const token = tokens[at];
    if (token?.kind === "name" && token.text === "in") {
      at += 1;
      const right = sum();
      return (scope) => {
        const container = right(scope);
        const wanted = left(scope);
        if (Array.isArray(container)) return container.some((item) => isEqual(item, wanted));
        return property(container, wanted) !== undefined;
      };
    }
    if (token?.kind !== "symbol") return left;
    const operators: Record<string, (a: unknown, b: unknown) => boolean> = {
      "==": isEqual,
      "!=": (a, b) => !isEqual(a, b),
      "<": (a, b) => compare(a, b, (order) => order < 0),
      "<=": (a, b) => compare(a, b, (order) => order <= 0),
      ">": (a, b) => compare(a, b, (order) => order > 0),
      ">=": (a, b) => compare(a, b, (order) => order >= 0),
    };
    const operator = operators[token.text];
    if (!operator) return left;
    at += 1;
    const right = sum();
    return (scope) => operator(left(scope), right(scope));
  }

  function both(): Expression {
    let left = comparison();
    while (take("&&")) {
      const first = left;
      const second = comparison();
      left = (scope) => first(scope) === true && second(scope) === true;
    }
    return left;
  }

  function either(): Expression {
    let left = both();
    while (take("||")) {
      const first = left;
      const second = both();
      left = (scope) => first(scope) === true || second(scope) === true;
    }
    return left;
  }

  function choice(): Expression {
    const condition = either();
    if (!take("?")) return condition;
    const yes = choice();
    expect(":");
    const no = choice();
    return (scope) => (condition(scope) === true ? yes(scope) : no(scope));
  }

  const expression = choice();
  if (at < tokens.length) fail(`"${tokens[at]?.text ?? ""}" is not expected`);
  return expression;
}

/** The text of a key expression's value, so that equal values share a key. JSON, because PostgreSQL keeps no NUL in a text. */
export function keyText(value: unknown): string {
  return JSON.stringify(value ?? null);
}
