import { createServices } from "@/server/context";
import { inviteFirstAdministrator } from "@/server/domain/people/first";
import { InviteSchema } from "@/server/domain/people/schema";
import { env, SettingError } from "@/server/env";
import { createLog } from "@/server/observability/log";

// `npm run first-admin -- address "Given Family"`: the link by which the first administrator of a new installation comes in.
const [email, name] = process.argv.slice(2);
const input = InviteSchema.pick({ email: true, name: true }).safeParse({ email, name });
if (!input.success) {
  process.stderr.write('Say who: npm run first-admin -- somebody@example.com "Given Family"\n');
  process.exit(1);
}
try {
  env();
} catch (error) {
  if (!(error instanceof SettingError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
const services = createServices({
  name: "first-admin",
  log: createLog({ level: "silent", name: "first-admin" }),
  nudge: () => undefined,
});
try {
  const answer = await inviteFirstAdministrator(services, input.data);
  if ("refusal" in answer) {
    process.stderr.write(`${answer.refusal}\n`);
    process.exitCode = 1;
  } else {
    process.stdout.write(
      `Open this link once, before ${answer.expiresAt.toISOString()} (asking again makes a new one):\n${answer.url}\n`,
    );
  }
} finally {
  await Promise.all([services.db.close(), services.klarna.close()]);
}
