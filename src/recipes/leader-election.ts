import type { Holder } from "../blobs/holder.ts";
import { checkKind } from "../blobs/key-kind.ts";
import { recordIn } from "../blobs/lock-record.ts";
import { toAsciiJson } from "../blobs/metadata-json.ts";
import { isMutexError, NotHeldError, shown, type WorkStillRunningError } from "../errors.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import { isUnsure, type RetryPolicy, retry, TRIES } from "../lease/retry.ts";
import { checkMs, type LeaseTerms } from "../lease/terms.ts";
import { checkWork, Holding, runHolding } from "../locks/holding.ts";
import { LeaseAcquirer } from "../locks/lease-acquirer.ts";
import { type Mutex, type MutexOptions, spaceFor } from "../locks/lock-space.ts";
import { SourceLock } from "../locks/lockable.ts";
import { checkKey } from "../store/azure/blob-name.ts";
import { isLeased, type ReadAnswer } from "../store/lease-store.ts";
import type { LockEvents } from "../telemetry/lock-events.ts";
import { LinkedSignal, unlessAborted } from "../time/abort.ts";
import { Stopwatch, sleep } from "../time/clock.ts";
import { checkSpread, growingPauseMs, type Spread, stayAwayMs } from "../waiting/backoff.ts";
import type { Hold } from "../waiting/hold.ts";
import { checkText, LONGEST_HOLDER, type LockerOptions, resolveLockerOptions } from "../waiting/locker-options.ts";
import { restAfter } from "../waiting/polling.ts";
import { checkWaitOptions, type WaitOptions } from "../waiting/wait-limit.ts";

/** Metadata holds 8 KB in all; the rest is for the record around it. */
const LONGEST_DATA = 4_096;
const OBSERVE_EVERY_MS = 1_000;
const PURPOSE = "leader election";
/**
 * After a leadership of so many milliseconds the next pause is the first again. Docker counts restarts in the same way.
 */
const STEADY_AFTER_MS = 10_000;
const BACKOFF_MS: Spread = Object.freeze([1_000, 60_000] as const);

/** Who stands for election, and how leadership is held and waited for: like a lock. */
export interface LeaderElectionOptions
  extends Omit<LockerOptions, "fencing" | "holder" | "purpose" | "handOverMs" | "handOverCount"> {
  /** Who this candidate is, up to 256 characters. Default: `host:pid`. */
  candidate?: string | undefined;
  /**
   * What everybody is to know of this candidate as soon as it leads, an address say. At most 4,096 bytes as it is
   * stored: as a JSON string in ASCII, in which a character beyond it takes six. Default: nothing.
   */
  data?: string | undefined;
}

/** Who leads. */
export interface Leader {
  /** The fencing token of its leadership: higher than that of every leader before. */
  readonly term: number;
  /** The name under which it campaigns. */
  readonly candidate: string;
  /** Where the candidate runs. */
  readonly holder: Holder;
  /** Since when it leads, by the service's clock, to the second. */
  readonly since: Date;
  /** What it last proclaimed, if anything. */
  readonly data?: string;
}

/** How {@link LeaderElection.run} ends, and where it reports what goes wrong. */
export interface ElectionRunOptions {
  /** Ends it all: the work's own signal aborts, and when the work has ended, leadership is given up. Default: none. */
  signal?: AbortSignal | undefined;
  /**
   * Takes what `work` threw, why a campaign failed, and a `WorkStillRunningError` when leadership was lost, its lease
   * has run out and the work has not ended, and each minute after. What it throws itself ends the run, as soon as the
   * work has ended. Default: a line for the mutex's `log`.
   */
  onError?: ((error: unknown) => Promise<void> | void) | undefined;
  /**
   * The pauses between two campaigns when turns end quickly, in milliseconds: the first, and the longest. Each quick
   * end in a row doubles the pause, whether the work returned or threw; half of each is random. A leadership of 10 s or
   * more starts anew with the first. Leadership is given up before a pause, and a pause is never shorter than the
   * longest poll of the other candidates. Default: `[1_000, 60_000]`.
   */
  backoffMs?: readonly [firstMs: number, longestMs: number] | undefined;
}

/** How often {@link LeaderElection.observe} looks, and until when. */
export interface ObserveOptions {
  /** Ends the observation with the signal's own reason. Default: none. */
  signal?: AbortSignal | undefined;
  /** How often to look, in milliseconds, at least 100. Default: 1,000. Each look is one request. */
  everyMs?: number | undefined;
}

