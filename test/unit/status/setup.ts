import type { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import { ReaderWriterLock } from "../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore, type SemaphoreOptions } from "../../../src/recipes/semaphore/semaphore.ts";
import type { LockStatus } from "../../../src/status/lock-status.ts";
import type { Metadata } from "../../../src/store/lease-store.ts";
import type { LockerOptions } from "../../../src/waiting/locker-options.ts";
import { World } from "../../support/world.ts";

export function setup() {
  const world = new World();
  const onlooker = world.process();
  const permit = (key: string, options: Partial<SemaphoreOptions> = {}, mutex: AzureMutex = world.process().mutex) =>
    world.until(new Semaphore(mutex, key, { permits: 3, ...options }).acquire());
  const read = (key: string, options: LockerOptions = {}, mutex: AzureMutex = world.process().mutex) =>
    world.until(new ReaderWriterLock(mutex, key, options).read.lock());
  const list = async (prefix?: string): Promise<LockStatus[]> => {
    const found: LockStatus[] = [];
    for await (const status of onlooker.mutex.list(prefix === undefined ? {} : { prefix })) found.push(status);
    return found;
  };
  const lease = async (name: string, metadata: Metadata) => {
    await world.memory.create(name, metadata);
    await world.memory.acquire(name, world.newId(), 60);
  };
  /** A key is used as one thing, until its blob is deleted. */
  const forget = (key: string) => world.memory.remove(key);
  const operations = () => onlooker.store.calls.map(({ operation }) => operation);
  return { world, clock: world.clock, onlooker, mutex: onlooker.mutex, permit, read, list, lease, forget, operations };
}

export const names = (all: readonly { holder?: { name: string } }[] | undefined) =>
  all?.map(({ holder }) => holder?.name);
