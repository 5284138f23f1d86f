import { randomUUID } from "node:crypto";
import { startEmulator } from "azmutex/testing";
import type { LockAddress } from "./messages.ts";
import { PLAN } from "./plan.ts";

/** Where the lock lives. */
export interface Place {
  /** Completes "The lock is …". */
  description: string;
  lock: LockAddress;
  /** How long a run may take there. */
  limitMs: number;
  /** What the user may want to know when all is over. */
  farewell: string | undefined;
  close(): Promise<void>;
}

const CONTAINER = "azmutex-demo";

/** The account of `AZURE_STORAGE_CONNECTION_STRING`, or else an emulator of our own. */
export async function openPlace(connectionString = process.env.AZURE_STORAGE_CONNECTION_STRING): Promise<Place> {
  // A key of its own for each run, so that two people can try the demo on one account at the same time.
  const key = `demo-${new Date().toISOString().slice(0, 19).replaceAll(":", ".")}-${randomUUID().slice(0, 8)}`;
  if (connectionString) {
    return {
      description: `in the account of AZURE_STORAGE_CONNECTION_STRING: container ${CONTAINER}, blob ${key}`,
      lock: { connectionString, containerName: CONTAINER, key },
      limitMs: PLAN.limitMs.account,
      farewell:
        `The container ${CONTAINER} stays in your account. To delete it:\n` +
        `  az storage container delete --name ${CONTAINER} --connection-string "$AZURE_STORAGE_CONNECTION_STRING"`,
      close: async () => {},
    };
  }
  const emulator = await startEmulator();
  return {
    description: "in a local emulator (Azurite)",
    lock: { connectionString: emulator.connectionString, containerName: CONTAINER, key },
    limitMs: PLAN.limitMs.emulator,
    farewell: undefined,
    close: () => emulator.close(),
  };
}
