import { LazySignal } from "../abort.ts";
import { Stopwatch, settledWithin } from "../clock.ts";
import { isMutexError, StoreUnavailableError } from "../errors.ts";
import { inRootContext } from "../root-context.ts";
import { attempt, isUnsure } from "./attempt.ts";
import type { AcquireAnswer, LeaseLength, Metadata, Missing, Stamp } from "./lease-store.ts";
import type { LockBlob } from "./lock-blob.ts";
import { type BackgroundOptions, releaseAgain, releaseInBackground } from "./release.ts";
import type { StandingLease } from "./standing-lease.ts";

/**
 * How long the service works on a request before it gives up, so how late an answer may come.
 * https://learn.microsoft.com/rest/api/storageservices/setting-timeouts-for-blob-service-operations
 */
const SERVICE_TIMEOUT_MS = 30_000;
/** An abandoned infinite lease would stay for ever: it is released again until no late try can be on its way any more. */
const INFINITE_SWEEP_MS = 60_000;
/** A blob that vanishes this often between our create and our acquire is being fought over. */
const MOST_CREATIONS = 3;

/** The service granted the lease. */
export interface Granted extends Stamp {
  readonly kind: "acquired";
  /** The lease's id, which no try has that is still open. */
  readonly leaseId: string;
  /** Started just before the very request that was granted: the lease is no older than this. */
  readonly asked: Stopwatch;
}

export type AcquisitionAnswer = Granted | { readonly kind: "held"; readonly date: number };

/** Where a lease comes from: whoever keeps it says when it is done. */
export type LeaseOrigin = Pick<Acquisition, "conclude" | "isSettled">;

/** What a blob that we create is to say from its first moment. */
export interface FirstRecord {
  readonly metadata: Metadata;
  /** The service created the blob with this metadata, and said so. */
  created(stamp: Stamp): void;
}

export interface AcquisitionOptions {
  readonly length: LeaseLength;
  readonly tryTimeoutMs: number;
  /** What to create the blob with, given the service's date of the answer that it is missing. Default: nothing. */
  readonly firstRecord?: ((date: number) => FirstRecord | undefined) | undefined;
}

export interface AbandonOptions {
  /** The service has not answered for long: open requests are cut. Default: false. */
  readonly unreachable?: boolean;
  /** What to do with the lease instead of releasing it. Must not reject. */
  readonly giveBack?: (() => Promise<void>) | undefined;
  /** Whether others may hand the lease to it, so that it is given back though it never was granted. Default: false. */
  readonly mayBeHanded?: boolean;
}

/**
 * The way to one lease, under one id for all its tries: a try whose answer was lost is healed by the next. It is given up as
 * a whole, never try by try, because a release between two tries could free a lock just won. Its id is never used again.
 *
 * A try that is still open when another is granted could take the lease once more, after somebody broke it, say, and others had
 * it: renewals would then go on as if nothing had happened. So the lease is given an id of its own before anybody hears of it.
 */
export class Acquisition implements StandingLease {
  readonly leaseId: string;
  readonly #blob: LockBlob;
  readonly #options: AcquisitionOptions;
  /** Aborted, cuts a try that the acquisition listens to though its time-out has passed. */
  #lingering: LazySignal | undefined;
  #isUnreachable = false;
  /** Tries of which it is open whether the service took, or may yet take, the lease. */
  #openTries = 0;
  /** What was granted, under the id that it was given, or may have been by a change that went unanswered. */
  #renamed: Granted | undefined;
  #granted = false;
  /** A try was granted when the lease had another id already: it may have taken the lease again since. */
  #tookAgain = false;
  #abandoned = false;
  /** The last try was given its time; from here on every grant is one too many. */
  #letGone = false;
  #lastTry: Promise<void> = Promise.resolve();
  #giveBack: (() => Promise<void>) | undefined;

  constructor(blob: LockBlob, options: AcquisitionOptions) {
    this.#blob = blob;
    this.#options = options;
    this.leaseId = blob.newId();
  }

  /** The blob's. */
  get name(): string {
    return this.#blob.name;
  }

  /** Whether a try went unanswered, which would take the lease again if it arrived after the release. */
  get mayReturn(): boolean {
    return this.#openTries > 0;
  }

  /** Whether nothing is open that could take the lease once it was granted, nor did: there is nothing to conclude. */
  get isSettled(): boolean {
    return !this.mayReturn && !this.#tookAgain;
  }

  /** Asks once for the lease, creating blob and container where they are missing. Rejects with the signal's reason as soon as it aborts. */
  async ask(signal?: AbortSignal): Promise<AcquisitionAnswer> {
    const answer = await this.#ask(signal);
    // From here on the caller keeps the lease.
    if (answer.kind === "acquired") this.#blob.standing.delete(this);
    return answer;
  }

  async #ask(signal: AbortSignal | undefined): Promise<AcquisitionAnswer> {
    // An acquire would be refused if the change was carried out.
    const renamed = this.#renamed && (await this.#rename(this.#renamed, signal));
    if (renamed) return renamed;
    for (let creations = 0; creations <= MOST_CREATIONS; creations += 1) {
      const asked = new Stopwatch(this.#blob.clock);
      const answer = await this.#acquire(signal);
      if (answer.kind === "acquired") {
        const granted = { ...answer, leaseId: this.leaseId, asked };
        if (!this.mayReturn) return granted;
        const { date } = answer;
        return (await this.#rename({ ...granted, leaseId: this.#blob.newId() }, signal)) ?? { kind: "held", date };
      }
      if (answer.kind === "held") return answer;
      await this.#create(answer, signal);
    }
    throw new StoreUnavailableError(`the blob of "${this.#blob.key}" vanishes as often as it is created`, this.#blob.key, {
      answered: true,
    });
  }

