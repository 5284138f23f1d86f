import type { MutexContext } from "../../lease/mutex-context.ts";
import type { StandingLease } from "../../lease/standing-lease.ts";
import type { StandingListener } from "../../lease/standing-leases.ts";
import { systemSources } from "../../time/clock.ts";
import { inRootContext } from "../../time/root-context.ts";
import type { ProcessIdentity } from "../process-identity.ts";
import { LifeSocket } from "./life-socket.ts";
import { StateFile, stateName } from "./state-file.ts";

/** How often to look whether this process still listens at its socket, in milliseconds. */
const CHECK_SOCKET_EVERY_MS = 1_000;
/** The file is made anew when it has so many lines that say nothing any more. */
const MOST_OLD_LINES = 1_000;

export interface OwnStateOptions {
  readonly mutex: Pick<MutexContext, "standing" | "address" | "clock" | "log">;
  readonly directory: string;
  readonly here: ProcessIdentity;
}

/**
 * What one mutex of this process has and may have, in its state file. The file and a socket are there while any lease
 * stands. What changes in one turn of the event loop is written once, and at once: in a local file system that takes
 * less than to wait for a thread.
 */
export class OwnState implements StandingListener {
  readonly #options: OwnStateOptions;
  readonly #name: string;
  /** The ids that the file has, or has with the next write. */
  readonly #known: Set<string> = new Set();
  /** What the next write adds, by id. */
  readonly #fresh: Map<string, StandingLease> = new Map();
  /** The ids that the next write takes back. */
  readonly #gone: Set<string> = new Set();
  #next: Promise<void> | undefined;
  #socket: LifeSocket | undefined;
  #file: StateFile | undefined;
  #oldLines = 0;
  #isFailing = false;

  constructor(options: OwnStateOptions) {
    this.#options = options;
    const { mutex, here } = options;
    this.#name = stateName(here.pid, systemSources.newId());
    mutex.standing.onChange(this);
    for (const lease of mutex.standing) this.onStanding(lease);
  }

  /** @inheritDoc */
  onStanding(lease: StandingLease): void {
    const { leaseId } = lease;
    // From the acquisition to the holder it goes within a turn.
    this.#gone.delete(leaseId);
    if (this.#known.has(leaseId)) return;
    this.#known.add(leaseId);
    this.#fresh.set(leaseId, lease);
    void this.#update();
  }

  /** It is written down with the next acquire, or when nothing stands. @inheritDoc */
  onGone({ leaseId }: StandingLease): void {
    if (this.#known.has(leaseId)) this.#gone.add(leaseId);
    if (this.#stands) return;
    this.#options.mutex.clock.nextTurn(() => {
      if (!this.#stands) void this.#update();
    });
  }

  /** Waits until the file has all leases of the blob. Undefined if it has. Never rejects. */
  has(blob: string): Promise<void> | undefined {
    for (const { name } of this.#fresh.values()) if (name === blob) return this.#next;
    return undefined;
  }

  get #stands(): boolean {
    for (const _ of this.#options.mutex.standing) return true;
    return false;
  }

  /** Brings the file in line with what stands. Never rejects. */
  #update(): Promise<void> {
    this.#next ??= inRootContext(() => this.#updateOnce());
    return this.#next;
  }

  async #updateOnce(): Promise<void> {
    try {
      if (this.#socket?.isOpen === false) this.#delete();
      if (this.#stands) this.#socket ??= await this.#listen();
      // What else changes in this turn is written, too.
      await undefined;
      if (this.#stands) this.#write();
      else this.#delete();
      this.#isFailing = false;
    } catch (error) {
      // No lock is lost for it: those that come after this process wait for its leases.
      if (!this.#isFailing) this.#options.mutex.log(`the state file could not be written: ${String(error)}`);
      this.#isFailing = true;
      this.#delete();
    }
    this.#fresh.clear();
    this.#next = undefined;
  }

  #write(): void {
    this.#oldLines += 2 * this.#gone.size;
    for (const leaseId of this.#gone) this.#known.delete(leaseId);
    const file = this.#file;
    if (!file || this.#oldLines > MOST_OLD_LINES) {
      this.#file = this.#newFile();
      file?.close();
    } else file.append(this.#fresh.values(), this.#gone);
    this.#gone.clear();
  }

  #newFile(): StateFile {
    const { directory, here, mutex } = this.#options;
    const leases = [...mutex.standing];
    this.#oldLines = 0;
    this.#known.clear();
    for (const { leaseId } of leases) this.#known.add(leaseId);
    const owner = { process: here, socket: this.#socket?.file, address: mutex.address?.name };
    return new StateFile(directory, `${this.#name}.state`, owner, leases);
  }

  async #listen(): Promise<LifeSocket> {
    const socket = await LifeSocket.listen(this.#options.directory, `${this.#name}.sock`);
    this.#checkLater();
    return socket;
  }

  /** First the file: without its socket it tells less. */
  #delete(): void {
    this.#file?.delete();
    this.#file = undefined;
    this.#known.clear();
    this.#gone.clear();
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** Without its socket this process would look dead from other containers. */
  #checkLater(): void {
    const check = (): void => {
      if (this.#socket?.isOpen) this.#checkLater();
      else if (this.#socket) {
        this.#delete();
        void this.#update();
      }
    };
    inRootContext(() => this.#options.mutex.clock.setTimer(CHECK_SOCKET_EVERY_MS, check));
  }
}
