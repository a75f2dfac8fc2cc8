import { type Entry, fill, namesIn, readTable } from "@/server/testing/access-table";
import { cookieName, cookieOf, partnerOf, ROLES, type Role, recordsFor, setRole } from "@/server/testing/access-walk";
import { makePartner } from "@/server/testing/builders";
import { openReceiver, until } from "@/server/testing/shop";
import { expect, type Shop, test } from "./shop";

/*
 * The lines of the table of access that are pages and route handlers, each cell of them asked for over HTTP: whole pages as
 * the built app serves them, with sessions of people made for this.
 */

const LINES = readTable().filter((entry) => entry.kind === "page" || entry.kind === "route");
const CLOSED = LINES.filter((entry) => entry.roles !== null);
const AT_ONCE = 4;

/** An address of the line, with the ids put in; the method of a route is in its name. */
function addressOf(entry: Entry, ids: Readonly<Record<string, string>>): { method: string; address: string } {
  const [method, address] = entry.kind === "page" ? ["GET", entry.name] : entry.name.split(" ");
  const params = Object.entries(
    fill(entry.sample ?? {}, (name) => ids[name] ?? `none-${name}`) as Record<string, string>,
  );
  return {
    method: method ?? "GET",
    address: params.reduce((text, [name, value]) => text.replace(`[${name}]`, value), address ?? "/"),
  };
}

type Seen = { status: number; location: string | null; text: string };
async function open(shop: Shop, entry: Entry, ids: Readonly<Record<string, string>>, cookie: string): Promise<Seen> {
  const { method, address } = addressOf(entry, ids);
  const origin = new URL(shop.demo.url).origin;
  const answer = await fetch(`${shop.demo.url}${address}`, {
    method,
    headers: { cookie, ...(method === "POST" ? { origin, "sec-fetch-site": "same-origin" } : {}) },
    redirect: "manual",
  });
  return { status: answer.status, location: answer.headers.get("location"), text: await answer.text() };
}

/** "Not found", also where the head of the page was sent before that was known. */
const isNotThere = (seen: Seen): boolean => seen.status === 404 || seen.text.includes("NEXT_HTTP_ERROR_FALLBACK;404");

/**
 * Whether somebody was let in. A page that they may not see is like one that does not exist, so pages with ids are asked
 * for with ids that do exist.
 */
function isLetIn(entry: Entry, seen: Seen): boolean {
  if (entry.kind === "route") return seen.status !== 401 && seen.status !== 403;
  if (seen.status === 307) return !/^\/(sign-in|enroll-mfa)/.test(seen.location ?? "");
  return seen.status === 200 && !isNotThere(seen);
}

async function eachAtOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
    }),
  );
}

test("S1, S4: each page and route is there for the roles that the table names, and like nothing for all others", async ({
  shop,
  setUp,
}) => {
  test.setTimeout(240_000);
  const receiver = await openReceiver(shop.till, ["*"]);
  const payment = await shop.pay(11_802);
  await until("a delivery", 60_000, () => receiver.heard.length > 0);
  const ids = await recordsFor(setUp, payment.id);
  const partners = [ids["partner"] ?? "", await partnerOf(setUp, ids["payment"] ?? "")];
  const cookies = new Map<Role, string>();
  for (const role of ROLES) cookies.set(role, await cookieOf(setUp, role, role.startsWith("PARTNER") ? partners : []));
  const wrong: string[] = [];
  const skipped: string[] = [];
  await eachAtOnce(CLOSED, async (entry) => {
    // Records that this instance has none of: who may see them gets what is not there, so roles cannot be told apart.
    if (entry.kind === "page" && namesIn(entry.sample).some((name) => ids[name] === undefined)) {
      skipped.push(entry.name);
      return;
    }
    for (const role of ROLES) {
      const seen = await open(shop, entry, ids, cookies.get(role) ?? "");
      const may = entry.roles?.includes(role) ?? false;
      const isIn = isLetIn(entry, seen);
      if (isIn !== may || seen.status >= 500)
        wrong.push(`${role} ${may ? "may" : "may not"} ${entry.name}: ${seen.status}`);
    }
  });
  await receiver.close();
  expect(wrong).toEqual([]);
  // Steps of the engine are known to the engine only.
  expect(skipped.filter((name) => name !== "/system/runs/[id]")).toEqual([]);
});

test("S1, S12: nobody, and nobody who has given one of two factors, sees any of them", async ({ shop, setUp }) => {
  const ids = await recordsFor(setUp, (await shop.pay()).id);
  const holders: [string, string, RegExp][] = [
    ["nobody", "", /^\/sign-in(\?|$)/],
    ["a wrong cookie", `${cookieName(setUp.env, "session")}=${"A".repeat(60)}`, /^\/sign-in(\?|$)/],
    ["a code is due", await cookieOf(setUp, "ACQUIRER_ADMIN", [], "CODE_DUE"), /^\/sign-in\/code/],
    ["a second factor is due", await cookieOf(setUp, "ACQUIRER_ADMIN", [], "ENROLMENT_DUE"), /^\/enroll-mfa/],
  ];
  const wrong: string[] = [];
  for (const [who, cookie, way] of holders)
    await eachAtOnce(CLOSED, async (entry) => {
      const seen = await open(shop, entry, ids, cookie);
      const isShut = entry.kind === "page" ? seen.status === 307 && way.test(seen.location ?? "") : seen.status === 401;
      if (!isShut) wrong.push(`${who} ${entry.name}: ${seen.status} ${seen.location ?? ""}`);
    });
  expect(wrong).toEqual([]);
});

