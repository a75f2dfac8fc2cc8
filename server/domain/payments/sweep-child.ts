import { createServices } from "@/server/context";
import { advanceDuePayments } from "./sweep";

/* A scheduler of its own, for tests that stop and kill it: advances due payments until it is ended. Says how many. */

const services = createServices({ name: "sweeper", nudge: () => undefined });
process.stdout.write("ready\n");
for (;;) {
  const count = await advanceDuePayments(services, { rounds: 1 });
  if (count > 0) process.stdout.write(`${count}\n`);
  else await new Promise((resolve) => setTimeout(resolve, 20));
}
