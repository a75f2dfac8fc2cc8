import { Hono } from "hono";
import { html } from "hono/html";
import { PAGE_HEADERS, phonePage, picture } from "../pages/layout";
import type { Simulator } from "../simulator";
import { enterPortal } from "./portal";

const WORDS: Readonly<Record<string, string>> = {
  "merchant:admin": "Administrator",
  "merchant:developer": "Developer",
};

/** Where a deep link leads: the partner portal's door, which opens once. */
export function createPortalPages(sim: Simulator): Hono {
  const app = new Hono();
  app.get("/portal/:id", async (c) => {
    for (const [name, value] of Object.entries(PAGE_HEADERS)) c.header(name, value);
    const entered = enterPortal(sim, c.req.param("id"));
    if (entered === null) {
      const body = html`<main class="stage">${picture("time")}<h1>This link is no longer valid</h1>
<p>It works once and for a minute. Please go back and open the portal again.</p></main>`;
      return c.html(phonePage({ title: "Partner portal", body }), 410);
    }
    await sim.state.durable();
    const { link, account } = entered;
    const roles = link.roles.map((role) => WORDS[role] ?? role).join(", ");
    const body = html`<main class="stage">${picture("good")}<h1>Welcome to the partner portal</h1>
<p>You are signed in as <strong>${link.user}</strong> for <strong>${account.name}</strong>.</p>
<p>${roles}. Your session ends after 8 hours without use.</p></main>`;
    return c.html(phonePage({ title: "Partner portal", body }));
  });
  return app;
}