test("S1, S3: records of another Partner are to a Partner's people like records that nobody has", async ({
  shop,
  setUp,
}) => {
  const ids = await recordsFor(setUp, (await shop.pay()).id);
  const other = await makePartner(setUp);
  const cookie = await cookieOf(setUp, "PARTNER_ADMIN", [other.partner.id]);
  const wrong: string[] = [];
  const lines = CLOSED.filter((entry) => entry.sample !== null && entry.who.includes("P"));
  expect(lines.length).toBeGreaterThan(15);
  await eachAtOnce(lines, async (entry) => {
    const foreign = await open(shop, entry, ids, cookie);
    const nowhere = await open(shop, entry, {}, cookie);
    if (foreign.status !== nowhere.status || (entry.kind === "page" && !(isNotThere(foreign) && isNotThere(nowhere))))
      wrong.push(`${entry.name}: ${foreign.status} but ${nowhere.status}`);
    for (const [name, id] of Object.entries(ids)) {
      const { address } = addressOf(entry, ids);
      if (!address.includes(id) && foreign.text.includes(id)) wrong.push(`${entry.name} tells of a ${name}`);
    }
  });
  expect(wrong).toEqual([]);
});

test("S4: a role that people made opens the pages of its permissions from the next request on, and no others", async ({
  shop,
  setUp,
}) => {
  const role = await setRole(setUp, null, ["sessions:own"]);
  const cookie = await cookieOf(setUp, role);
  const pages = CLOSED.filter(
    (entry) => entry.kind === "page" && entry.sample === null && entry.name !== "/stores/[id]/history",
  );
  for (const permission of ["stores:read", "system:read"]) {
    await setRole(setUp, role, ["sessions:own", permission]);
    const wrong: string[] = [];
    await eachAtOnce(pages, async (entry) => {
      const seen = await open(shop, entry, {}, cookie);
      const may = entry.needs === "sessions:own" || entry.needs === permission;
      if (isLetIn(entry, seen) !== may) wrong.push(`${permission} ${entry.name}: ${seen.status}`);
    });
    expect(wrong).toEqual([]);
  }
});

test("S14: cookies are for this host alone, hidden from scripts; no page or address holds a token", async ({
  shop,
  setUp,
}) => {
  // Over https, as in production, every name is bound to the host.
  for (const name of ["session", "csrf", "callback", "mode", "sso", "device"] as const)
    expect(cookieName({ PUBLIC_URL: "https://pay.example.com" }, name)).toMatch(/^__Host-/);
  const csrf = await fetch(`${shop.demo.url}/api/auth/csrf`);
  const { csrfToken } = (await csrf.json()) as { csrfToken: string };
  const [user] = shop.demo.users;
  const jar = csrf.headers.getSetCookie().map((line) => line.split(";")[0] ?? "");
  const answer = await fetch(`${shop.demo.url}/api/auth/callback/credentials`, {
    method: "POST",
    headers: {
      origin: new URL(shop.demo.url).origin,
      cookie: jar.join("; "),
      "content-type": "application/x-www-form-urlencoded",
    },
    body: new URLSearchParams({
      csrfToken,
      email: user?.email ?? "",
      password: user?.password ?? "",
      callbackUrl: "/",
    }),
    redirect: "manual",
  });
  const set = [...csrf.headers.getSetCookie(), ...answer.headers.getSetCookie()];
  expect(set.some((line) => line.startsWith(`${cookieName(setUp.env, "session")}=`))).toBe(true);
  for (const line of set) {
    expect(line).toMatch(/; ?HttpOnly/i);
    expect(line).toMatch(/; ?SameSite=(Lax|Strict)/i);
    expect(line).toMatch(/; ?Path=\/(;|$)/i);
    expect(line).not.toMatch(/Domain=/i);
  }
  const cookie = [...new Map(set.map((line) => [line.split("=")[0], line.split(";")[0] ?? ""])).values()].join("; ");
  const secrets = set
    .map((line) => decodeURIComponent((line.split(";")[0] ?? "").replace(/^[^=]*=/, "")))
    .filter((value) => value.length > 24);
  const found: string[] = [];
  await eachAtOnce(
    CLOSED.filter((entry) => entry.kind === "page" && entry.sample === null),
    async (entry) => {
      const seen = await open(shop, entry, {}, cookie);
      for (const secret of secrets)
        if (seen.text.includes(secret) || (seen.location ?? "").includes(secret)) found.push(entry.name);
      for (const [, link = ""] of seen.text.matchAll(/href="([^"]+)"/g))
        if (/[?&](token|session|secret|password)=/i.test(link)) found.push(`${entry.name} links to ${link}`);
      if (/localStorage\.setItem\([^)]*(token|session)/.test(seen.text)) found.push(`${entry.name} keeps a token`);
    },
  );
  expect(found).toEqual([]);
});
