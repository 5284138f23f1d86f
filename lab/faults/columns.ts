import { BLOBS, REDIS, type StorageRoom } from "../shared/storage/storage.ts";

/** A library in the matrix. */
export interface Column {
  readonly name: string;
  /** As `package.json` of peers has it; undefined for our own. */
  readonly package: string | undefined;
  /** The adapter's module in `lab/shared/peers/`; "go" for the program of the interop suite. */
  readonly module: string;
  readonly room: StorageRoom;
  /** How long the lock is good without renewal, in milliseconds. */
  readonly leaseMs: number;
  /** The longest pause between two of its questions while it waits for the lock, in milliseconds. */
  readonly asksEveryMs: number;
  /** Rows that cannot be asked of it, by id, and why. */
  readonly notFor: Readonly<Record<string, string>>;
  /** How it is used, for the document. */
  readonly used: string;
}

const LEASE_MS = 15_000;
const NO_BREAK = { broken: "there is no such way" };
const NO_SIGNAL = { "cancelled-waiting": "takes no signal", "cancelled-asking": "takes no signal" };
const NO_HTTP = { "gateway-once": "speaks no HTTP", "gateway-always": "speaks no HTTP" };
const noTokens = (reason: string) => ({ "tokens-busy": reason, "tokens-down": reason, "tokens-silent": reason });
const NO_SIGNALS = { "signal-beside": "handles no signals" };
const NO_COMMAND = { "command-told-to-end": "has no command", "command-killed": "has no command" };
/** What none of the libraries for Redis has. */
const NOT_IN_REDIS = { ...NO_BREAK, ...NO_HTTP, ...noTokens("uses no tokens"), ...NO_SIGNALS, ...NO_COMMAND };
const NO_CALLBACK = "takes no work: the caller unlocks";
const NO_SLEEP = "a Go program reads the clocks in a way of its own";

export const COLUMNS: readonly Column[] = [
  {
    name: "azmutex",
    package: undefined,
    module: "azmutex",
    room: BLOBS,
    leaseMs: LEASE_MS,
    asksEveryMs: 850,
    notFor: {},
    used:
      "`locker.run`, `leaseSeconds: 15`, every other option as it comes: it renews every 5 s and gives the " +
      "lock up 2.5 s before the lease ends",
  },
  {
    name: "redis-semaphore",
    package: "redis-semaphore",
    module: "redis-semaphore",
    room: REDIS,
    leaseMs: LEASE_MS,
    asksEveryMs: 10,
    notFor: NOT_IN_REDIS,
    used:
      "`Mutex` with `lockTimeout: 15_000` and `onLockLost`, as in its “Example with lost lock handling”; it " +
      "renews every 12 s, its default",
  },
  {
    name: "redlock-universal",
    package: "redlock-universal",
    module: "redlock-universal",
    room: REDIS,
    leaseMs: LEASE_MS,
    asksEveryMs: 100,
    notFor: { ...NOT_IN_REDIS, ...NO_SIGNAL },
    used:
      "`createLock` with `ttl: 15_000` and `using`, which it recommends; it renews after 12 s, its default, " +
      "and `retryAttempts` is raised so that it waits",
  },
  {
    name: "sesamecare redlock",
    package: "@sesamecare-oss/redlock",
    module: "sesamecare-redlock",
    room: REDIS,
    leaseMs: LEASE_MS,
    asksEveryMs: 400,
    notFor: { ...NOT_IN_REDIS, ...NO_SIGNAL },
    used:
      "`using` for 15,000 ms with the settings of its README: it renews half a second before it takes the " +
      "lock to end; called again while another has the lock",
  },
  {
    name: "go-azuremutex",
    package: undefined,
    module: "go",
    room: BLOBS,
    leaseMs: 60_000,
    asksEveryMs: 10_000,
    notFor: {
      ...NO_SIGNAL,
      ...noTokens("runs here with the account's key"),
      ...NO_SIGNALS,
      ...NO_COMMAND,
      "slept-short": NO_SLEEP,
      "slept-long": NO_SLEEP,
      stalled: "renews beside the work, in a goroutine",
      "work-throws": NO_CALLBACK,
      "throws-and-release-fails": NO_CALLBACK,
      "nothing-else-to-do": "a Go program ends with its `main`",
    },
    used:
      "`Locker`: its lease is 60 s, renewed every 10 s, and a waiter asks every 10 s; none of these can be " +
      "set, and it has no signal of a loss",
  },
];
