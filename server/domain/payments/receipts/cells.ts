/* Text on paper with a fixed number of cells a line. Wide characters take two. */

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;
const NO_CELL = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;

/** What stays one on paper. */
export function graphemes(text: string): string[] {
  return [...segmenter.segment(text)].map((part) => part.segment);
}

export function graphemeCells(grapheme: string): 0 | 1 | 2 {
  return NO_CELL.test(grapheme) ? 0 : WIDE.test(grapheme) ? 2 : 1;
}

export function cellsOf(text: string): number {
  return graphemes(text).reduce((sum, grapheme) => sum + graphemeCells(grapheme), 0);
}

/**
 * One line of readable text: no control characters (a printer and a terminal obey them), no marks that turn the direction
 * or hide, every kind of space is a plain one.
 */
export function cleanLine(text: string): string {
  return text
    .toWellFormed()
    .replace(/\p{Cc}|[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\u2028\u2029]/gu, " ")
    .replace(/[\p{Zs}\t]/gu, " ")
    .trim();
}

/** Words kept whole where they fit; longer ones are cut. Each line has at most `width` cells; nothing is lost. */
export function wrapCells(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  const flush = (): void => {
    if (line !== "") lines.push(line);
    line = "";
  };
  for (const word of text.split(" ").filter((part) => part !== "")) {
    const joined = line === "" ? word : `${line} ${word}`;
    if (cellsOf(joined) <= width) {
      line = joined;
      continue;
    }
    flush();
    for (const grapheme of graphemes(word)) {
      if (cellsOf(line) + graphemeCells(grapheme) > width) flush();
      line += grapheme;
    }
  }
  flush();
  return lines.length === 0 ? [""] : lines;
}

export function padEndCells(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - cellsOf(text)));
}

export function padStartCells(text: string, width: number): string {
  return " ".repeat(Math.max(0, width - cellsOf(text))) + text;
}

export function centerCells(text: string, width: number): string {
  return " ".repeat(Math.max(0, Math.floor((width - cellsOf(text)) / 2))) + text;
}
