import type { World } from "./world.ts";

/** The blob of a key as an earlier version of azmutex leaves it: with its record, and without the kind. */
export async function withoutKind({ memory }: World, key: string, leaseId?: string): Promise<void> {
  const found = await memory.read(key);
  if (found.kind === "missing") throw new Error(`there is no blob of ${key}`);
  const { azmutex_kind: _, ...metadata } = found.blob.metadata;
  const written = await memory.putBlob(key, { metadata, ...(leaseId !== undefined && { leaseId }) });
  if (written.kind !== "written") throw new Error(`the blob of ${key} could not be written`);
}
