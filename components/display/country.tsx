import { NONE } from "./none";

const NAMES = new Intl.DisplayNames(["en"], { type: "region", fallback: "code" });

export function countryName(code: string): string {
  try {
    return NAMES.of(code.toUpperCase()) ?? code;
  } catch {
    return code;
  }
}

/** A country by code and name. No flags: they are not the names of languages or people. */
export function Country({ code, isShort = false }: { code: string | null | undefined; isShort?: boolean }) {
  if (code === null || code === undefined || code === "") return NONE;
  const name = countryName(code);
  if (isShort)
    return (
      <abbr title={name} className="no-underline">
        {code.toUpperCase()}
      </abbr>
    );
  return (
    <span className="whitespace-nowrap">
      <span className="font-mono text-ink-3 text-xs">{code.toUpperCase()}</span> {name}
    </span>
  );
}
