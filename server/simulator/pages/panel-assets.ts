/** Style and script of the control panel. */

export const PANEL_CSS = `
:root{color-scheme:light;--ink:#231533;--ink-2:#5b4d6b;--ink-3:#75688a;--line:#e6dfee;--ground:#f7f4fa;--card:#fff;--accent:#3c1f5c;--pick:#7b46b4;--soft:#f1eaf8}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;min-height:100vh;display:grid;grid-template-columns:232px minmax(0,1fr);background:var(--ground);color:var(--ink);font:14px/20px ui-sans-serif,-apple-system,"Segoe UI",Roboto,"Noto Sans",Inter,"Liberation Sans",sans-serif;-webkit-font-smoothing:antialiased}
a{color:var(--accent)}
aside{position:sticky;top:0;height:100vh;display:flex;flex-direction:column;gap:16px;padding:16px 12px;background:var(--card);border-right:1px solid var(--line);overflow:auto}
.brand{display:flex;gap:10px;align-items:center;text-decoration:none;color:var(--ink);padding:4px 8px;font-size:15px}
.brand small{display:block;color:var(--ink-3);font-size:12px;line-height:16px}
.mark{width:32px;height:32px;flex:none}
nav{display:grid;gap:12px}
nav h2{margin:0 8px 2px;font-size:12px;line-height:16px;font-weight:500;color:var(--ink-3)}
nav a{display:flex;justify-content:space-between;align-items:center;padding:6px 8px;border-radius:8px;text-decoration:none;color:var(--ink)}
nav a:hover{background:var(--ground)}
nav a[aria-current]{background:var(--soft);color:var(--accent);font-weight:600}
nav i{font-style:normal;font-size:12px;background:#fbe3e8;color:#8f1f3a;border-radius:99px;padding:0 8px}
.note{margin:auto 8px 0;font-size:12px;line-height:16px;color:var(--ink-3);text-wrap:pretty}
.page{min-width:0}
header{display:flex;flex-wrap:wrap;gap:8px 16px;align-items:center;justify-content:space-between;padding:10px 28px;background:var(--card);border-bottom:1px solid var(--line);position:sticky;top:0;z-index:2}
.stand{margin:0;font-size:13px;color:#7a4f00;background:#fdf0d5;border:1px solid #f1dcae;border-radius:99px;padding:1px 12px;font-weight:600}
.clock{display:flex;flex-wrap:wrap;gap:8px 12px;align-items:center}
.now{font-variant-numeric:tabular-nums;color:var(--ink-2)}
.now b{color:var(--accent)}
.set{display:inline-flex}
.set button{border-radius:0;margin-left:-1px}
.set button:first-child{border-radius:8px 0 0 8px}
.set button:last-child{border-radius:0 8px 8px 0}
#problem{margin:16px 28px 0;padding:10px 14px;border-radius:10px;background:#fbe3e8;color:#8f1f3a}
#problem.good{background:#dcf3e6;color:#0e5c3c}
main{display:grid;gap:16px;padding:24px 28px 48px;max-width:1480px}
.heading{display:flex;flex-wrap:wrap;gap:12px;justify-content:space-between;align-items:flex-start}
h1{font-size:22px;line-height:28px;letter-spacing:-.01em;margin:0;overflow-wrap:anywhere}
.heading p{margin:4px 0 0;color:var(--ink-2);max-width:72ch;text-wrap:pretty}
.crumb{margin:0 0 -10px;font-size:13px}
section{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:16px 18px;min-width:0}
section>h2{font-size:15px;line-height:22px;margin:0 0 10px}
section h2 i{font-style:normal;font-weight:500;color:var(--ink-3);margin-left:4px}
section>.buttons{justify-content:flex-start}
section h3{font-size:13px;margin:16px 0 8px;color:var(--ink-2);font-weight:600}
.columns{display:grid;gap:16px;grid-template-columns:repeat(auto-fit,minmax(min(100%,380px),1fr));align-items:start}
.tiles{display:grid;gap:12px;grid-template-columns:repeat(auto-fit,minmax(150px,1fr))}
.tile{display:block;background:var(--card);border:1px solid var(--line);border-radius:14px;padding:14px 16px;text-decoration:none;color:var(--ink)}
a.tile:hover{border-color:var(--pick)}
.tile b{display:block;font-size:26px;line-height:32px;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.tile span{color:var(--ink-2);font-size:13px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th{text-align:left;font-weight:500;font-size:13px;color:var(--ink-3);padding:4px 14px 6px 0;border-bottom:1px solid var(--line);white-space:nowrap}
td{padding:8px 14px 8px 0;border-bottom:1px solid #f1ecf5;vertical-align:top}
tbody tr:last-child td{border-bottom:0;padding-bottom:2px}
td small{display:block;color:var(--ink-3);font-size:12px;line-height:16px}
td:last-child,th:last-child{padding-right:0}
.time,.number{white-space:nowrap;font-variant-numeric:tabular-nums}
td.number,th.number{text-align:right}
.mono{font:12px/20px ui-monospace,Menlo,Consolas,"Liberation Mono",monospace;overflow-wrap:anywhere}
pre{margin:0;font:12px/18px ui-monospace,Menlo,Consolas,"Liberation Mono",monospace;overflow:auto;max-height:480px;background:var(--ground);border-radius:10px;padding:12px 14px}
.badge{display:inline-block;border-radius:99px;padding:0 10px;background:#ece8f0;color:#463a55;white-space:nowrap;font-size:13px}
.badge.good{background:#dcf3e6;color:#0e5c3c}.badge.bad{background:#fbe3e8;color:#8f1f3a}.badge.info{background:#e3ebfb;color:#1f4488}.badge.wait{background:#fdf0d5;color:#7a4f00}
.buttons{display:flex;flex-wrap:wrap;gap:6px;justify-content:flex-end}
td.buttons{display:table-cell;text-align:right;white-space:nowrap}
td.buttons>*{margin-left:6px}
button,.button,select,input{font:inherit;font-size:13px;min-height:32px;border:1px solid #c9bbd8;border-radius:8px;background:#fff;color:var(--ink);padding:4px 10px}
button,.button{cursor:pointer;color:var(--accent);font-weight:500;text-decoration:none;display:inline-flex;align-items:center;justify-content:center;vertical-align:top}
button:hover,.button:hover{background:var(--soft)}
button[aria-pressed=true]{background:var(--soft);border-color:var(--pick);z-index:1;position:relative}
button.main{background:var(--accent);border-color:var(--accent);color:#fff}
button.main:hover{background:#542f80}
button.bad{color:#8f1f3a;border-color:#e2b6c1}
button.bad:hover{background:#fbe3e8}
button[aria-disabled=true]{opacity:.55;cursor:progress}
td button,td .button{min-height:28px;padding:2px 10px}
:focus-visible{outline:2px solid var(--pick);outline-offset:1px}
form{display:flex;flex-wrap:wrap;gap:10px;align-items:end}
form+form,form+.scroll,form+p,p+form,.scroll+form{margin-top:14px}
label{display:grid;gap:2px;color:var(--ink-2);font-size:12px;line-height:16px}
label.check{display:flex;gap:8px;align-items:center;min-height:32px;font-size:13px}
label.check input{min-height:0;width:16px;height:16px}
input[type=number]{width:130px}
.filter{padding:0}
dl{margin:0;display:grid;gap:0 28px;grid-template-columns:repeat(auto-fill,minmax(min(100%,220px),1fr))}
dl div{padding:6px 0;min-width:0}
dl+form,dl+.buttons,.empty+.buttons{margin-top:12px}
dt{color:var(--ink-3);font-size:12px;line-height:16px}
dd{margin:0;overflow-wrap:anywhere}
.pager{display:flex;gap:16px;margin:12px 0 0;color:var(--ink-2);font-size:13px}
.empty{color:var(--ink-2);margin:0;text-wrap:pretty;max-width:72ch}
.qr{display:flex;gap:20px;align-items:center;flex-wrap:wrap}
.qr img{width:160px;height:160px;border:1px solid var(--line);border-radius:12px}
details summary{cursor:pointer;color:var(--accent);font-weight:500}
@media (max-width:860px){
body{display:block}
aside{position:static;height:auto;flex-direction:column;gap:8px;border-right:0;border-bottom:1px solid var(--line);padding:12px 16px}
nav{display:flex;gap:4px;overflow-x:auto;padding-bottom:4px}
nav div{display:flex;gap:4px}
nav h2{display:none}
nav a{white-space:nowrap}
.note{display:none}
header{position:static;padding:10px 16px}
main{padding:16px 16px 40px}
#problem{margin:16px 16px 0}
}
`;

