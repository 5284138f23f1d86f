import { isMutexError } from "../../src/errors.ts";
import type { AcquiredLease } from "../../src/locks/acquired-lease.ts";
import type { AzureMutex } from "../../src/locks/azure-mutex.ts";
import type { Holding } from "../../src/locks/holding.ts";
import { currentLeaseId, type Lock } from "../../src/locks/lock.ts";
import { LeaderElection } from "../../src/recipes/election/leader-election.ts";
import { ReaderWriterLock } from "../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore } from "../../src/recipes/semaphore/semaphore.ts";
import { sleep, type Timer } from "../../src/time/clock.ts";
import type { LockerOptions } from "../../src/waiting/locker-options.ts";
import type { WaitOptions } from "../../src/waiting/wait-options.ts";
import type { Chance } from "../shared/chance.ts";
import { takeAll } from "../shared/take-all.ts";
import type { Machine } from "./machine.ts";
import type { Claim } from "./referee.ts";

/** What a task holds. */
export interface Taken {
  readonly holding: Pick<Holding, "isHeld" | "signal">;
  readonly claims: readonly Claim[];
  /** The lock itself, where there is one whose lease id can be handed to the SDK. */
  readonly lock?: Lock;
  /** Gives it back. Rejects as the library does. */
  end(): Promise<void>;
  /** Whether a release that fails is not told to its caller. */
  readonly isQuiet?: boolean;
}

export interface Ask extends WaitOptions {
  /** Only if it is free at this moment. */
  readonly isTry: boolean;
}

/** One task, with what it uses of the library. */
export interface Player {
  take(ask: Ask): Promise<Taken | undefined>;
}

/** What is played: which part of the library the tasks of all machines use. */
export interface Game {
  /** One more task of a machine. Those of one machine share a mutex; each has another one of its own. */
  player(machine: Machine, mutex: AzureMutex, chance: Chance, ownMutex: AzureMutex): Player;
  /** Whether there is room for all, always, so that no task waits for another. Default: there is not. */
  readonly hasRoom?: boolean;
}

export const GAMES = [
  "lock",
  "fair lock",
  "mixed lock",
  "semaphore",
  "readers and writers",
  "election",
  "several locks",
  "lock by hand",
] as const;
/** What is played where machines nap while much is held for long, and tasks come just after. */
export const NAP_GAMES = [
  "shared reading",
  "plenty of permits",
  "lock",
  "fair lock",
  "semaphore",
  "readers and writers",
  "election",
  "several locks",
] as const;
/** What is played where waiters are woken by messages. */
export const WOKEN_GAMES = [
  "lock",
  "fair lock",
  "fair lock",
  "semaphore",
  "election",
  "several locks",
  "mixed lock",
  "readers and writers",
] as const;
export type LockGameName = (typeof GAMES)[number] | (typeof NAP_GAMES)[number];
export type GameName = LockGameName | "once";

/** More permits than there are ever tasks. */
const PLENTY = 100;
export const KEY = "job";
const KEYS = ["alpha", "beta", "gamma"] as const;

/** The name of a blob that was ever leased and matches. */
type BlobNamed = (pattern: RegExp) => string;

export function gameOf(name: LockGameName, options: LockerOptions, chance: Chance, blobNamed: BlobNamed): Game {
  switch (name) {
    case "lock":
      return lockGame({ ...options, fair: false });
    case "fair lock":
      return lockGame({ ...options, fair: true });
    case "mixed lock": {
      // Against the rules of fairness, not of exclusion.
      const games = [lockGame({ ...options, fair: true }), lockGame({ ...options, fair: false })] as const;
      return { player: (machine, mutex, own, ownMutex) => own.oneOf(games).player(machine, mutex, own, ownMutex) };
    }
    case "shared reading":
      return { ...readersGame({ ...options, fair: chance.isOnce(0.5) }, 0), hasRoom: true };
    case "plenty of permits":
      return { ...semaphoreGame({ ...options, fair: false }, PLENTY, blobNamed), hasRoom: true };
    case "semaphore":
      return semaphoreGame({ ...options, fair: chance.isOnce(0.5) }, 1 + chance.upTo(3), blobNamed);
    case "readers and writers":
      return readersGame({ ...options, fair: chance.isOnce(0.5) });
    case "election":
      return electionGame({ ...options, fair: chance.isOnce(0.5) });
    case "several locks":
      return severalGame({ ...options, fair: chance.isOnce(0.5) });
    case "lock by hand":
      return handGame(options.leaseSeconds ?? 0);
  }
}

