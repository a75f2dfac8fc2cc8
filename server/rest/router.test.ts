import { expect, it } from "vitest";
import { defineEndpoint, type Method } from "./endpoint";
import { createRouter } from "./router";

const endpoint = (method: Method, path: string) =>
  defineEndpoint({
    method,
    path,
    operation: `${method} ${path}`,
    summary: "",
    tag: "",
    access: "public",
    scope: null,
    responses: {},
    handle: () => Promise.resolve(null),
    answer: () => ({ status: 200 }),
  });

const route = createRouter([
  endpoint("GET", "/a"),
  endpoint("POST", "/a"),
  endpoint("GET", "/a/{id}"),
  endpoint("GET", "/a/{id}/b/{other}"),
  endpoint("DELETE", "/a/{id}"),
]);

it("finds by method and path, names the parameters, and knows what is allowed", () => {
  expect(route("GET", "/a/1/b/2")).toMatchObject({
    endpoint: { operation: "GET /a/{id}/b/{other}" },
    params: { id: "1", other: "2" },
  });
  expect(route("PUT", "/a")).toEqual({ allow: "GET, HEAD, POST" });
  expect(route("POST", "/a/1")).toEqual({ allow: "DELETE, GET, HEAD" });
  for (const path of ["/", "/b", "/a/", "/a/1/", "/a/1/b", "/a//b/2", "/a/1/b/2/c", "/constructor", "/__proto__"])
    expect(route("GET", path), path).toBeNull();
});

it("refuses to start with two declarations of one call", () => {
  expect(() => createRouter([endpoint("GET", "/a/{id}"), endpoint("GET", "/a/{name}")])).toThrowError(/declared twice/);
});