/** Leadership that is held, until it is resigned or lost. */
export class Leadership extends Holding {
  /** The name under which it campaigns. */
  readonly candidate: string;
  /** The fencing token: higher than that of every leader before. Hand it to whatever you write to. */
  readonly term: number;
  readonly #hold: Hold;
  readonly #acquirer: LeaseAcquirer;
  readonly #over: LinkedSignal;
  #proclaiming: Promise<void> = Promise.resolve();

  /** @internal */
  constructor(acquirer: LeaseAcquirer, hold: Hold) {
    const { key } = acquirer.blob;
    const over = new LinkedSignal(hold.signal);
    const before = (): void => {
      over.abort(new NotHeldError(key));
      over.end();
    };
    super(key, hold, { before });
    this.candidate = acquirer.options.description.holder.name;
    this.term = hold.token as number;
    this.#hold = hold;
    this.#acquirer = acquirer;
    this.#over = over;
    hold.beforeNext(() => this.#takeBack());
  }

  /**
   * Replaces what everybody is told of this leader. One request; tried again until it is answered. Throws `TypeError`
   * for data that is too long, `NotHeldError` after a resignation, `LockLostError` once leadership is lost, or the
   * signal's own reason.
   */
  async proclaim(data: string, { signal }: Pick<WaitOptions, "signal"> = {}): Promise<void> {
    checkData(data);
    checkWaitOptions({ signal });
    signal?.throwIfAborted();
    // While leadership is uncertain, the write itself decides: the service refuses it once the lease is another's.
    if (!this.isUncertain) this.assertHeld();
    const before = this.#proclaiming;
    const proclaimed = before.then(() => this.#acquirer.announce(this.#hold, { data }, this.#over.signal));
    this.#proclaiming = proclaimed.catch(() => undefined);
    await unlessAborted(proclaimed, signal);
  }

  /** The {@link Leadership.term}, by the name that it has on every other handle. */
  get fencingToken(): number {
    return this.term;
  }

  /**
   * Gives leadership up, for another candidate to take. The field's word for {@link Holding.release}. Called again, it
   * does nothing.
   *
   * @throws `StoreUnavailableError` or `AccessDeniedError` if the service could not be told: the lease then lapses by
   * itself.
   */
  async resign(): Promise<void> {
    await this.release();
  }

  /**
   * What it announced must not stand for a next holder that announces nothing. One try: the next leader writes anyway.
   */
  async #takeBack(): Promise<void> {
    const { blob } = this.#acquirer;
    const enough = new AbortController();
    const timer = blob.clock.setTimer(blob.requestTimeoutMs, () => enough.abort(), { keepAlive: true });
    // Where this process releases as it ends, the work's own proclamation may still be waiting for an answer.
    this.#over.abort(new NotHeldError(this.key));
    try {
      await this.#proclaiming;
      await this.#acquirer.announce(this.#hold, undefined, enough.signal);
    } catch (error) {
      blob.log(`the resignation from "${this.key}" could not be written: ${String(error)}`);
    } finally {
      timer.cancel();
    }
  }
}

/**
 * One leader among many candidates, and everybody can see who. Leadership is the lock of the key; its fencing token is
 * the term, and the leader's record in the blob's metadata tells the others.
 *
 * @example
 * ```ts
 * const election = new LeaderElection(mutex, "scheduler", { candidate: "pod-1", data: "http://pod-1:8080" });
 * // Leads, and campaigns again, until it is aborted.
 * const running = election.run((leadership) => migrate(leadership.signal));
 * const leader = await election.leader();
 * console.log(leader?.candidate, leader?.term, leader?.data);
 * ```
 */
export class LeaderElection {
  /** The name of the office. */
  readonly key: string;
  /** The name under which it campaigns. */
  readonly candidate: string;
  readonly #acquirer: LeaseAcquirer;
  readonly #lockable: SourceLock<Hold, Leadership>;

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
    const named = candidate === undefined ? {} : { holder: candidate };
    const resolved = resolveLockerOptions(
      { ...lockerOptions, ...named, purpose: PURPOSE, fencing: true },
      space,
      "election",
    );
    const description = { ...resolved.description, announces: data === undefined ? {} : { data } };
    this.key = key;
    this.candidate = description.holder.name;
    this.#acquirer = new LeaseAcquirer(space, { key }, { ...resolved, description });
    const acquirer = this.#acquirer;
    this.#lockable = new SourceLock({
      kind: "election",
      key,
      source: acquirer,
      handle: (hold) => new Leadership(acquirer, hold),
      blob: acquirer.blob,
      terms: resolved.terms,
    });
  }

  /** Waits until this candidate leads, and everybody can see it. Rejects as `Locker.lock` does. */
  async campaign(options: WaitOptions = {}): Promise<Leadership> {
    return await this.#lockable.lock(options);
  }

  /** As {@link Locker.on}, for leadership: `acquired` at the beginning of a term, `lost` or `released` at its end. */
  on<Name extends keyof LockEvents>(event: Name, listener: (event: LockEvents[Name]) => unknown): this {
    this.#lockable.on(event, listener);
    return this;
  }

  /** Does not call back any more. */
  off<Name extends keyof LockEvents>(event: Name, listener: (event: LockEvents[Name]) => unknown): this {
    this.#lockable.off(event, listener);
    return this;
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
    const { signal, onError = this.#logError, backoffMs = BACKOFF_MS } = options;
    checkWork(work);
    checkWaitOptions({ signal });
    if (typeof onError !== "function") throw new TypeError(`onError must be a function, not ${shown(onError)}`);
    checkSpread(backoffMs, "backoffMs");
    const { clock, random, log } = this.#blob;
    const { poll, terms } = this.#acquirer.options;
    const refusals: unknown[] = [];
    const tell = async (error: WorkStillRunningError): Promise<void> => {
      try {
        await onError(error);
      } catch (refusal) {
        refusals.push(refusal);
      }
    };
    // The line for the log is written anyway.
    const onStillRunning = options.onError && ((error: WorkStillRunningError) => void tell(error));
    for (let quickEnds = 0; ; ) {
      signal?.throwIfAborted();
      const campaigned = new Stopwatch(clock);
      let led: Stopwatch | undefined;
      let outcome: TurnOutcome;
      try {
        const leadership = await this.#lockable.lock({ until: signal });
        led = new Stopwatch(clock);
        outcome = await lead(leadership, work, { blob: this.#blob, terms, onStillRunning });
      } catch (error) {
        // The mutex is closed: there is nothing to try again for.
        if (isMutexError(error) && error.code === "MUTEX_CLOSED") throw error;
        outcome = { isLost: false, failure: { error } };
      }
      // A campaign that failed after a long wait starts the count of quick failures anew.
      const isSteady = led ? led.elapsedMs >= STEADY_AFTER_MS : campaigned.elapsedMs > backoffMs[1];
      quickEnds = isSteady ? 1 : quickEnds + 1;
      if (outcome.failure && !isAbortOf(signal, outcome.failure.error)) await onError(outcome.failure.error);
      if (refusals.length > 0) throw refusals[0];
      if (outcome.isLost && quickEnds === 1) continue;
      const pauseMs = Math.max(stayAwayMs(poll, random), growingPauseMs(quickEnds, backoffMs, random));
      if (quickEnds > 1 && !signal?.aborted)
        log(
          `leading "${this.key}": a pause of ${Math.round(pauseMs)} ms after ${quickEnds} turns in a row that ended at once or failed`,
        );
      await sleep(clock, pauseMs, { signal });
    }
  }

  /**
   * Who leads at this moment, or undefined if there is no leader. One request. Rejects with `KeyKindMismatchError` if
   * the key is used as something else than an election. It may have resigned or lost by the time of the answer; and
   * while one leader takes over from another, the answer may still be the one before, for a round trip or two.
   */
  async leader({ signal }: Pick<WaitOptions, "signal"> = {}): Promise<Leader | undefined> {
    checkWaitOptions({ signal });
    return this.#leaderIn(await retry(this.#blob, () => this.#blob.read({ signal }), { signal, tries: TRIES }));
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
    return this.#observe(signal, everyMs);
  }

  async *#observe(
    signal: AbortSignal | undefined,
    everyMs: number,
  ): AsyncGenerator<Leader | undefined, never, undefined> {
    const { clock, random, log } = this.#blob;
    let highest = 0;
    let shown: { readonly leader: Leader | undefined } | undefined;
    let restMs = everyMs;
    const look = (): Promise<ReadAnswer> => {
      restMs = everyMs * (0.9 + random() / 5);
      return this.#blob.read({ signal });
    };
    const policy: RetryPolicy = {
      signal,
      isRepeated: (error) => !signal?.aborted && isUnsure(error),
      failed: (error, failures) => {
        log(`observing who leads "${this.key}": ${error.message}`);
        return Math.max(restMs, restAfter(error, failures, random));
      },
    };
    for (;;) {
      const found = this.#leaderIn(await retry(this.#blob, look, policy));
      // Who led before is not back: its record is all there is until the next leader has written its own.
      const isPast = found && (found.term < highest || (found.term === highest && !shown?.leader));
      const leader = isPast ? undefined : found;
      if (!shown || leader?.term !== shown.leader?.term) {
        highest = Math.max(highest, leader?.term ?? 0);
        shown = { leader };
        yield leader;
      }
      await sleep(clock, restMs, { signal });
    }
  }

  /** Throws `KeyKindMismatchError` if the key is no election. */
  #leaderIn(answer: ReadAnswer): Leader | undefined {
    if (answer.kind === "found") checkKind(this.key, this.#acquirer.options.description.kind, answer.blob.metadata);
    return leaderIn(answer);
  }

  readonly #logError = (error: unknown): void => this.#blob.log(`leading "${this.key}": ${String(error)}`);

  get #blob(): LockBlob {
    return this.#acquirer.blob;
  }
}