function lockGame(options: LockerOptions): Game {
  return {
    player(machine, mutex, chance) {
      const locker = mutex.locker(KEY, options);
      const taken = (lock: Lock, end: () => Promise<void>): Taken => ({
        holding: lock,
        lock,
        claims: [claimOf(lock, machine)],
        end,
      });
      return {
        async take({ isTry, ...wait }) {
          if (isTry) {
            const lock = await locker.tryLock();
            return lock && taken(lock, () => lock.release());
          }
          const way = chance.upTo(4);
          if (way === 0) return await runTaken(locker.run.bind(locker), wait, taken);
          const lock = await locker.lock(wait);
          if (way === 1) return taken(lock, () => locker.unlock());
          if (way === 2) return { ...taken(lock, () => lock[Symbol.asyncDispose]()), isQuiet: true };
          return taken(lock, () => lock.release());
        },
      };
    },
  };
}

/** Takes a lock by running work under it: the work ends when it is to be given back. */
async function runTaken(
  run: (work: (lock: Lock) => Promise<void>, wait: WaitOptions) => Promise<void>,
  wait: WaitOptions,
  taken: (lock: Lock, end: () => Promise<void>) => Taken,
): Promise<Taken> {
  return await new Promise((resolve, reject) => {
    const ran = run(
      (lock) =>
        new Promise<void>((finish) => {
          const end = (): Promise<void> => {
            finish();
            return ran;
          };
          resolve({ ...taken(lock, end), isQuiet: true });
        }),
      wait,
    );
    ran.catch(reject);
  });
}

export function claimOf(lock: Lock, machine: Machine): Claim {
  const { key, fencingToken } = lock;
  const leaseId = currentLeaseId(lock);
  return { group: key, limit: 1, weight: 1, held: lock, blob: key, leaseId, tokens: key, token: fencingToken, machine };
}

function semaphoreGame(options: LockerOptions, permits: number, blobNamed: BlobNamed): Game {
  return {
    player(machine, mutex) {
      const semaphore = new Semaphore(mutex, KEY, { ...options, permits });
      return {
        async take({ isTry, ...wait }) {
          const permit = isTry ? await semaphore.tryAcquire() : await semaphore.acquire(wait);
          if (!permit) return undefined;
          const slot = `slot ${permit.slot}`;
          const common = { weight: 1, held: permit, machine, blob: blobNamed(new RegExp(`/0*${permit.slot}$`)) };
          return {
            holding: permit,
            claims: [
              { ...common, group: "permits", limit: permits },
              { ...common, group: slot, limit: 1, tokens: slot, token: permit.fencingToken },
            ],
            end: () => permit.release(),
          };
        },
      };
    },
  };
}

/** Writers weigh as much as all readers there could be. */
const ALL = 1_000;

function readersGame(options: LockerOptions, writers = 0.35): Game {
  return {
    player(machine, mutex, chance) {
      const lock = new ReaderWriterLock(mutex, KEY, options);
      const common = { group: "readers and writers", limit: ALL, machine };
      return {
        async take({ isTry, ...wait }) {
          if (chance.isOnce(writers)) {
            const written = isTry ? await lock.write.tryLock() : await lock.write.lock(wait);
            if (!written) return undefined;
            const claims = [
              claimOf(written, machine),
              { ...common, weight: ALL, held: written, blob: KEY, leaseId: currentLeaseId(written) },
            ];
            return { holding: written, lock: written, claims, end: () => written.release() };
          }
          const read = isTry ? await lock.read.tryLock() : await lock.read.lock(wait);
          if (!read) return undefined;
          // The names of blobs say nothing here: whatever lease of its machine ends early may be the one.
          return { holding: read, claims: [{ ...common, weight: 1, held: read, blob: "" }], end: () => read.release() };
        },
      };
    },
  };
}

