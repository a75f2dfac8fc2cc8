import { createApp } from "./app";
import { addCurrencies } from "./markets";
import { readSettings } from "./settings";

/** Starts the simulator as its own process, as Klarna would be. */
async function main(): Promise<void> {
  const settings = readSettings(process.env);
  addCurrencies(settings.currencies);
  const app = createApp(settings);
  const port = await app.listen(settings.port, settings.host);
  process.stdout.write(`simulator: listening on http://${settings.host}:${port}\n`);
  if (settings.tlsPort !== null) {
    const tlsPort = await app.listenTls(settings.tlsPort, settings.host);
    process.stdout.write(`simulator: asking for client certificates on https://${settings.host}:${tlsPort}\n`);
  }

  let isStopping = false;
  const stop = (): void => {
    if (isStopping) return;
    isStopping = true;
    app.close().then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

function fail(error: unknown): void {
  const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
  const sentence = isTaken
    ? "The simulator's port is in use. Choose another with SIMULATOR_PORT, SIMULATOR_TLS_PORT or SIMULATOR_SFTP_PORT."
    : error instanceof Error
      ? error.message
      : String(error);
  process.stderr.write(`simulator: ${sentence}\n`);
  process.exit(1);
}

main().catch(fail);
