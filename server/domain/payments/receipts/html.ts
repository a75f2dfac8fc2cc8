import { createHash } from "node:crypto";
import { qrMatrix, qrPath } from "@/server/core/qr";
import type { Block, ReceiptContent } from "./content";

const STYLE = `
:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #111; font: 14px/1.45 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
main { box-sizing: border-box; max-width: 46ch; margin: 0 auto; padding: 20px 2ch; overflow-wrap: anywhere; }
p, h1 { margin: 0; font-size: inherit; font-weight: inherit; }
h1, .strong { font-weight: 700; }
h1, .center, figure { text-align: center; }
hr { border: 0; border-top: 1px dashed #111; margin: 8px 0; }
.pair { display: flex; flex-wrap: wrap; justify-content: space-between; column-gap: 2ch; }
.pair > :last-child { margin-inline-start: auto; text-align: end; white-space: pre-wrap; font-variant-numeric: tabular-nums; }
.details { padding-inline-start: 2ch; color: #444; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 0; font-weight: inherit; text-align: end; font-variant-numeric: tabular-nums; }
th:first-child { text-align: start; }
figure { margin: 12px 0; }
svg { width: 140px; height: 140px; }
@page { margin: 8mm; }
`;

/** What the page may do: show its own style, and nothing else. */
export const RECEIPT_CSP = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`;

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escaped = (text: string): string => text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? "");

function pair(left: string, right: string, isStrong = false): string {
  return `<p class="pair${isStrong ? " strong" : ""}"><span>${escaped(left)}</span><span>${escaped(right)}</span></p>`;
}

function partOf(block: Block): string {
  switch (block.kind) {
    case "rule":
      return "<hr>";
    case "center":
      return `<p class="center${block.isStrong ? " strong" : ""}">${escaped(block.text)}</p>`;
    case "title":
      return `<h1>${escaped(block.text)}</h1>`;
    case "pair":
      return pair(block.left, block.right, block.isStrong);
    case "reference":
      return pair(block.label, block.value);
    case "item":
      return `${pair(block.name, block.amount)}${block.details === "" ? "" : `<p class="details">${escaped(block.details)}</p>`}`;
    case "note":
      return `<p>${escaped(block.text)}</p>`;
    case "tax": {
      const head = block.head.map((text) => `<th scope="col">${escaped(text)}</th>`).join("");
      const rows = block.rows.map(
        (row) =>
          `<tr><th scope="row">${escaped(row.rate)}</th>${[row.net, row.tax, row.gross].map((text) => `<td>${escaped(text)}</td>`).join("")}</tr>`,
      );
      return `<table><thead><tr><td></td>${head}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
    }
    case "code":
      return `<figure>${codeSvg(block.value, block.label)}<figcaption>${escaped(block.label)}</figcaption></figure>`;
  }
}

function codeSvg(value: string, label: string): string {
  const matrix = qrMatrix(value, "M");
  const whole = matrix.size + 8;
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${escaped(label)}" viewBox="0 0 ${whole} ${whole}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h${whole}v${whole}H0z"/><path fill="#000" d="${qrPath(matrix, 4)}"/></svg>`;
}

/**
 * A page of its own, for the screen and for any printer. `nonce` lets its style in where a policy of another kind stands
 * before ours.
 */
export function receiptHtml({ title, language, blocks }: ReceiptContent, nonce: string | null = null): string {
  return `<!doctype html>
<html lang="${language}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex"><title>${escaped(title)}</title><style${nonce === null ? "" : ` nonce="${escaped(nonce)}"`}>${STYLE}</style></head>
<body><main>
${blocks.map(partOf).join("\n")}
</main></body>
</html>
`;
}
