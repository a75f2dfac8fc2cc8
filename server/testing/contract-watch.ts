import { type Channel, channel } from "node:diagnostics_channel";
import { afterAll, afterEach } from "vitest";
import {
  EXCHANGES,
  type Exchange,
  STREAM_PIECES,
  type StreamPiece,
  WEBHOOKS_SENT,
  type WebhookSent,
} from "@/server/observability/exchanges";
import type { ContractChecker } from "./contract";

/*
 * Runs in every test process: whatever a test makes the Partner API say or take, and every webhook that is sent, has to be
 * as the document of the API says (case S5). A test in which it is not fails, whatever it is about. The browser tests have
 * the same by contract-record.mjs.
 */

type Check = (checker: ContractChecker) => string[];
const waiting: Check[] = [];

const hear = <T>(name: string, check: (checker: ContractChecker, message: T) => string[]): Channel => {
  const heard = channel(name);
  // What comes over these channels is put there by our own code alone, with `satisfies`.
  heard.subscribe((message) => waiting.push((checker) => check(checker, message as T)));
  return heard;
};
hear<Exchange>(EXCHANGES, (checker, exchange) => checker.exchange(exchange));
hear<StreamPiece>(STREAM_PIECES, (checker, piece) => checker.piece(piece));
hear<WebhookSent>(WEBHOOKS_SENT, (checker, webhook) => checker.webhook(webhook));

let checker: ContractChecker | null = null;

/** What was found since the last call, each once. */
export async function takeContractFaults(): Promise<string[]> {
  const checks = waiting.splice(0);
  if (checks.length === 0) return [];
  if (!checker) {
    // The document as the code writes it: openapi.test.ts holds it to the one that was agreed on.
    const [{ createContractChecker }, { ENDPOINTS }, { buildDocument }] = await Promise.all([
      import("./contract"),
      import("@/server/rest/endpoints"),
      import("@/server/rest/openapi"),
    ]);
    checker = createContractChecker(JSON.parse(JSON.stringify(buildDocument(ENDPOINTS, "http://localhost:3000"))));
  }
  const known = checker;
  return [...new Set(checks.flatMap((check) => check(known)))];
}

async function refuseFaults(): Promise<void> {
  const faults = await takeContractFaults();
  if (faults.length > 0)
    throw new Error(`Not as the document of the API says (npm run openapi):\n${faults.slice(0, 20).join("\n")}`);
}

afterEach(refuseFaults);
afterAll(refuseFaults);
