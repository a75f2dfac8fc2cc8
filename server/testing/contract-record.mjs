// The contract-watch of a running instance: loaded first of all into the processes that speak with Partners when
// TILLGATE_CONTRACT=record (never in production), checks what they say and hear, and writes what is not as the document says into DATA_DIR/contract.log. Plain JavaScript
// without imports of ours at the start, because it comes before everything else; the checker is loaded at the first call.
import { channel } from "node:diagnostics_channel";
import { appendFileSync } from "node:fs";
import path from "node:path";

const folder = process.env.DATA_DIR;
/** @type {Promise<import("./contract").ContractChecker> | undefined} */
let checker;

/** @param {object} line */
function write(line) {
  if (folder) appendFileSync(path.join(folder, "contract.log"), `${JSON.stringify(line)}\n`, { mode: 0o600 });
}

async function load() {
  const { agreedDocument, createContractChecker } = await import("./contract.ts");
  const made = createContractChecker(agreedDocument());
  write({ watching: process.pid });
  return made;
}

/** @param {string} name @param {"exchange" | "piece" | "webhook"} kind */
function hear(name, kind) {
  channel(name).subscribe((message) => {
    checker ??= load();
    checker.then(
      (known) => {
        // What comes over this channel is put there by our own code alone.
        for (const fault of known[kind](/** @type {never} */ (message))) write({ fault });
      },
      (error) => write({ fault: `the checker of the contract could not be loaded: ${error}` }),
    );
  });
}

hear("tillgate.rest.exchange", "exchange");
hear("tillgate.rest.stream", "piece");
hear("tillgate.webhook.sent", "webhook");
