import { parseArgs } from "node:util";
import { startInstance } from "@/server/testing/instance";
import { measureLatency } from "@/server/testing/latency";

// `npm run latency -- --payments 50`: from the customer's tap to the Partner's webhook.
const { values } = parseArgs({ options: { payments: { type: "string", default: "50" } } });
const instance = await startInstance();
try {
  const { medianMs, p99Ms, firstMs, waits } = await measureLatency(instance.demo, Number(values.payments));
  process.stdout.write(
    `tap to webhook over ${waits.length} payments: median ${medianMs.toFixed(0)} ms, p99 ${p99Ms.toFixed(0)} ms, the first ${firstMs.toFixed(0)} ms\n`,
  );
  if (medianMs >= 500) process.exitCode = 1;
} finally {
  await instance.stop();
}
