import { execFile } from "node:child_process";
import { ContainerClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { FINDINGS } from "../../src/doctor/findings/all.ts";
import { startEmulator } from "../../src/testing/emulator.ts";

/** The Azure CLI: `pip install azure-cli` into an environment of its own, and `AZ=<its bin/az>`. */
const AZ = process.env.AZ ?? "az";
const NO_AZ = "the Azure CLI is not installed: pip install azure-cli, and name it in AZ";
/** Azure's own management, which no emulator answers. */
const MANAGEMENT = /^az storage account /;

const emulator = await startEmulator();
afterAll(() => emulator.close());

/** The commands that findings recommend, each once. */
const COMMANDS = [
  ...new Set(
    Object.values(FINDINGS).flatMap(({ advice }) =>
      [...advice.matchAll(/\baz storage [a-z -]*--.*$/g)].map(([one]) => one),
    ),
  ),
];

/** Beside the emulator, which is in this process. */
function az(args: readonly string[]): Promise<{ readonly code: unknown; readonly said: string }> {
  const own = { AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString, AZURE_CORE_COLLECT_TELEMETRY: "0" };
  return new Promise((resolve) =>
    execFile(AZ, args, { env: { ...process.env, ...own } }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, said: `${stdout}${stderr}` }),
    ),
  );
}

describe("the commands of az that the doctor recommends", () => {
  beforeEach(async ({ skip }) => skip((await az(["version"])).code !== 0, NO_AZ));

  it("are a few", () => {
    expect(COMMANDS.length).toBeGreaterThanOrEqual(3);
  });

  it.each(COMMANDS)("%s: az has it, with these options", async (command) => {
    const [, ...words] = command.split(" ");
    const first = words.findIndex((word) => word.startsWith("--"));
    const { code, said } = await az([...words.slice(0, first), "--help"]);
    expect(code).toBe(0);
    for (const option of words.filter((word) => word.startsWith("--")))
      expect(said).toMatch(new RegExp(`${option}\\b`));
  });

  it.each(COMMANDS.filter((command) => !MANAGEMENT.test(command)))("%s: it runs", async (command) => {
    const [, ...words] = command.split(" ");
    const { code, said } = await az(words);
    expect([code, said]).toEqual([0, expect.stringContaining('"created": true')]);
    const credential = new StorageSharedKeyCredential(emulator.accountName, emulator.accountKey);
    expect(await new ContainerClient(`${emulator.url}/locks`, credential).exists()).toBe(true);
  });
});
