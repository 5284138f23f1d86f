import { ContainerClient } from "@azure/storage-blob";
import { localWakeUps, type MutexOptions } from "azmutex";
import type { Job } from "./messages.ts";

type WayIn = Pick<MutexOptions, "connectionString" | "containerName" | "containerClient" | "wakeUps">;

/**
 * How a worker reaches its locks, and hears of releases. Each has another proxy, and the address of the storage is part
 * of what wake-ups are about: those that are woken have clients that do not tell it.
 */
export function wayIn({ connectionString, containerName, wakeUps: directory }: Job): WayIn {
  if (directory === undefined) return { connectionString, containerName };
  const client = new ContainerClient(connectionString, containerName, { retryOptions: { maxTries: 1 } });
  const containerClient: WayIn["containerClient"] = {
    containerName,
    create: (options) => client.create(options),
    getBlockBlobClient: (name) => client.getBlockBlobClient(name),
    listBlobsFlat: (options) => client.listBlobsFlat(options),
  };
  return { containerClient, wakeUps: localWakeUps({ directory }) };
}
