import { type ChildProcess, spawn } from "node:child_process";
import { findFreePort } from "@/server/boot/ports";
import type { Services } from "@/server/context";
import { childSettings } from "./child-settings";
import { until } from "./shop";

export type GatewayChild = {
  /** The process itself: for signals and its end. */
  process: ChildProcess;
  /** Without a path. */
  url: string;
  /** Everything that it wrote to its standard error. */
  complaints(): string;
};

/**
 * The front door as its own process, on a free port, over the database and the simulator of a test; answers once it is
 * healthy. `environment` adds to its settings. Who starts it ends it: `process.kill("SIGKILL")`.
 */
export async function startGatewayChild(
  { env }: Pick<Services, "env">,
  environment: Readonly<Record<string, string>> = {},
): Promise<GatewayChild> {
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    process.execPath,
    ["--import", "./server/boot/egress.mjs", "--import", "tsx", "server/gateway/main.ts"],
    {
      env: {
        ...process.env,
        TILLGATE_EGRESS: "refuse",
        PORT: String(port),
        HOST: "127.0.0.1",
        KLARNA_TEST_BASE_URL: env.KLARNA_TEST_BASE_URL,
        KLARNA_TEST_API_KEY: env.KLARNA_TEST_API_KEY,
        ...childSettings(env),
        ...environment,
      },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  let complaints = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    complaints += chunk.toString("utf8");
  });
  try {
    await until("the front door", 60_000, () =>
      fetch(`${url}/api/health`).then(
        ({ status }) => status === 200,
        () => false,
      ),
    );
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  return { process: child, url, complaints: () => complaints };
}
