import { lookup } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { resolveFile } from "../runtime/packages.ts";
import { BlobLeaseStore } from "../store/azure/blob-lease-store.ts";
import { isOfInstalledSdk } from "../store/azure/connect.ts";
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

/** From the manifest of the package, which is above its main file. */
function installedVersion(name: string): string | undefined {
  try {
    for (let folder = dirname(resolveFile(name)); folder !== dirname(folder); folder = dirname(folder)) {
      const manifest = manifestIn(folder);
      if (manifest?.name === name) return manifest.version;
    }
  } catch {
    // It is not installed, or this is a bundle.
  }
  return undefined;
}

interface Manifest {
  readonly name?: string;
  readonly version?: string;
}

function manifestIn(folder: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  } catch {
    return undefined;
  }
}

async function isOneSdk(store: LeaseStore): Promise<boolean | undefined> {
  const client = await BlobLeaseStore.clientOf(store);
  return client && (await isOfInstalledSdk(client));
}
