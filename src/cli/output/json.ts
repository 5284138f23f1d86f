import type { LockChangeKind } from "../../status/lock-changes.ts";
import { terminal } from "../terminal/terminal.ts";

/** A process, in everything that `--json` prints. */
export interface HolderJson {
  /** What it calls itself: `host:pid`, unless it was given a name. */
  readonly name: string;
  readonly host: string;
  readonly pid: number;
}

/** A process that waits, of those with `--fair`. */
export interface WaitingJson {
  readonly holder: HolderJson;
  /** When it came, by the service's clock. ISO 8601, as every date here. */
  readonly since: string;
}

/** Where the locks are, in everything that is printed of a lock or an office. */
export interface PlaceJson {
  /** The account's name; outside Azure's public cloud its host, as in `127.0.0.1:10000/devstoreaccount1`. */
  readonly account: string;
  readonly container: string;
}

/** `azmutex status --json` prints one, `azmutex ls --json` an array of them. */
export interface StatusJson extends PlaceJson {
  readonly key: string;
  /** Whether the lock is held at this moment. A breaking lease still is held. */
  readonly isHeld: boolean;
  /** The state of the lease; `missing`: there is no such blob. */
  readonly state: "available" | "leased" | "expired" | "breaking" | "broken" | "missing";
  /** True if the container does not exist. Left out otherwise. */
  readonly isContainerMissing?: true;
  /** Whether the lease is infinite. */
  readonly infinite: boolean;
  /** The last holder that left a record: the present one, unless that leaves none or the lease is infinite. */
  readonly holder?: HolderJson;
  /** What that holder held the lock for. */
  readonly purpose?: string;
  /** The length of its lease, in seconds. Only its holder knows how much of it is left. */
  readonly leaseSeconds?: number;
  /** When its record was written, by the service's clock. */
  readonly recordedAt?: string;
  /** No fencing token up to now is higher than this. */
  readonly highestToken?: number;
  /** Whether that holder queues with `--fair`. Left out where an earlier version wrote the record. */
  readonly fair?: boolean;
  /** What the key is used as, as its blob says. Left out where no user has written it. */
  readonly kind?: string;
  /**
   * The kinds, if there is more than one: their users do not exclude each other. Left out where the key is used in one
   * way.
   */
  readonly mixedKinds?: readonly string[];
  /** True if some of its users queue with `--fair` and others do not. Left out otherwise. */
  readonly isFairMixed?: true;
  /** Who waits for the lock with `--fair`, first come first. Left out where the credentials do not allow to list. */
  readonly waiting?: readonly WaitingJson[];
  /** Left out if the key is no semaphore. */
  readonly semaphore?: SemaphoreJson;
  /** The processes that read. Left out if there are none. */
  readonly readers?: readonly ReaderJson[];
  /** The last slot of a job that runs once for each. Left out if there is none. */
  readonly once?: OnceJson;
}

/** `azmutex once --json` prints one, with the key. */
export interface OnceJson {
  /** A date in ISO 8601, a number, or a string. */
  readonly slot: string | number;
  readonly state: "started" | "done" | "failed" | "crashed";
  /** How often it was begun. */
  readonly attempt: number;
  /** The holder of the lock that wrote this, and its fencing token. */
  readonly by: string;
  readonly token: number;
  readonly startedAt: string;
  /** Left out while the state is `started`. */
  readonly endedAt?: string;
  /** The last slot that is done. Left out if none is. */
  readonly lastDone?: string | number;
}

export interface SemaphoreJson {
  /** How many permits there are. */
  readonly permits: number;
  /** Those that are held. */
  readonly held: readonly PermitJson[];
  /** Who waits for a permit with `--fair`, first come first. Left out, as the next one, if it was never used. */
  readonly waiting?: readonly WaitingJson[];
  /** Whether one process more, before all of `waiting`, waits for a permit or just takes one. It leaves no name. */
  readonly isGateTaken?: boolean;
}

export interface PermitJson {
  /** Which of the permits it is, from 0: the number for `azmutex break --permit`. */
  readonly slot: number;
  readonly state: Exclude<StatusJson["state"], "missing">;
  /** As those of a lock. */
  readonly holder?: HolderJson;
  readonly purpose?: string;
  readonly leaseSeconds?: number;
  readonly recordedAt?: string;
  readonly highestToken?: number;
  readonly fair?: boolean;
}

export interface ReaderJson {
  readonly state: Exclude<StatusJson["state"], "missing">;
  readonly holder: HolderJson;
}

/** `azmutex watch --json` prints one on each line: first every lock as it is, then one for each change. */
export interface WatchJson extends StatusJson {
  /** When it was seen, by the clock of the machine that watches. */
  readonly at: string;
  /**
   * What is new. The rest says how the lock is after all changes that were seen at once; `missing` if it is not listed
   * any more.
   */
  readonly event: LockChangeKind;
}

/** `azmutex break --json` prints one. */
export interface BreakJson extends PlaceJson {
  readonly key: string;
  /** `heldByAnother`: another holder than `--if-holder` has it, and nothing was changed; the exit code is 75. */
  readonly outcome: "broken" | "notHeld" | "heldByAnother";
  /** True if the container does not exist: it is not held. Left out otherwise. */
  readonly isContainerMissing?: true;
  /** In how many seconds another can have it. Only of what was broken. */
  readonly freeInSeconds?: number;
  /** The holder that it stopped, or that has it, as far as the record tells. */
  readonly holder?: HolderJson;
}

/** `azmutex hold` prints one, on one line, when it has the lock. */
export interface HoldJson extends PlaceJson {
  readonly key: string;
  /**
   * The fencing token: higher than that of every holder before. With `--read` that of the last writer, if there was
   * one.
   */
  readonly token?: number;
  /** The lease on the blob of that name, for Azure's own checks. Not with `--read` and `--semaphore`. */
  readonly leaseId?: string;
  /** With `--semaphore`: which permit, from 0. */
  readonly slot?: number;
}

/** `azmutex leader --json` prints one. */
export interface LeaderJson extends PlaceJson {
  readonly name: string;
  /** True if the container does not exist: there is no leader. Left out otherwise. */
  readonly isContainerMissing?: true;
  /** Null if there is no leader. */
  readonly leader: LeadershipJson | null;
}

export interface LeadershipJson {
  /** The fencing token of its leadership: higher than that of every leader before. */
  readonly term: number;
  readonly candidate: string;
  readonly holder: HolderJson;
  /** Since when it leads, by the service's clock. */
  readonly since: string;
  /** The data that it publishes. */
  readonly data?: string;
}

/**
 * `azmutex leader --watch --json` prints one on each line: first the present leader, then each change of it or its
 * data.
 */
export interface LeaderWatchJson extends LeaderJson {
  /** When it was seen, by the clock of the machine that watches. */
  readonly at: string;
}

/** Beside those that JSON escapes itself: what a terminal would take for orders, or would not show. */
const ESCAPED_IN_JSON = /[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu;

/** One answer, for reading. */
export function printJson(facts: object): void {
  terminal.print(`${toPrintableJson(facts, 2)}\n`);
}

/** One of many answers, on a line of its own. */
export function printJsonLine(facts: object): void {
  terminal.print(`${toPrintableJson(facts)}\n`);
}

export function toPrintableJson(facts: object, indent?: number): string {
  return JSON.stringify(facts, undefined, indent).replace(ESCAPED_IN_JSON, (char) =>
    [...Array(char.length).keys()]
      .map((index) => `\\u${char.charCodeAt(index).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}
