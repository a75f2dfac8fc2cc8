import { PANEL_CSS, PANEL_JS } from "./panel-assets";

/** Files that the pages load: all from here, so that they work without the internet. */

const JOURNEY_CSS = `
:root{--ground:#efeaf6;--ground-2:#f9f1f3;--card:#fff;--ink:#231533;--ink-2:#5b4d6b;--ink-3:#75688a;--line:#e4dcec;--accent:#3c1f5c;--accent-2:#542f80;--soft:#f4eef9;--pick:#7b46b4;--good:#12714a;--good-soft:#dcf3e6;--bad:#a32644;--bad-soft:#fbe3e8;--wait:#8a5a00;--wait-soft:#fdf0d5}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;min-height:100vh;min-height:100dvh;background:linear-gradient(170deg,var(--ground),var(--ground-2) 70%);color:var(--ink);font:16px/24px ui-sans-serif,-apple-system,"Segoe UI",Roboto,"Noto Sans",Inter,"Liberation Sans",sans-serif;-webkit-font-smoothing:antialiased}
.phone{max-width:460px;min-height:100vh;min-height:100dvh;margin:0 auto;padding:16px 20px calc(16px + env(safe-area-inset-bottom));display:flex;flex-direction:column}
.bar{display:flex;align-items:center;justify-content:space-between;height:44px;margin-bottom:8px}
.brand{display:flex;align-items:center;gap:10px;font-weight:600;font-size:15px}
.mark{width:28px;height:28px}
.chip{font-size:13px;line-height:20px;font-weight:600;color:var(--wait);background:var(--wait-soft);border:1px solid #f1dcae;border-radius:99px;padding:2px 12px}
.steps{display:grid;grid-auto-flow:column;grid-auto-columns:1fr;gap:6px;margin:0 0 20px;padding:0;list-style:none}
.steps li{height:4px;border-radius:9px;background:#d9cfe5}
.steps li.on{background:var(--accent)}
.steps span,.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.total{margin:0 0 20px}
.total .store{color:var(--ink-2);font-size:15px;margin:0}
.total .amount{font-size:clamp(28px,10.200vw,40px);line-height:1.2;font-weight:700;letter-spacing:-.02em;margin:0;font-variant-numeric:tabular-nums}
h1{font-size:24px;line-height:32px;letter-spacing:-.01em;margin:0 0 4px;text-wrap:balance}
.apart{margin-bottom:16px}
.lead{color:var(--ink-2);margin:0 0 20px}
.card{background:var(--card);border:1px solid var(--line);border-radius:24px;padding:20px;box-shadow:0 1px 2px rgb(60 31 92/.04),0 12px 32px rgb(60 31 92/.06)}
form{margin:0}
label.field{display:block;font-weight:600;font-size:14px;margin:0 0 6px}
input[type=tel],input[type=text]{width:100%;height:56px;border:1.500px solid #a597b5;border-radius:16px;background:#fff;color:var(--ink);font:inherit;font-size:18px;padding:0 16px}
input.code{font-size:28px;letter-spacing:.42em;text-align:center;font-variant-numeric:tabular-nums;font-weight:600;height:64px;padding-left:calc(16px + .42em)}
input:focus-visible,button:focus-visible,a:focus-visible,label:has(input:focus-visible){outline:3px solid #b48be0;outline-offset:2px}
.hint,.foot,.lead,.result p,small{text-wrap:pretty}
.hint{font-size:14px;line-height:20px;color:var(--ink-3);margin:8px 0 0}
.problem{font-size:14px;line-height:20px;color:var(--bad);background:var(--bad-soft);border-radius:12px;padding:10px 14px;margin:0 0 16px}
fieldset{border:0;margin:0;padding:0}
legend{padding:0;font-weight:600;font-size:14px;margin-bottom:8px}
.persons{display:grid;grid-template-columns:1fr 1fr;gap:8px;margin-bottom:20px}
.pick{position:relative;display:block;cursor:pointer;border:1.500px solid var(--line);border-radius:16px;padding:12px 14px;background:#fff;transition:border-color .15s,background .15s}
.pick:has(input:checked){border-color:var(--pick);background:var(--soft)}
.pick input{position:absolute;opacity:0;inset:0}
.pick b{display:block;font-size:15px;line-height:22px}
.pick small{display:block;font-size:13px;line-height:18px;color:var(--ink-3)}
.plans{display:grid;gap:10px}
.plan{display:grid;grid-template-columns:22px 1fr auto;gap:2px 12px;align-items:center;padding:14px 16px}
.plan .dot{grid-row:span 2;width:22px;height:22px;border-radius:50%;border:2px solid #a597b5;background:#fff}
.plan:has(input:checked) .dot{border:7px solid var(--pick)}
.plan .sum{font-weight:600;font-variant-numeric:tabular-nums;text-align:right}
.plan small{grid-column:2/4}
.actions{display:grid;gap:10px;margin-top:20px}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:10px}
button,.button{display:flex;align-items:center;justify-content:center;width:100%;min-height:56px;border-radius:99px;border:0;background:var(--accent);color:#fff;font:inherit;font-weight:600;font-size:17px;cursor:pointer;text-decoration:none;transition:background .15s,transform .12s}
button:hover,.button:hover{background:var(--accent-2)}
button:active{transform:scale(.985)}
button.quiet{background:transparent;color:var(--accent);border:1.500px solid #c9bbd8;min-height:52px;font-size:16px}
button.quiet:hover{background:#fff}
button.bare{background:transparent;color:var(--ink-2);min-height:44px;font-size:15px;font-weight:500;text-decoration:underline;text-underline-offset:3px}
button[aria-disabled=true]{opacity:.6;cursor:progress}
dl{margin:0}
dl div{display:flex;justify-content:space-between;gap:16px;padding:10px 0;border-bottom:1px solid var(--line)}
dl div:first-child{padding-top:0}
dl div:last-child{border:0;padding-bottom:0}
dt{color:var(--ink-2);min-width:0;overflow-wrap:anywhere}
dd{margin:0;text-align:right;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
dl .strong dt,dl .strong dd{color:var(--ink);font-weight:700}
.items{font-size:15px}
.consent{margin-top:20px;padding-top:16px;border-top:1px solid var(--line);font-size:15px;color:var(--ink-2)}
.consent h2{margin:0 0 4px;font-size:15px;color:var(--ink)}
.consent p{margin:0}
.result{flex:1;display:flex;flex-direction:column;align-items:center;justify-content:center;text-align:center;padding:16px 0 32px}
.result .amount{color:var(--ink);font-size:32px;line-height:40px;font-weight:700;letter-spacing:-.02em;margin:0 0 8px;font-variant-numeric:tabular-nums}
.result p{max-width:32ch;color:var(--ink-2);margin:0}
.result form,.result .button{width:100%;margin-top:28px}
.result .ids{margin-top:24px;font-size:13px;color:var(--ink-3)}
.picture{width:112px;height:112px;margin-bottom:24px}
.picture svg{width:100%;height:100%}
.picture .ring{fill:var(--soft)}
.picture .stroke{fill:none;stroke:var(--accent);stroke-width:4;stroke-linecap:round;stroke-linejoin:round}
.good .ring{fill:var(--good-soft)}.good .stroke{stroke:var(--good)}
.bad .ring{fill:var(--bad-soft)}.bad .stroke{stroke:var(--bad)}
.time .ring{fill:var(--wait-soft)}.time .stroke{stroke:var(--wait)}
.result .digits{font-size:clamp(44px,16vw,64px);line-height:1.1;font-weight:700;letter-spacing:.04em;color:var(--ink);margin:20px 0;font-variant-numeric:tabular-nums}
.poster img{border-radius:24px;border:1px solid var(--line);margin-bottom:20px;max-width:100%;height:auto;background:#fff}
.waiting{display:flex;gap:8px;margin-top:28px!important}
.waiting i{width:10px;height:10px;border-radius:50%;background:var(--pick);opacity:.35}
@media (prefers-reduced-motion:no-preference){.waiting i{animation:beat 1.2s infinite}.waiting i:nth-child(2){animation-delay:.2s}.waiting i:nth-child(3){animation-delay:.4s}@keyframes beat{30%{opacity:1}60%{opacity:.35}}}
.foot{margin-top:auto;padding-top:24px;text-align:center;font-size:12px;line-height:16px;color:var(--ink-3);text-wrap:balance}
@media (prefers-reduced-motion:no-preference){.picture{animation:rise .35s ease-out}@keyframes rise{from{opacity:0;transform:translateY(8px) scale(.94)}}}
@media (min-width:700px){.phone{min-height:auto;margin:40px auto;padding:20px 28px 24px;background:rgb(255 255 255/.55);border:1px solid #fff;border-radius:36px;box-shadow:0 24px 80px rgb(60 31 92/.12);min-height:760px}}
`;

