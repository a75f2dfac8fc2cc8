import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { API_VERSION } from "@/server/events/catalog";
import { ENDPOINTS } from "./endpoints";
import { buildDocument } from "./openapi";

/*
 * `npm run openapi` prints the document and fails when it differs from the one that was last agreed on (openapi.json
 * beside this file) without a new version. `npm run openapi -- --write` agrees on it.
 */

const file = path.join(import.meta.dirname, "openapi.json");
const text = `${JSON.stringify(buildDocument(ENDPOINTS, "http://localhost:3000"), null, 2)}\n`;

if (process.argv.includes("--write")) {
  writeFileSync(file, text);
} else {
  process.stdout.write(text);
  const agreed: unknown = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : null;
  if (JSON.stringify(agreed) !== JSON.stringify(JSON.parse(text))) {
    process.stderr.write(
      `The document differs from server/rest/openapi.json (version now ${API_VERSION}). When the change is meant, run: npm run openapi -- --write\n`,
    );
    process.exitCode = 1;
  }
}
