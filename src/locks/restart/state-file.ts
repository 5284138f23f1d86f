import { closeSync, constants, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { StandingLease } from "../../lease/standing-lease.ts";
import type { ProcessIdentity } from "../process-identity.ts";
import type { SocketFile } from "./life-socket.ts";

const FILE_VERSION = 1;
/** What is larger was written by no azmutex. */
const MOST_BYTES = 64 * 1_024 * 1_024;
/** What a process may leave in the directory: its state, its socket, and either of them half made. */
const LEFT_BEHIND = /^azmutex-\d+-[0-9a-f]{8}\.(state|state\.new|sock|sock\.new)$/;
/** The command's note of a job that may outlive the process. */
const JOB_NOTE = /^(azmutex-\d+-)[0-9a-f]{8}\.job$/;

/** What a state file says first. No part of it is secret. */
export interface StateOwner {
  readonly process: ProcessIdentity;
  readonly socket: SocketFile | undefined;
  /** Account and container. Undefined of a store that has no address. */
  readonly address: string | undefined;
}

/** What a process has, and may have, for those that come after it. */
export interface StateRecord extends StateOwner {
  readonly leases: readonly StandingLease[];
}

/** The name of the files of a process in the state directory, without their endings. */
export function stateName(pid: number, id: string): string {
  return `azmutex-${pid}-${id.slice(0, 8)}`;
}

/** Whether a process left it behind, by its name. */
export function kindOfFile(name: string): string | undefined {
  return LEFT_BEHIND.exec(name)?.[1];
}

/** Whether a job of the process that wrote the state file may work on, as another of these files says. */
export function hasJob(stateFile: string, names: readonly string[]): boolean {
  return names.some((name) => {
    const [, owner] = JOB_NOTE.exec(name) ?? [];
    return owner !== undefined && stateFile.startsWith(owner);
  });
}

/** The name of the socket beside a state file. */
export function socketOf(stateFile: string): string {
  return stateFile.replace(/state$/, "sock");
}

/**
 * A state file of this process: a line of JSON that says whose it is, one for each lease that it has, and one for each
 * that it has no more. To append a line takes a hundredth of what a new file does.
 */
export class StateFile {
  readonly #path: string;
  readonly #descriptor: number;

  /** Makes the file, as a whole. */
  constructor(directory: string, name: string, owner: StateOwner, leases: readonly StandingLease[]) {
    this.#path = join(directory, name);
    const half = `${this.#path}.new`;
    this.#descriptor = openSync(half, "a", 0o600);
    try {
      this.#write([{ version: FILE_VERSION, ...owner }]);
      this.append(leases, []);
      renameSync(half, this.#path);
    } catch (error) {
      closeSync(this.#descriptor);
      throw error;
    }
  }

  /** These leases stand, and those, by their ids, are gone. */
  append(standing: Iterable<StandingLease>, gone: Iterable<string>): void {
    this.#write([...Array.from(standing, ({ name, leaseId }) => [leaseId, name]), ...Array.from(gone, (id) => [id])]);
  }

  /** Another file has taken its place. */
  close(): void {
    closeSync(this.#descriptor);
  }

  /** Throws nothing. */
  delete(): void {
    closeSync(this.#descriptor);
    try {
      rmSync(this.#path, { force: true });
    } catch {
      // It names leases that this process has no more: to release them does no harm.
    }
  }

  #write(lines: readonly unknown[]): void {
    if (lines.length > 0) writeSync(this.#descriptor, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  }
}

/**
 * What a process has written. Undefined for what is no file of this user's, has another form or a later version, or
 * cannot be read.
 */
export async function readState(directory: string, name: string): Promise<StateRecord | undefined> {
  try {
    const file = await open(join(directory, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stats = await file.stat();
      if (!stats.isFile() || stats.size > MOST_BYTES || stats.uid !== process.geteuid?.()) return undefined;
      // What follows the last end of a line was not written as a whole.
      const [first = "", ...lines] = (await file.readFile("utf8")).split("\n").slice(0, -1);
      const owner = ownerIn(JSON.parse(first));
      return owner && { ...owner, leases: leasesIn(lines) };
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

function ownerIn(found: unknown): StateOwner | undefined {
  const { version, process: writer, socket, address } = Object(found);
  const { host, bootId, namespaces, pid, startedAt } = Object(writer);
  const isRight =
    version === FILE_VERSION &&
    isText(host) &&
    isText(bootId) &&
    isText(namespaces) &&
    isCount(pid) &&
    isCount(startedAt) &&
    (socket === undefined || (isText(socket.name) && !socket.name.includes("/") && isText(socket.inode))) &&
    (address === undefined || isText(address));
  if (!isRight) return undefined;
  return {
    process: { host, bootId, namespaces, pid, startedAt },
    socket: socket && { name: socket.name, inode: socket.inode },
    address,
  };
}

/** Throws for a line of another form. */
function leasesIn(lines: readonly string[]): readonly StandingLease[] {
  const names = new Map<string, string>();
  for (const line of lines) {
    const [leaseId, name, ...others] = JSON.parse(line);
    if (!isText(leaseId) || others.length > 0) throw new TypeError("no lease");
    if (name === undefined) names.delete(leaseId);
    else if (isText(name)) names.set(leaseId, name);
    else throw new TypeError("no name");
  }
  return Array.from(names, ([leaseId, name]) => ({ name, leaseId }));
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0;
