import { existsSync } from "node:fs";
import { PROJECT } from "../shared/project.ts";
import type { Room, Stage } from "./stage.ts";

/** A lock that is measured. */
export interface Contender {
  readonly name: string;
  /** Its adapter in `lab/shared/peers/`. */
  readonly module: string;
  /** Which of the adapter's variants. Default: the one that is called `peer`. */
  readonly variant?: string;
  readonly room: Room;
  /** As `package.json` of `lab/shared/peers/` has it; undefined for ours, and for what is written by hand. */
  readonly package?: string;
  readonly isOurs: boolean;
  /** How it is used, for the document. */
  readonly used: string;
}

export const OURS: Contender = {
  name: "azmutex",
  module: "azmutex",
  room: "blobs",
  isOurs: true,
  used: "`locker.run` with `leaseSeconds: 15`, every other option as it comes: with fencing tokens, waiters poll",
};
export const OURS_UNFENCED: Contender = {
  ...OURS,
  name: "azmutex, fencing: false",
  variant: "unfenced",
  used: "the same without fencing tokens",
};
export const OURS_FAIR: Contender = {
  ...OURS,
  name: "azmutex, fair: true",
  variant: "fair",
  used: "the same with the queue between processes",
};

/** The least that a user would write: acquire, and again in a second if the lease is held; release. */
export const SDK_LOOP: Contender = {
  name: "SDK by hand",
  module: "sdk-loop",
  room: "blobs",
  isOurs: false,
  used: "`acquireLease`, again after a second if another holds it, `releaseLease`; no renewal, no token",
};

/** What DistributedLock.Azure documents, as options of our polling. */
export const DISTRIBUTED_LOCK: Contender = {
  name: "DistributedLock's policy",
  module: "azmutex",
  variant: "distributedLock",
  room: "blobs",
  isOurs: false,
  used: "the waiting that DistributedLock.Azure documents, as options of azmutex",
};

export const REDIS_SEMAPHORE: Contender = {
  name: "redis-semaphore",
  module: "redis-semaphore",
  package: "redis-semaphore",
  room: "redis",
  isOurs: false,
  used: "`Mutex` with `lockTimeout: 15_000` and `onLockLost`",
};
export const REDLOCK_UNIVERSAL: Contender = {
  name: "redlock-universal",
  module: "redlock-universal",
  package: "redlock-universal",
  room: "redis",
  isOurs: false,
  used: "`createLock` with `ttl: 15_000`, and `using`",
};
export const SESAMECARE: Contender = {
  name: "sesamecare redlock",
  module: "sesamecare-redlock",
  package: "@sesamecare-oss/redlock",
  room: "redis",
  isOurs: false,
  used: "`using` for 15 s",
};
export const ETCD3: Contender = {
  name: "etcd3",
  module: "etcd3",
  package: "etcd3",
  room: "etcd",
  isOurs: false,
  used: "`client.lock(key).ttl(15).acquire()`, again when a watcher says that the key is gone, and `release()`",
};
/** The other thing in etcd3 that a lock can be made of: waiters in a queue. */
export const ETCD3_ELECTION: Contender = {
  ...ETCD3,
  name: "etcd3, election",
  variant: "election",
  used: "`client.election(key, 15).campaign()`, in which each waiter watches the one before, and `resign()`",
};

/** Why it cannot be measured on this machine, or undefined. */
export function missing({ package: name, room }: Contender, stage: Stage): string | undefined {
  const isInstalled = name === undefined || existsSync(new URL(`lab/shared/peers/node_modules/${name}/`, PROJECT));
  return isInstalled ? stage.missing(room) : `${name} could not be installed`;
}
