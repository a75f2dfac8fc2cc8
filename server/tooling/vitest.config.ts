import { availableParallelism } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const exclude = ["**/node_modules/**", ".data/**", ".next/**", "e2e/**"];
// Nothing that runs in a test may connect to anywhere but this machine, or say what the API's document does not.
const setupFiles = ["server/testing/egress.ts", "server/testing/contract-watch.ts"];
const shared = { root, environment: "node" as const, exclude, setupFiles };

export default defineConfig({
  root,
  resolve: { alias: { "@": root, "server-only": path.join(root, "server/tooling/empty.ts") } },
  test: {
    env: { TZ: "UTC", TILLGATE_ENV: "demo" },
    // Tests with a database wait more than they compute: even on two processors two files at a time are quicker.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // What is waited for comes when the machine gets to it. A limit only ends a test that hangs: what a case demands of time
    // is asserted by the test itself.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 30_000 } },
    projects: [
      {
        extends: true,
        test: {
          ...shared,
          name: "unit",
          include: ["**/*.test.{ts,tsx}"],
          exclude: [...exclude, "**/*.int.test.ts", "**/*.load.test.ts"],
        },
      },
      {
        extends: true,
        test: {
          ...shared,
          name: "int",
          include: ["**/*.int.test.ts"],
          globalSetup: ["server/testing/global-setup.ts"],
        },
      },
      {
        extends: true,
        test: {
          ...shared,
          // What measures shares under load runs by itself, one file after the other.
          name: "load",
          include: ["**/*.load.test.ts"],
          globalSetup: ["server/testing/global-setup.ts"],
        },
      },
    ],
  },
});
