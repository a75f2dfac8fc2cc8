import { createServices } from "@/server/context";
import { readKeyUse, resealAll } from "@/server/domain/encryption/service";
import { createLog } from "@/server/observability/log";

// `npm run db:reseal`: puts everything under the first key of TILLGATE_ENCRYPTION_KEYS and tells what each key still opens.
const COUNT = new Intl.NumberFormat("en");
const services = createServices({ name: "reseal", log: createLog({ level: "silent", name: "reseal" }) });
const print = (text: string) => void process.stdout.write(`${text}\n`);
try {
  const { changed, busy, unreadable } = await resealAll(services);
  print(`${COUNT.format(changed)} values put under the first key`);
  if (busy > 0) print(`${COUNT.format(busy)} were busy; run this again`);
  for (const row of unreadable) print(`does not open: ${row}`);
  for (const { keyId, rows, fixed, isConfigured, mayGo } of await readKeyUse(services)) {
    const waiting = fixed > 0 ? `, ${COUNT.format(fixed)} of them approvals that wait and end by themselves` : "";
    const verdict = isConfigured
      ? mayGo
        ? "; it may be taken from the setting"
        : ""
      : "; it is NOT in the setting, so these cannot be read";
    print(`key ${keyId}: ${COUNT.format(rows)} values${waiting}${verdict}`);
  }
  process.exitCode = unreadable.length > 0 ? 1 : 0;
} finally {
  await Promise.all([services.db.close(), services.klarna.close()]);
}
