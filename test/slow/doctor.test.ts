import { ContainerSASPermissions } from "@azure/storage-blob";
import { afterAll, describe, expect, it } from "vitest";
import type { Diagnosis } from "../../src/doctor/diagnosis.ts";
import { AZURITE_DEVIATIONS } from "../../src/testing/contract/azurite-deviations.ts";
import { ownTime } from "../support/own-time.ts";
import { Storage } from "../support/storage.ts";

const storage = await Storage.start();
afterAll(() => storage[Symbol.asyncDispose]());

/** What shows when leases have run out alone. */
const NEEDS_LONG = "renewWithForeignIdOnExpiredLease";
const LONGEST_OWN_MS = 15_000;
/** A machine that is busy answers late, and that is no finding about Azurite. */
const PATIENT = { tryTimeoutMs: 60_000 };

/** All findings but that this machine is busy. */
const findingsOf = ({ results }: Diagnosis): string[] =>
  results
    .filter(({ outcome, id }) => outcome === "finding" && id !== "event-loop")
    .map(({ id }) => id)
    .sort();

async function blobsIn(container: Awaited<ReturnType<Storage["newContainer"]>>): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of container.listBlobsFlat()) names.push(name);
  return names;
}

describe("a diagnosis of Azurite", () => {
  it("finds its known deviations and nothing else, in under 15 s, and leaves nothing", async () => {
    const container = await storage.newContainer();
    const began = ownTime.now();
    const diagnosis = await storage.mutex(container.containerName, PATIENT).diagnose();
    expect(ownTime.now() - began).toBeLessThan(LONGEST_OWN_MS);
    const known = Object.keys(AZURITE_DEVIATIONS).filter((name) => name !== NEEDS_LONG);
    expect(findingsOf(diagnosis)).toEqual(known.sort());
    expect(diagnosis).toMatchObject({ format: 1, verdict: "findings", left: [] });
    expect(diagnosis.facts).toMatchObject({ credential: "account key", accountKind: "StorageV2" });
    expect(await blobsIn(container)).toEqual([]);
  });

  it("finds with `long` also the deviation that shows when a lease has run out", async () => {
    const container = await storage.newContainer();
    const diagnosis = await storage.mutex(container.containerName, PATIENT).diagnose({ long: true });
    expect(findingsOf(diagnosis)).toEqual(Object.keys(AZURITE_DEVIATIONS).sort());
    expect(diagnosis.measures.leaseFreeAfterMs).toBeGreaterThan(14_900);
    expect(diagnosis.measures.brokenLeaseFreeAfterMs).toBeGreaterThan(14_900);
    expect(await blobsIn(container)).toEqual([]);
  });

  it("writes nothing with `readOnly`", async () => {
    const container = await storage.newContainer();
    storage.proxy.forgetRequests();
    const diagnosis = await storage.mutex(container.containerName, PATIENT).diagnose({ readOnly: true });
    expect(findingsOf(diagnosis)).toEqual([]);
    expect(diagnosis.verdict).toBe("sound");
    const methods = new Set(storage.proxy.requests.map(({ method }) => method));
    expect([...methods].sort()).toEqual(["GET", "HEAD"]);
  });

  it.concurrent.each([
    ["rwdl", []],
    ["rwl", ["right-delete"]],
    ["rwd", ["right-list"]],
    ["wdl", ["right-read"]],
    ["rl", ["right-delete", "right-write"]],
  ])("with a SAS of %s finds the rights that are missing", async (letters, missing) => {
    const container = await storage.newContainer();
    const sasUrl = await container.generateSasUrl({
      permissions: ContainerSASPermissions.parse(letters),
      expiresOn: new Date(Date.now() + 7 * 86_400_000),
    });
    const diagnosis = await storage
      .mutex("", { sasUrl, connectionString: undefined, containerName: undefined, ...PATIENT })
      .diagnose();
    expect(findingsOf(diagnosis).filter((id) => id.startsWith("right-"))).toEqual(missing);
    expect(diagnosis.facts.sasPermissions?.split("").sort()).toEqual(letters.split("").sort());
    expect(await blobsIn(container)).toEqual(diagnosis.left);
    expect(JSON.stringify(diagnosis)).not.toContain("sig=");
  });

  it.concurrent("that is stopped leaves nothing either", async () => {
    const container = await storage.newContainer();
    const stop = new AbortController();
    const running = storage.mutex(container.containerName, PATIENT).diagnose({
      signal: stop.signal,
      onProgress: ({ check }) => check === "speed" && stop.abort(new Error("enough")),
    });
    await expect(running).rejects.toThrow("enough");
    expect(await blobsIn(container)).toEqual([]);
  });

  it.concurrent("deletes what an earlier run left that was killed", async () => {
    const container = await storage.newContainer();
    const left = ".azmutex/doctor/00000000-0000-4000-8000-000000000000/speed";
    await container.getBlockBlobClient(left).upload("", 0);
    await storage.mutex(container.containerName, PATIENT).diagnose();
    // It is not old enough yet: another run may be at work.
    expect(await blobsIn(container)).toEqual([left]);
  });
});
