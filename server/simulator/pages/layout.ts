import { html, raw } from "hono/html";

export type Markup = ReturnType<typeof html>;

/** Nothing from elsewhere, nothing inline: the pages live under the strictest policy a browser knows. */
export const PAGE_HEADERS: Record<string, string> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
};

export function phonePage(input: { title: string; body: Markup; attributes?: Markup | string }): Markup {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light">
<meta name="theme-color" content="#efeaf6">
<title>${input.title} · Simulator</title>
<link rel="icon" href="/assets/square.svg">
<link rel="stylesheet" href="/assets/journey.css">
<script src="/assets/journey.js" defer></script>
</head>
<body ${input.attributes ?? ""}>
<div class="phone">
<header class="bar">
<span class="brand">${MARK}<span>Purchase journey</span></span>
<span class="chip">Simulator</span>
</header>
${input.body}
<footer class="foot">This is a simulator. No money moves and nobody is asked for real data.</footer>
</div>
</body>
</html>`;
}

export const MARK = raw(
  '<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="10" fill="#3c1f5c"/><path d="M10 8v16M22 8l-9 8 9 8" fill="none" stroke="#f3d9ef" stroke-width="3.4" stroke-linecap="round" stroke-linejoin="round"/></svg>',
);

const TICK = '<path class="stroke" d="M20 33.500l8.500 8.500L45 24"/>';
const CROSS = '<path class="stroke" d="M23 23l18 18M41 23L23 41"/>';
const CLOCK = '<path class="stroke" d="M32 20v13l8 5"/>';
const DOOR = '<path class="stroke" d="M22 32h20M36 25l7 7-7 7"/>';

export function picture(kind: "good" | "bad" | "time" | "away"): Markup {
  const shape = { good: TICK, bad: CROSS, time: CLOCK, away: DOOR }[kind];
  return html`<div class="picture ${kind}"><svg viewBox="0 0 64 64" aria-hidden="true"><circle class="ring" cx="32" cy="32" r="30"/>${raw(shape)}</svg></div>`;
}
