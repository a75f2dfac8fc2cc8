import { revokeApiKey } from "@/server/auth/api-keys";
import { type Demo, loadSecrets, processEnvironment, readDemo, readSettings } from "@/server/boot/settings";
import { createServices, type Services } from "@/server/context";
import { readEnv } from "@/server/env";
import { createLog } from "@/server/observability/log";
import { asSystem } from "./builders";

export type InstanceServices = Services & { close(): Promise<void> };

/**
 * Everything that a use case needs, over the database of an instance that runs: for setting up what HTTP cannot, such as
 * another Partner and its keys, from a process that is not the instance's own. What it logs goes nowhere.
 */
export function instanceServices(instance: { url: string; dataDir: string }): InstanceServices {
  const settings = readSettings({
    PORT: new URL(instance.url).port,
    DATA_DIR: instance.dataDir,
    PUBLIC_URL: instance.url,
  });
  const services = createServices({
    env: readEnv(processEnvironment(settings, loadSecrets(settings.dataDir), {})),
    name: "set-up",
    log: createLog({ level: "silent", name: "set-up", destination: { write: () => undefined } }),
    connections: 2,
  });
  return {
    ...services,
    close: async () => {
      await Promise.all([services.db.close(), services.klarna.close()]);
    },
  };
}

/** What an instance says about itself. Throws when its data folder has no `demo.json`. */
export function demoOf(dataDir: string): Demo {
  const demo = readDemo(dataDir);
  if (!demo) throw new Error(`there is no demo.json in ${dataDir}`);
  return demo;
}

export async function revokeKey(services: Services, id: string): Promise<void> {
  await revokeApiKey(asSystem(services), id);
}
