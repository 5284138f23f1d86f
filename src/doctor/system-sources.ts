import { lookup } from "node:dns/promises";
import { BlobLeaseStore } from "../store/azure/blob-lease-store.ts";
import { isOfInstalledSdk } from "../store/azure/connect.ts";
import { installedVersion } from "../store/azure/installed-version.ts";
import type { LeaseStore } from "../store/lease-store.ts";
import { countsSuspend, type Sources, wallTime } from "../time/clock.ts";
import type { DoctorSources } from "./doctor.ts";

/** What a diagnosis learns from this machine. */
export function systemDoctorSources(sources: Sources, store: LeaseStore): DoctorSources {
  return {
    ...sources,
    wallTime,
    env: process.env,
    countsSuspend: countsSuspend(),
    lookup: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
    versionOf: installedVersion,
    isOneSdk: () => isOneSdk(store),
  };
}

async function isOneSdk(store: LeaseStore): Promise<boolean | undefined> {
  const client = await BlobLeaseStore.clientOf(store);
  return client && (await isOfInstalledSdk(client));
}