export const PANEL_JS = `
"use strict";
const problem = document.getElementById("problem");
let busy = 0;

function say(text, isGood) {
  problem.textContent = text;
  problem.hidden = text === "";
  problem.classList.toggle("good", isGood);
}

async function act(method, path, body, form) {
  busy += 1;
  try {
    const init = method === "DELETE" ? { method } : { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const answer = await fetch(path, init);
    const text = await answer.text();
    let parsed = {};
    try { parsed = text === "" ? {} : JSON.parse(text); } catch { parsed = {}; }
    if (!answer.ok) { say(parsed.error ?? "It did not work: " + answer.status, false); return false; }
    if (form) delete form.dataset.dirty;
    const shown = ["authorization", "password", "short_code", "jwt", "url"].filter((name) => typeof parsed[name] === "string").map((name) => name + ": " + parsed[name]);
    say(shown.length > 0 ? "Done. " + shown.join(" · ") : "", true);
    return true;
  } catch {
    say("The simulator does not answer.", false);
    return false;
  } finally {
    busy -= 1;
    await refresh(true).catch(() => undefined);
  }
}

// What somebody has typed and not sent yet outlives a refresh.
function formsOf(place) {
  const seen = new Map();
  return [...place.querySelectorAll("form")].map((form) => {
    const path = form.dataset.path ?? form.getAttribute("action");
    const nth = seen.get(path) ?? 0;
    seen.set(path, nth + 1);
    return { form, key: path + " " + nth };
  });
}
function typedIn(place) {
  return formsOf(place).filter(({ form }) => form.dataset.dirty).map(({ form, key }) => ({
    key,
    values: [...form.elements].filter((input) => input.name).map((input) => ({ name: input.name, value: input.value, checked: input.checked, isFocused: input === document.activeElement })),
  }));
}
function typeAgain(place, typed) {
  const forms = new Map(formsOf(place).map(({ form, key }) => [key, form]));
  for (const { key, values } of typed) {
    const form = forms.get(key);
    if (!form) continue;
    form.dataset.dirty = "yes";
    for (const { name, value, checked, isFocused } of values) {
      const input = form.elements.namedItem(name);
      if (!(input instanceof HTMLElement)) continue;
      input.value = value;
      input.checked = checked;
      if (isFocused) input.focus({ preventScroll: true });
    }
  }
}
document.addEventListener("input", (event) => {
  const form = event.target.closest("main form");
  if (form) form.dataset.dirty = "yes";
});

async function refresh(isForced) {
  const active = document.activeElement;
  const isTyping = active?.closest("main form") !== null && active?.closest("main form") !== undefined;
  if (busy > 0 || document.hidden || (isTyping && !isForced)) return;
  const answer = await fetch(location.href, { cache: "no-store" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const focused = active?.dataset?.path === undefined ? null : active.dataset.path + active.dataset.body;
  for (const now of document.querySelectorAll("[data-live]")) {
    const fresh = page.querySelector('[data-live="' + now.dataset.live + '"]');
    if (fresh === null || fresh.innerHTML === now.innerHTML) continue;
    const places = [...now.querySelectorAll(".scroll")].map((each) => each.scrollLeft);
    const opened = [...now.querySelectorAll("details[open]")].map((each) => each.id);
    const typed = typedIn(now);
    now.replaceChildren(...fresh.childNodes);
    typeAgain(now, typed);
    [...now.querySelectorAll(".scroll")].forEach((each, index) => { each.scrollLeft = places[index] ?? 0; });
    for (const id of opened) { const found = document.getElementById(id); if (found) found.open = true; }
  }
  if (focused !== null) {
    for (const button of document.querySelectorAll("button[data-path]")) {
      if (button.dataset.path + button.dataset.body === focused) { button.focus({ preventScroll: true }); break; }
    }
  }
}

function put(target, name, value) {
  const steps = name.split(".");
  const last = steps.pop();
  let place = target;
  for (const [index, step] of steps.entries()) place = place[step] ??= /^\\d+$/.test(steps[index + 1] ?? last) ? [] : {};
  place[last] = value;
}

function bodyOf(form) {
  const body = {};
  for (const input of form.elements) {
    if (!input.name) continue;
    const as = input.dataset.as ?? "text";
    if (as === "bool") {
      if (input.type === "checkbox") put(body, input.name, input.checked);
      else if (input.value !== "") put(body, input.name, input.value === "true");
      continue;
    }
    if (as === "list") { put(body, input.name, input.value.split(/[\\s,]+/).filter(Boolean)); continue; }
    if (input.value === "") continue;
    if (as === "int") put(body, input.name, Number(input.value));
    else put(body, input.name, input.value);
  }
  return body;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-path]");
  if (!button || button.getAttribute("aria-disabled") === "true") return;
  if (button.dataset.confirm && !confirm(button.dataset.confirm)) return;
  button.setAttribute("aria-disabled", "true");
  act(button.dataset.method, button.dataset.path, JSON.parse(button.dataset.body)).finally(() => button.removeAttribute("aria-disabled"));
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset.path) return;
  event.preventDefault();
  act(form.dataset.method, form.dataset.path, bodyOf(form), form);
});

setInterval(() => refresh(false).catch(() => undefined), 2000);
`;
