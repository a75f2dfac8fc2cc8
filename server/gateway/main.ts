import { createServices } from "@/server/context";
import { env, SettingError } from "@/server/env";
import { startWatch } from "@/server/events/watch";
import { createGateway } from "./gateway";

/** The end of the ending: a database that no longer answers must not keep the process. */
const EXIT_MAX_MS = 9_800;

/** Starts the front door as its own process. */
async function main(): Promise<void> {
  const settings = env();
  const services = createServices({ name: "gateway" });
  const gateway = createGateway(services);
  // Here and not in the background: an Inngest server has no process of ours behind it.
  const watch = startWatch(services);
  await gateway.listen(settings.PORT, settings.HOST);
  services.log.info({ port: settings.PORT }, "the front door is open");

  let isStopping = false;
  const stop = (): void => {
    if (isStopping) return;
    isStopping = true;
    setTimeout(() => process.exit(0), EXIT_MAX_MS).unref();
    Promise.all([watch.stop(), gateway.close()])
      .then(() => Promise.allSettled([services.db.close(), services.klarna.close()]))
      .then(() => process.exit(0), fail);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

function fail(error: unknown): void {
  const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
  const sentence = isTaken
    ? "The port is in use. Choose another with PORT."
    : error instanceof SettingError || !(error instanceof Error)
      ? String(error instanceof Error ? error.message : error)
      : (error.stack ?? error.message);
  process.stderr.write(`gateway: ${sentence}\n`);
  process.exit(1);
}

main().catch(fail);