  /**
   * Gives the acquisition up, in the background: once its last try is settled or out of time the id is released, again after
   * one more time-out if a try is still open, and again if an answer comes late that says the lease is ours.
   */
  abandon({ unreachable = false, giveBack, mayBeHanded = false }: AbandonOptions = {}): void {
    if (this.#abandoned) return;
    this.#abandoned = true;
    this.#giveBack = giveBack;
    this.#isUnreachable = unreachable;
    if (unreachable) this.#lingering?.abort();
    void inRootContext(() => this.#letGo(mayBeHanded));
  }

  /** The lease that was granted is given back by whoever has it; a try that is found to have taken it again is released. */
  conclude(): void {
    if (this.#letGone) return;
    this.#abandoned = true;
    this.#letGone = true;
    this.#renamed = undefined;
    this.#blob.standing.delete(this);
    if (!this.isSettled) void inRootContext(() => releaseAgain(this.#blob, this.leaseId, this.#releaseOptions));
  }

  /** Undefined if the lease is not ours any more. */
  async #rename(granted: Granted, signal: AbortSignal | undefined): Promise<Granted | undefined> {
    const { store, name } = this.#blob;
    this.#renamed = granted;
    const change = (request: AbortSignal) => store.change(name, this.leaseId, granted.leaseId, { signal: request });
    const { kind } = await attempt(this.#blob, change, { operation: "change", timeoutMs: this.#options.tryTimeoutMs, signal });
    if (kind === "changed") return granted;
    this.#renamed = undefined;
    return undefined;
  }

  async #acquire(signal: AbortSignal | undefined): Promise<AcquireAnswer> {
    const { store, name } = this.#blob;
    const { length, tryTimeoutMs } = this.#options;
    const cut = new LazySignal();
    let isOpen = true;
    const ask = (request: AbortSignal): Promise<AcquireAnswer> => {
      const answer = store.acquire(name, this.leaseId, length, { signal: request });
      this.#openTries += 1;
      // Counts between two tries, too: with `fair` the lease may be handed to this waiter.
      this.#blob.standing.add(this);
      this.#lastTry = answer.then(
        ({ kind }) => {
          isOpen = false;
          this.#settled(kind === "acquired");
        },
        (error) => {
          isOpen = false;
          if (isMutexError(error) && !isUnsure(error)) this.#settled(false);
        },
      );
      return answer;
    };
    const linger = { ms: SERVICE_TIMEOUT_MS, until: cut };
    try {
      return await attempt(this.#blob, ask, { operation: "acquire", timeoutMs: tryTimeoutMs, signal, linger });
    } catch (error) {
      if (isOpen) this.#lingerOn(cut);
      throw error;
    }
  }

  /** At most one try: while the service does not answer, each would keep a connection. Its outcome is as open as before. */
  #lingerOn(cut: LazySignal): void {
    this.#lingering?.abort();
    this.#lingering = cut;
    if (this.#isUnreachable) cut.abort();
  }

  #settled(granted: boolean): void {
    this.#openTries -= 1;
    this.#granted ||= granted;
    this.#tookAgain ||= granted && this.#renamed !== undefined;
    if (granted && this.#letGone) void inRootContext(() => this.#release());
  }

  async #create({ what, date }: Missing, signal: AbortSignal | undefined): Promise<void> {
    const { store, name } = this.#blob;
    const timeoutMs = this.#options.tryTimeoutMs;
    if (what === "container") {
      const operation = "create the container";
      await attempt(this.#blob, (request) => store.createContainer({ signal: request }), { operation, timeoutMs, signal });
    }
    const first = this.#options.firstRecord?.(date);
    const metadata = first?.metadata ?? this.#blob.metadata ?? {};
    const answer = await attempt(this.#blob, (request) => store.create(name, metadata, { signal: request }), {
      operation: "create",
      timeoutMs,
      signal,
    });
    if (answer.kind === "created") first?.created(answer);
  }

  async #letGo(mayBeHanded: boolean): Promise<void> {
    await settledWithin(this.#blob.clock, this.#options.tryTimeoutMs, this.#lastTry);
    this.#letGone = true;
    if (this.#granted || this.mayReturn || mayBeHanded) await this.#release();
    this.#blob.standing.delete(this);
  }

  #release(): Promise<void> {
    if (this.#renamed) void releaseInBackground(this.#blob, this.#renamed.leaseId, this.#releaseOptions);
    return this.#giveBack ? this.#giveBack() : releaseInBackground(this.#blob, this.leaseId, this.#releaseOptions);
  }

  get #releaseOptions(): BackgroundOptions {
    const { length, tryTimeoutMs } = this.#options;
    const mayReturn = this.mayReturn;
    return { timeoutMs: tryTimeoutMs, mayReturn, sweepMs: mayReturn && length === "infinite" ? INFINITE_SWEEP_MS : 0 };
  }
}
