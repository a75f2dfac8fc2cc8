type Range = { type: string; quality: number };

function rangesOf(accept: string): Range[] {
  return accept
    .slice(0, 1_000)
    .toLowerCase()
    .split(",")
    .map((part) => {
      const [type = "", ...parameters] = part.split(";").map((text) => text.trim());
      const given = parameters.map((text) => /^q=(\d(?:\.\d{0,3})?)$/.exec(text)?.[1]).find((q) => q !== undefined);
      return { type, quality: given === undefined ? 1 : Math.min(1, Number(given)) };
    })
    .filter(({ type }) => type !== "");
}

/**
 * The kind of answer that an Accept header likes best among those there are; null when it takes none of them. Without a
 * header, or where several are liked the same, the first. Source: RFC 9110, 12.5.1.
 */
export function chosenType(accept: string | undefined, offered: readonly string[]): string | null {
  const ranges = rangesOf(accept ?? "*/*");
  const likes = (type: string): number => {
    const wide = `${type.split("/")[0]}/*`;
    // The most exact range that names the kind decides, whatever it says.
    const exact = [type, wide, "*/*"].map((name) => ranges.find((range) => range.type === name));
    return exact.find((range) => range !== undefined)?.quality ?? 0;
  };
  let best: { type: string; quality: number } | null = null;
  for (const type of offered) {
    const quality = likes(type);
    if (quality > (best?.quality ?? 0)) best = { type, quality };
  }
  return best?.type ?? null;
}
