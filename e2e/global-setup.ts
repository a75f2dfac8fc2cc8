import { startInstance } from "@/server/testing/instance";

/**
 * One instance of the whole product for all browser tests, gone afterwards. `E2E_DATA_DIR` names the data folder of one
 * that runs already, for those who write tests.
 */
export default async function globalSetup(): Promise<() => Promise<void>> {
  if (process.env["E2E_DATA_DIR"]) return async () => undefined;
  const instance = await startInstance();
  process.env["E2E_DATA_DIR"] = instance.dataDir;
  return async () => {
    const egress = instance.egress();
    const faults = instance.contractFaults();
    await instance.stop();
    // S36: nothing may have wanted to connect to where no setting points.
    if (egress !== "") throw new Error(`S36: connections that no setting names:\n${egress}`);
    if (faults.length > 0) throw new Error(`Not as the document of the API says:\n${faults.slice(0, 50).join("\n")}`);
  };
}
