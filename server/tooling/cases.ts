import { globSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/*
 * The table in e2e/README.md: which case of faults (R) and security (S) is proved by which test. Written from the names of
 * the tests by `npm run cases`; a test holds the two against each other.
 */

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const README = path.join(ROOT, "e2e/README.md");
const BEGIN = "<!-- cases: written by npm run cases -->";
const END = "<!-- end of cases -->";

const span = (letter: string, from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `${letter}${from + index}`);
const ALL_CASES = [
  ...span("R", 1, 52),
  ...[span("S", 1, 17), span("S", 20, 28), span("S", 30, 36), span("S", 40, 43), span("S", 50, 55), span("S", 60, 67)],
].flat();

/** A text that begins with case ids and a colon is the name of a test. */
const NAMED = /(["'`])((?:[RS]\d+)(?:, [RS]\d+)*): ((?:\\.|(?!\1)[^\\])+)\1/g;

type Proof = { id: string; file: string; name: string };

function findProofs(): Proof[] {
  const files = globSync("{app,components,e2e,inngest,prisma,server}/**/*.{test,spec}.{ts,tsx}", { cwd: ROOT })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => !file.startsWith("server/tooling/cases"));
  return files.flatMap((file) =>
    [...readFileSync(path.join(ROOT, file), "utf8").matchAll(NAMED)].flatMap(([, , ids = "", name = ""]) =>
      ids.split(", ").map((id) => ({ id, file, name: name.replace(/\\(.)/g, "$1") })),
    ),
  );
}

function order(left: Proof, right: Proof): number {
  const rank = ({ id }: Proof): number => (id.startsWith("R") ? 0 : 1_000) + Number(id.slice(1));
  if (rank(left) !== rank(right)) return rank(left) - rank(right);
  const [a, b] = [`${left.file} ${left.name}`, `${right.file} ${right.name}`];
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The table as it must stand in the README. */
export function renderCases(): string {
  const proofs = findProofs().sort(order);
  const covered = new Set(proofs.map((proof) => proof.id));
  const missing = ALL_CASES.filter((id) => !covered.has(id));
  const rows = proofs.map(
    ({ id, file, name }) =>
      `| ${id} | [${file}](../${file.replace(/[()[\]]/g, encodeURIComponent)}) | ${name.replaceAll("|", "\\|")} |`,
  );
  return [
    `${covered.size} of ${ALL_CASES.length} cases have a test. Without one yet: ${missing.join(", ")}.`,
    "",
    "| Case | Where | What is proved |",
    "| --- | --- | --- |",
    ...rows,
  ].join("\n");
}

/** Case ids that tests name and the catalogue does not know. */
export function unknownCases(): string[] {
  return [...new Set(findProofs().map((proof) => proof.id))].filter((id) => !ALL_CASES.includes(id));
}

/** What the README says now. */
export function writtenCases(): string {
  const text = readFileSync(README, "utf8");
  return text.slice(text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END)).trim();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = readFileSync(README, "utf8");
  const before = text.slice(0, text.indexOf(BEGIN) + BEGIN.length);
  writeFileSync(README, `${before}\n${renderCases()}\n${text.slice(text.indexOf(END))}`);
}
