import { parseArgs } from "node:util";
import { runCrash } from "@/server/testing/crash";
import { startInstance } from "@/server/testing/instance";

// `npm run crash -- --payments 200 --kills 20 [--seed 7]`: processes are killed while a till takes payments; then every
// payment is compared with what the simulator holds and with what the Partner was told. Ends with 1 when anything differs.
const { values } = parseArgs({
  options: {
    payments: { type: "string", default: "200" },
    kills: { type: "string", default: "20" },
    seed: { type: "string" },
  },
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const instance = await startInstance();
try {
  say(`${values.payments} payments, ${values.kills} kills, seed ${seed}`);
  const report = await runCrash(instance, {
    payments: Number(values.payments),
    kills: Number(values.kills),
    seed,
    say,
  });
  const back = report.kills.map((kill) => kill.backMs).sort((a, b) => a - b);
  say("");
  say(
    `payments      ${report.payments}: ${Object.entries(report.statuses)
      .map(([status, count]) => `${count} ${status}`)
      .join(", ")}`,
  );
  say(`transactions  ${report.transactions} at Klarna`);
  say(`events        ${report.eventsDistinct} told, ${report.repeats} of them repeated`);
  say(
    `kills         ${back.length}; back after ${back[Math.floor(back.length / 2)] ?? 0} ms in the median, ${back.at(-1) ?? 0} ms at the most`,
  );
  say(`settled       ${report.settledMs} ms after the last sale`);
  for (const problem of report.problems) say(`PROBLEM       ${problem}`);
  say(
    report.problems.length === 0
      ? "every payment is what Klarna holds, every event arrived, none was invented"
      : `${report.problems.length} problems`,
  );
  if (report.problems.length > 0) {
    process.exitCode = 1;
    if (process.env.KEEP_INSTANCE) say(`kept at ${instance.url}, data in ${instance.dataDir}`);
  }
} finally {
  if (!(process.exitCode && process.env.KEEP_INSTANCE)) await instance.stop();
}
