/*
 * What Next tells server actions about the browser that calls them, as a test wants it:
 * `vi.mock("next/headers", async () => (await import("@/server/testing/next-browser")).nextHeaders)`.
 */

/** The calling browser. `set` is what the action gave it to keep. */
export const browser = { cookies: new Map<string, string>(), headers: new Headers(), set: [] as unknown[] };

export const nextHeaders = {
  headers: async () => browser.headers,
  cookies: async () => ({
    get: (name: string) => {
      const value = browser.cookies.get(name);
      return value === undefined ? undefined : { name, value };
    },
    set: (cookie: unknown) => browser.set.push(cookie),
    delete: () => undefined,
  }),
};
