import type { LockBlob } from "../../lease/lock-blob.ts";
import { retry, TRIES } from "../../lease/retry.ts";
import { checkMs } from "../../lease/terms.ts";
import { LeaseAcquirer } from "../../locks/lease-acquirer.ts";
import type { MutexOptions } from "../../locks/lock-space.ts";
import { Listenable, type Lockable, SourceLock } from "../../locks/lockable.ts";
import { type Mutex, spaceFor } from "../../locks/mutex.ts";
import { checkKey } from "../../store/azure/blob-name.ts";
import { Listeners } from "../../telemetry/lock-events.ts";
import type { Hold } from "../../waiting/hold.ts";
import { checkText, LONGEST_HOLDER, type LockerOptions, resolveLockerOptions } from "../../waiting/locker-options.ts";
import { checkWaitOptions, type WaitOptions } from "../../waiting/wait-options.ts";
import { type ElectionRunOptions, runElection } from "./election-run.ts";
import { ELECTION_KIND, type Leader, type LeaderOptions, leaderIn } from "./leader.ts";
import { leaderChanges } from "./leader-changes.ts";
import { checkData, Leadership } from "./leadership.ts";

const OBSERVE_EVERY_MS = 1_000;
const PURPOSE = "leader election";

/** Who stands for election, and how leadership is held and waited for: like a lock. */
export interface LeaderElectionOptions
  extends Omit<LockerOptions, "fencing" | "holder" | "purpose" | "handOverMs" | "handOverCount"> {
  /** Who this candidate is, up to 256 characters. Default: `host:pid`. */
  candidate?: string | undefined;
  /**
   * What other processes can read of this candidate as soon as it leads, such as an address. At most 4,096 bytes as it
   * is stored: as a JSON string in ASCII, in which a character beyond it takes six. Default: nothing.
   */
  data?: string | undefined;
}

/** How often {@link LeaderElection.observe} looks, and until when. */
export interface ObserveOptions {
  /** Ends the observation with the signal's own reason. Default: none. */
  signal?: AbortSignal | undefined;
  /**
   * How often to look, in milliseconds, at least 100. Default: 1,000. Each look is one request. With `wakeUps` of the
   * mutex, a change of the leader is looked at as soon as a message tells of it.
   */
  everyMs?: number | undefined;
}

/**
 * One leader among many candidates, and every process can see which. Leadership is the lock of the key; its fencing
 * token is the term, and the leader's record in the blob's metadata tells the others.
 *
 * @example
 * ```ts
 * const election = new LeaderElection(mutex, "scheduler", { candidate: "pod-1", data: "http://pod-1:8080" });
 * // Leads, and campaigns again, until it is aborted.
 * const running = election.run((leadership) => migrate(leadership.signal));
 * const leader = await election.leader();
 * console.log(leader?.candidate, leader?.term, leader?.data);
 * ```
 *
 * Its events are those of leadership: `acquired` at the beginning of a term, `lost` or `released` at its end.
 */
export class LeaderElection extends Listenable {
  /** The name of the office. */
  readonly key: string;
  /** The name under which it campaigns. */
  readonly candidate: string;
  readonly #acquirer: LeaseAcquirer;
  readonly #leadership: SourceLock<Leadership>;

  /**
   * @param mutex - The mutex whose container has the election, or options for one of its own.
   * @param key - The office's name, and its blob's.
   * @throws `InvalidKeyError`; `RangeError` or `TypeError` for options that do not fit.
   */
  constructor(mutex: Mutex | MutexOptions, key: string, options: LeaderElectionOptions = {}) {
    checkKey(key);
    const { candidate, data, ...lockerOptions } = options;
    if (candidate !== undefined) checkText(candidate, "candidate", LONGEST_HOLDER);
    if (data !== undefined) checkData(data);
    const space = spaceFor(mutex);
    const election = { ...lockerOptions, holder: candidate, purpose: PURPOSE, fencing: true };
    const { description, ...resolved } = resolveLockerOptions(election, space, ELECTION_KIND);
    const announces = data === undefined ? {} : { data };
    const source = new LeaseAcquirer(space, { key }, { ...resolved, description: { ...description, announces } });
    const { blob } = source;
    const listeners = new Listeners(blob.log);
    super(listeners);
    this.key = key;
    this.candidate = description.holder.name;
    this.#acquirer = source;
    const handle = (hold: Hold): Leadership => new Leadership(source, hold);
    this.#leadership = new SourceLock({
      kind: "election",
      key,
      space,
      options: source.options,
      source,
      handle,
      listeners,
    });
  }

  /** Waits until this candidate leads, and its record says so. Rejects as {@link Lockable.lock} does. */
  async campaign(options: WaitOptions = {}): Promise<Leadership> {
    return await this.#leadership.lock(options);
  }

  /**
   * Leads whenever it can: campaigns, runs `work`, and campaigns again. Between two turns it gives leadership up and
   * pauses, so that another candidate may win; the pause grows from a second to a minute while turns end quickly,
   * however they end (`backoffMs`). After a loss it campaigns at once, unless quick losses follow each other. What the
   * work throws is told to `onError`, and so is why a campaign failed, an unreachable service and refused credentials
   * included; a loss alone is not.
   *
   * Never resolves. Rejects with the signal's own reason when that aborts and the work has ended, or with what
   * `onError` throws; with `TypeError` or `RangeError` for options that do not fit.
   */
  async run(
    work: (leadership: Leadership) => Promise<unknown> | unknown,
    options: ElectionRunOptions = {},
  ): Promise<never> {
    return await runElection(this.#acquirer, this.#leadership, work, options);
  }

  /**
   * Who leads at this moment, or undefined if there is no leader. One request. Rejects with `KeyKindMismatchError` if
   * the key is used as something else than an election. It may have resigned or lost by the time of the answer; and
   * while one leader takes over from another, the answer may still be the one before, for a round trip or two.
   */
  async leader({ signal, onNoContainer }: LeaderOptions = {}): Promise<Leader | undefined> {
    checkWaitOptions({ signal });
    const found = await retry(this.#blob, () => this.#blob.read({ signal }), { signal, tries: TRIES });
    if (found.kind === "missing" && found.what === "container") onNoContainer?.();
    return leaderIn(this.key, found);
  }

  /**
   * Who leads, whenever that changes: first as it is now, then each new leader, and undefined when there is no leader
   * any more. Never shows a term twice, or one that is lower than one before; a leader who came and went between two
   * looks is not shown, nor is what a leader proclaims later: ask {@link LeaderElection.leader}. Goes on through
   * failures of the service; throws `AccessDeniedError` or `StoreRefusedError` when it certainly refuses, and
   * `KeyKindMismatchError` as {@link LeaderElection.leader}.
   */
  observe({
    signal,
    everyMs = OBSERVE_EVERY_MS,
  }: ObserveOptions = {}): AsyncGenerator<Leader | undefined, never, undefined> {
    checkWaitOptions({ signal });
    checkMs(everyMs, "everyMs", 100);
    return leaderChanges(this.#blob, { everyMs, signal, wakeUps: this.#acquirer.wakeUpsOf(this.key) });
  }

  get #blob(): LockBlob {
    return this.#acquirer.blob;
  }
}
