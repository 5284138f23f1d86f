/**
 * A library's lock, as its documentation recommends it for work that takes long: renewed by itself, and saying so when
 * it is lost.
 */
export interface Peer {
  /**
   * Connects to the storage: a connection string for blobs, a port of this machine for Redis. Several may be made, each
   * with a connection of its own.
   */
  connect(address: string): PeerClient;
}

export interface PeerClient {
  /**
   * Waits for the lock, does the work under it and gives it back. Rejects as the library does; with `waitMs`, once the
   * lock was not to be had for so long.
   */
  hold(key: string, work: (held: Held) => Promise<void>, options?: HoldOptions): Promise<void>;
  /**
   * Has the library end the process in good order at SIGTERM, where it can: the signal tells the work to end. Undefined
   * where the library has nothing for signals.
   */
  releaseOnSignals?(): AbortSignal;
  /** Lets the process end though the connection is open, so that only the library's own timers keep it. */
  unref(): void;
  /** Ends the connection, whatever is under way on it. */
  close(): void;
}

export interface HoldOptions {
  /** How long to wait for the lock, in milliseconds. Default: 120,000. */
  readonly waitMs?: number;
  /** Given to the library where it takes one; see `CANCELS` of the column. */
  readonly signal?: AbortSignal | undefined;
}

export interface Held {
  /** What the library says, when asked, of whether the lock is still held. */
  isHeld(): boolean;
  /** Calls back when the library says by itself that the lock is lost. */
  onLost(listener: (reason: unknown) => void): void;
}

/** For how long every lock is good without renewal: 15 s is the shortest that Azure grants. */
export const LEASE_MS = 15_000;

export const WAIT_MS = 120_000;
