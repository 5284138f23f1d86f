import { randomUUID } from "node:crypto";
import type { ContainerClient } from "@azure/storage-blob";
import { afterAll, beforeEach } from "vitest";
import { takeAll } from "../../../lab/shared/take-all.ts";
import type { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import type { Holding } from "../../../src/locks/holding.ts";
import { LeaderElection, type LeaderElectionOptions } from "../../../src/recipes/election/leader-election.ts";
import { ReaderWriterLock } from "../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore, type SemaphoreOptions } from "../../../src/recipes/semaphore/semaphore.ts";
import type { LockerOptions } from "../../../src/waiting/locker-options.ts";
import { Storage } from "../../support/storage.ts";

export const storage = await Storage.start();
export const { proxy } = storage;
export const measured: string[] = [];

afterAll(async () => {
  console.info(["requests of recipes, counted at the HTTP level:", ...measured].join("\n  "));
  await storage[Symbol.asyncDispose]();
});

export let client: ContainerClient;
export let container: string;
export let key: string;
/** Two processes, as far as azmutex goes. */
export let here: AzureMutex;
export let there: AzureMutex;
let began: number;
beforeEach(async () => {
  began = performance.now();
  client = await storage.newContainer();
  container = client.containerName;
  key = randomUUID();
  here = storage.mutex(container, PATIENT);
  there = storage.mutex(container, PATIENT);
});

/** Another key than the one that every test gets. */
export function useKey(name: string): void {
  key = name;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** As long as the default lease allows: on a busy machine nothing is sent again while requests are counted. */
const PATIENT = { tryTimeoutMs: 7_000 };

export type Take = (mutex: AzureMutex) => Promise<Holding>;

export const leads =
  (options: LeaderElectionOptions = {}): Take =>
  (mutex) =>
    new LeaderElection(mutex, key, options).campaign();
export const permit =
  (options: Partial<SemaphoreOptions> = {}): Take =>
  (mutex) =>
    new Semaphore(mutex, key, { permits: 1, ...options }).acquire();
export const side =
  (name: "read" | "write", options: LockerOptions = {}): Take =>
  (mutex) =>
    new ReaderWriterLock(mutex, key, options)[name].lock();
export const several =
  (names: readonly string[], options: LockerOptions = {}): Take =>
  (mutex) =>
    takeAll(
      mutex,
      names.map((name) => `${key}-${name}`),
      options,
    );

/**
 * Runs what is to be measured, and gives the operations it sent: what goes on in the background belongs to what began
 * it.
 */
export async function requestsOf(name: string, run: () => Promise<unknown>): Promise<string> {
  proxy.forgetRequests();
  await run();
  await proxy.quiet();
  // A holder of the test before that did not give its lock back may renew it yet.
  const sent = proxy.requests.filter(({ path }) => path.includes(container)).map(({ operation }) => operation);
  // On a busy machine what is held meanwhile comes to be renewed, which it is after 5 s or more.
  const mayBeRenewed = performance.now() - began > 4_500;
  const operations = sent.filter((operation) => !(mayBeRenewed && operation === "renew")).join(" ");
  measured.push(`${name}: ${operations === "" ? 0 : operations.split(" ").length} (${operations || "none"})`);
  return operations;
}
export const fair = true;
export const fencing = false;
