import { createServices } from "@/server/context";
import { problemWords } from "@/server/domain/audit/schema";
import { checkChain, sealAudit } from "@/server/domain/audit/service";
import { createLog } from "@/server/observability/log";

// `npm run audit:verify`: names every entry of the audit that was altered, removed or slipped in. Ends with 1 when there is one.
const COUNT = new Intl.NumberFormat("en");
const services = createServices({ name: "verify", log: createLog({ level: "silent", name: "verify" }) });
try {
  await sealAudit(services);
  const verdict = await checkChain(services, "npm run audit:verify");
  const lines = [
    `${COUNT.format(verdict.entries)} entries, ${COUNT.format(verdict.headSequence)} seals, ${verdict.anchors} heads written down outside, read in ${COUNT.format(verdict.durationMs)} ms`,
    `head ${verdict.headSequence} ${verdict.headHash}`,
    ...verdict.problems.map(problemWords),
    ...(verdict.problemCount > verdict.problems.length
      ? [`and ${COUNT.format(verdict.problemCount - verdict.problems.length)} more`]
      : []),
    verdict.problemCount === 0
      ? "The audit is as it was written."
      : `${COUNT.format(verdict.problemCount)} ${verdict.problemCount === 1 ? "place was" : "places were"} changed from outside.`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  process.exitCode = verdict.problemCount === 0 ? 0 : 1;
} finally {
  await Promise.all([services.db.close(), services.klarna.close()]);
}