const JOURNEY_JS = `
"use strict";
// Without this script everything works; with it, nothing is sent twice and news from the till show by themselves.
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent === "yes") { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
  });
}
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

const phone = document.querySelector("input[type=tel]");
for (const option of document.querySelectorAll("input[name=persona]")) {
  option.addEventListener("change", () => { if (phone) phone.value = option.dataset.phone; });
}

const watched = document.body.dataset.watch;
const known = document.body.dataset.state;
if (watched) {
  const look = async () => {
    try {
      const answer = await fetch(watched, { cache: "no-store" });
      const { state } = await answer.json();
      if (answer.ok && state !== known) { location.reload(); return; }
    } catch { /* the next look may succeed */ }
    setTimeout(look, 1500);
  };
  setTimeout(look, 1500);
}
`;

const square =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="10" fill="#3c1f5c"/><path d="M10 8v16M22 8l-9 8 9 8" fill="none" stroke="#f3d9ef" stroke-width="3.4" stroke-linecap="round" stroke-linejoin="round"/></svg>';
const word = (width: number): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} 32"><rect width="${width}" height="32" rx="10" fill="#f3d9ef"/><text x="${width / 2}" y="22" text-anchor="middle" font-family="system-ui,sans-serif" font-size="16" font-weight="700" fill="#3c1f5c">Klarna</text></svg>`;

export const ASSETS: Record<string, { type: string; body: string }> = {
  "journey.css": { type: "text/css; charset=utf-8", body: JOURNEY_CSS },
  "journey.js": { type: "text/javascript; charset=utf-8", body: JOURNEY_JS },
  "panel.css": { type: "text/css; charset=utf-8", body: PANEL_CSS },
  "panel.js": { type: "text/javascript; charset=utf-8", body: PANEL_JS },
  "square.svg": { type: "image/svg+xml", body: square },
  "badge.svg": { type: "image/svg+xml", body: word(76) },
  "rectangle.svg": { type: "image/svg+xml", body: word(96) },
};
