import { readFileSync } from "node:fs";
import path from "node:path";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { beforeAll, describe, expect, it } from "vitest";
import { ENDPOINTS } from "./endpoints";
import { buildDocument } from "./openapi";

const PUBLIC_URL = "https://pay.tillgate.example";

/** Every finding of the linter, as rule and place. */
async function lint(document: object): Promise<string[]> {
  // Its whole set of recommended rules, warnings counted as errors, none switched off.
  const config = await createConfig({ extends: ["recommended-strict"] });
  const problems = await lintFromString({
    source: JSON.stringify(document),
    absoluteRef: path.join(import.meta.dirname, "openapi.json"),
    config,
  });
  return problems.map((problem) => `${problem.ruleId} at ${problem.location.map(({ pointer }) => pointer).join(", ")}`);
}

describe("the document", () => {
  let document: ReturnType<typeof buildDocument>;
  beforeAll(() => {
    document = buildDocument(ENDPOINTS, PUBLIC_URL);
  });

  it("passes the OpenAPI linter with all of its recommended rules", async () => {
    expect(await lint(document)).toEqual([]);
  });

  it("would not pass it with a mistake", async () => {
    const { license: _, ...info } = document.info;
    expect(await lint({ ...document, info })).toEqual(["info-license at #/info"]);
    const twice = { get: { operationId: "live", responses: {} } };
    const findings = await lint({ ...document, paths: { ...document.paths, "/api/v1/other": twice } });
    expect(findings.join("\n")).toMatch(/operation-operationId-unique[\s\S]*operation-2xx-response/);
  });

  it("is the one that was agreed on: openapi.json beside this file (npm run openapi -- --write)", () => {
    const agreed: unknown = JSON.parse(readFileSync(path.join(import.meta.dirname, "openapi.json"), "utf8"));
    const built: unknown = JSON.parse(JSON.stringify(buildDocument(ENDPOINTS, "http://localhost:3000")));
    // A difference of a document of this size is for `npm run openapi` to show.
    expect(JSON.stringify(built) === JSON.stringify(agreed)).toBe(true);
  });

  it("says of every object in an answer which fields it has, so that no other can slip out", () => {
    const open: string[] = [];
    const look = (value: unknown, place: string): void => {
      if (typeof value !== "object" || value === null) return;
      if ("type" in value && value.type === "object" && !("additionalProperties" in value)) open.push(place);
      for (const [key, inner] of Object.entries(value)) look(inner, `${place}/${key}`);
    };
    for (const [name, item] of Object.entries(document.paths ?? {}))
      for (const [method, operation] of Object.entries(item)) look(operation.responses, `${method} ${name}`);
    // The document itself has the shape that OpenAPI gives it.
    expect(open).toEqual(["get /api/openapi.json/200/content/application/json/schema"]);
  });
});