function electionGame(options: LockerOptions): Game {
  return {
    player(machine, mutex, chance) {
      const { fencing: _, ...rest } = options;
      const election = new LeaderElection(mutex, KEY, { ...rest, candidate: machine.name });
      return {
        async take({ isTry, timeoutMs, signal }) {
          if (chance.isOnce(0.3)) await election.leader();
          const leadership = await election.campaign(isTry ? { timeoutMs: 0 } : { timeoutMs, signal });
          const claim = {
            group: KEY,
            limit: 1,
            weight: 1,
            held: leadership,
            blob: KEY,
            tokens: KEY,
            token: leadership.term,
            machine,
          };
          return { holding: leadership, claims: [claim], end: () => leadership.resign() };
        },
      };
    },
  };
}

function severalGame(options: LockerOptions): Game {
  return {
    player(machine, mutex, chance) {
      return {
        async take({ isTry, timeoutMs, signal }) {
          const [first, second, third] = KEYS;
          const keys = chance.oneOf([
            [first],
            [second, first],
            [third, second],
            [third, first],
            [second, third, first],
          ]);
          const set = await takeAll(mutex, keys, { ...options, timeoutMs: isTry ? 0 : timeoutMs, signal });
          const claims = [...set.locks.values()].map((lock) => ({ ...claimOf(lock, machine), together: set }));
          return { holding: set, claims, end: () => set.release() };
        },
      };
    },
  };
}

const HAND_POLLS_EVERY_MS = 700;
const HAND_PATIENCE_MS = 20_000;
/** What `AzureMutex.acquire` keeps of a lease to itself. */
const HAND_MARGIN = 1 / 6;

/**
 * Takes, renews and gives back leases by key, as the Go library has it. What one object holds, it holds for all who ask
 * it.
 */
function handGame(leaseSeconds: number): Game {
  return {
    player(machine, _mutex, _chance, mutex) {
      const acquire = async ({
        isTry,
        timeoutMs = HAND_PATIENCE_MS,
        signal,
      }: Ask): Promise<AcquiredLease | undefined> => {
        const until = machine.now() + Math.min(timeoutMs, HAND_PATIENCE_MS);
        for (;;) {
          try {
            return await mutex.acquire(KEY, leaseSeconds, signal ? { signal } : {});
          } catch (error) {
            if (!isMutexError(error) || error.code !== "LEASE_ALREADY_PRESENT") throw error;
            if (isTry || machine.now() > until) return undefined;
          }
          await sleep(machine, HAND_POLLS_EVERY_MS, { signal });
        }
      };
      return {
        async take(ask) {
          const lease = await acquire(ask);
          if (!lease) return undefined;
          // The answer may have been read late.
          if (!lease.isHeld) {
            await lease.release();
            return undefined;
          }
          let timer: Timer | undefined;
          let renewing: Promise<unknown> = Promise.resolve();
          const planRenewal = (): void => {
            timer = machine.setTimer((leaseSeconds * 1_000) / 3, () => {
              planRenewal();
              renewing = Promise.allSettled([renewing, lease.renew()]);
            });
          };
          planRenewal();
          const goodForMs = leaseSeconds * 1_000 * (1 - HAND_MARGIN);
          return {
            holding: {
              // It has none: a task that renews by hand has to ask.
              signal: new AbortController().signal,
              get isHeld() {
                return lease.isHeld;
              },
            },
            claims: [
              { group: KEY, limit: 1, weight: 1, held: lease, blob: KEY, leaseId: lease.leaseId, machine, goodForMs },
            ],
            async end() {
              timer?.cancel();
              await renewing;
              await lease.release();
            },
          };
        },
      };
    },
  };
}
