import { emulatorConnectionString } from "../../../src/store/azure/connection-string.ts";
import { EMULATOR } from "../../../src/store/azure/endpoint.ts";

/** Accounts of Azurite beside the usual one: `devstoreaccount2` and so on. */
const OTHERS: readonly string[] = [2, 3, 4, 5].map((n) => EMULATOR.accountName.replace("1", String(n)));

/** What Azurite wants to be told in the environment variable of this name. All have the key that everybody knows. */
export const AZURITE_ACCOUNTS: string = [EMULATOR.accountName, ...OTHERS]
  .map((name) => `${name}:${EMULATOR.accountKey}`)
  .join(";");

/** The connection string of each account of the Azurite at this port, that of the usual one first. */
export function accountsAt(port: number): [string, ...string[]] {
  const usual = emulatorConnectionString(port);
  return [usual, ...OTHERS.map((name) => usual.replaceAll(EMULATOR.accountName, name))];
}
