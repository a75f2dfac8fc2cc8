import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { isErrorWithCode } from "./failure";

export async function isPortFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => {
      if (isErrorWithCode(error, "EADDRINUSE", "EACCES")) resolve(false);
      else if (isErrorWithCode(error, "EAFNOSUPPORT", "EADDRNOTAVAIL")) resolve(true);
      else reject(error);
    });
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/**
 * Some port that nobody listens on, for tests. It is below those that a system gives to outgoing connections and to servers
 * that take any, so that nobody gets it by chance before its user listens, or while a process of a test is down.
 */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    if (await isPortFree(port, "127.0.0.1")) return port;
  }
}
