/** At least one. */
export type Some<T> = readonly [T, ...T[]];

/**
 * What one process of the scale benchmark does. It is plain data, handed over in the environment: anybody may read
 * command lines.
 */
export interface ScaleOrder {
  /**
   * Where the locks are: in accounts of the emulator behind the proxy, by their connection strings, the same number in
   * each; or in this process's own memory behind a timer.
   */
  readonly store: { readonly accounts: Some<string> } | { readonly roundTripMs: number };
  readonly kind: "holds" | "bare" | "waits for one" | "waits for many";
  /** How many locks are held, or how many tasks wait. 0 is the process that does nothing. */
  readonly count: number;
  readonly leaseSeconds: number;
  /** For how long each lock of the warm-up is held, in milliseconds. */
  readonly warmUpMs: number;
  /** For how long, in milliseconds, once everything is held or waits. */
  readonly forMs: number;
}

/** What came of it. */
export interface ScaleOutcome {
  /** How long it took until everything was held or waited, in milliseconds. */
  readonly takingMs: number;
  /** Of the process, from then to the end. */
  readonly cpuMs: number;
  readonly elapsedMs: number;
  /**
   * What the process's memory shrank by when everything had been given back, in objects that are alive, those outside
   * of the heap included and compiled code not.
   */
  readonly heldBytes: number;
  /** All the memory that the process had, from outside. */
  readonly residentBytes: number;
  readonly lost: number;
  readonly lagMs: LagFigures;
  readonly renewals: number;
  /** The most renewals in any tenth of a second, and how many there are in one on average. */
  readonly mostAtOnce: number;
  readonly meanAtOnce: number;
  /** Requests a second, of whatever kind. */
  readonly requestsPerSecond: number;
  /** How many lines the mutex had for people: each is a renewal that failed, say. */
  readonly logged: number;
}

export interface LagFigures {
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}