/** What came of a leadership. */
interface TurnOutcome {
  readonly isLost: boolean;
  /** What the work threw, if it was something of its own. */
  readonly failure: { readonly error: unknown } | undefined;
}

interface LeadOptions {
  readonly blob: LockBlob;
  readonly terms: LeaseTerms;
  readonly onStillRunning: ((error: WorkStillRunningError) => void) | undefined;
}

async function lead(
  leadership: Leadership,
  work: (leadership: Leadership) => Promise<unknown> | unknown,
  { blob, terms, onStillRunning }: LeadOptions,
): Promise<TurnOutcome> {
  let failure: TurnOutcome["failure"];
  const working = async (): Promise<void> => {
    try {
      await work(leadership);
    } catch (error) {
      failure = { error };
    }
  };
  // Work that only waits for its signal is at work, and its caller waits for it.
  const atWork = blob.clock.setTimer(Number.MAX_SAFE_INTEGER, () => undefined, { keepAlive: true });
  try {
    await runHolding(leadership, working, blob, terms, onStillRunning);
    return { isLost: false, failure };
  } catch (lost) {
    // Leadership that this process released itself, as it ends, is not campaigned for at once.
    const isLost = !(isMutexError(lost) && lost.code === "LOCK_LOST" && lost.why === "released");
    return { isLost, failure: isLossOf(lost, failure?.error) ? undefined : failure };
  } finally {
    atWork.cancel();
  }
}

