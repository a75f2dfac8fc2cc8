import { expect, it } from "vitest";
import { ENDPOINTS } from "@/server/rest/endpoints";
import { apiDocument } from "./document";

it("the document's page has every call that has a place in it, with its answers in words", () => {
  const { groups } = apiDocument("https://pay.example.com");
  const operations = groups.flatMap((group) => group.operations);
  expect(operations.map((operation) => operation.operationId).sort()).toEqual(
    ENDPOINTS.map((endpoint) => endpoint.operation).sort(),
  );
  for (const operation of operations)
    for (const [status, response] of Object.entries(operation.responses))
      expect(response.description, `${operation.operationId} ${status}`).not.toBe("");
});