/** Whether something thrown is nothing but the reason of an abort, or what Node makes of it. */
function isAbortOf(signal: AbortSignal | undefined, thrown: unknown): boolean {
  if (!signal?.aborted) return false;
  return (
    thrown === signal.reason ||
    (thrown instanceof Error && thrown.name === "AbortError" && thrown.cause === signal.reason)
  );
}

/**
 * Whether work threw nothing but the loss itself, as `assertHeld` and `signal.throwIfAborted` do, or what Node makes of
 * an abort.
 */
function isLossOf(lost: unknown, thrown: unknown): boolean {
  if (thrown instanceof Error && thrown.name === "AbortError" && thrown.cause !== undefined)
    return isLossOf(lost, thrown.cause);
  return (
    thrown === lost ||
    (isMutexError(thrown) && isMutexError(lost) && thrown.code === "LOCK_LOST" && thrown.key === lost.key)
  );
}

function leaderIn(answer: ReadAnswer): Leader | undefined {
  if (answer.kind === "missing" || !isLeased(answer.blob.leaseState)) return undefined;
  const record = recordIn(answer.blob.metadata);
  if (!record?.announced) return undefined;
  const { token: term, since, data } = record.announced;
  return {
    term,
    candidate: record.holder.name,
    holder: record.holder,
    since: new Date(since),
    ...(data === undefined ? {} : { data }),
  };
}

function checkData(data: unknown): asserts data is string {
  if (typeof data !== "string") throw new TypeError(`data must be a string, not ${shown(data)}`);
  const stored = toAsciiJson(data).length;
  if (stored > LONGEST_DATA)
    throw new TypeError(`data must take at most ${LONGEST_DATA} bytes as a JSON string in ASCII, not ${stored}`);
}
