import { StoreUnavailableError } from "../errors.ts";
import type { LeaseLength, Metadata, Missing, Stamp } from "../store/lease-store.ts";
import { Stopwatch } from "../time/clock.ts";
import { inRootContext } from "../time/root-context.ts";
import { AcquireTries } from "./acquire-tries.ts";
import type { LockBlob } from "./lock-blob.ts";
import { type BackgroundOptions, releaseAgain, releaseInBackground } from "./release.ts";
import type { StandingLease } from "./standing-lease.ts";

/**
 * P48. An abandoned infinite lease would stay for ever: it is released again until no late try can be on its way any
 * more.
 */
const INFINITE_SWEEP_MS = 60_000;
/** A blob that vanishes this often between our create and our acquire is being fought over. */
const MOST_CREATIONS = 3;

/** The service granted the lease. */
export interface Granted extends Stamp {
  readonly kind: "acquired";
  /** The lease id. No request still in flight carries it. */
  readonly leaseId: string;
  /** Started just before the very request that was granted: the lease is no older than this. */
  readonly asked: Stopwatch;
}

export type AcquisitionAnswer = Granted | { readonly kind: "held"; readonly date: number };

/** Where a lease comes from: its keeper says when it is done. */
export type LeaseOrigin = Pick<Acquisition, "conclude" | "isSettled">;

/** What a blob that we create is to say from its first moment. */
export interface FirstRecord {
  readonly metadata: Metadata;
  /** The service created the blob with this metadata, and said so. */
  created(stamp: Stamp): void;
}

export interface AcquisitionOptions {
  readonly length: LeaseLength;
  /** What to create the blob with, given the service's date of the answer that it is missing. Default: nothing. */
  readonly firstRecord?: ((date: number) => FirstRecord | undefined) | undefined;
}

export interface AbandonOptions {
  /** The service has not answered for long: open requests are cut. Default: false. */
  readonly unreachable?: boolean;
  /** What to do with the lease instead of releasing it. Must not reject. */
  readonly giveBack?: (() => Promise<void>) | undefined;
  /** Whether another process may hand the lease over: it is then released though no try was granted. Default: false. */
  readonly mayBeHanded?: boolean;
}

/** `over`: the last try has had its time, and a grant from here on is released at once. */
type Stage = "asking" | "abandoned" | "over";

/**
 * Acquires one lease, under one id for all tries: the next try heals one whose answer was lost. It is given up as a
 * whole, never try by try, because a release between two tries could free a lock just won. Its id is never used again.
 *
 * A try that is still open when another is granted can take the lease once more, after the lease was broken and another
 * process had it. Renewals would then succeed as if nothing had happened. So such a lease is changed to an id of its
 * own before the caller gets it.
 */
export class Acquisition implements StandingLease {
  readonly leaseId: string;
  readonly #blob: LockBlob;
  readonly #options: AcquisitionOptions;
  readonly #tries: AcquireTries;
  /** What was granted, under the id that a change gave it, or may have given it where the change went unanswered. */
  #renamed: (Granted & StandingLease) | undefined;
  /** A try was granted when the lease had another id already: it may have taken the lease again since. */
  #tookAgain = false;
  #stage: Stage = "asking";
  #giveBack: (() => Promise<void>) | undefined;

  constructor(blob: LockBlob, options: AcquisitionOptions) {
    this.#blob = blob;
    this.#options = options;
    // P1, P2: one fresh id for all requests of this acquisition.
    this.leaseId = blob.newId();
    this.#tries = new AcquireTries(() => this.#onGranted());
  }

  /** The blob's. */
  get name(): string {
    return this.#blob.name;
  }

  /** Whether a try went unanswered, which would take the lease again if it arrived after the release. */
  get mayReturn(): boolean {
    return this.#tries.areOpen;
  }

  /** Whether no other try can take the granted lease again, or did: there is nothing to conclude. */
  get isSettled(): boolean {
    return !this.mayReturn && !this.#tookAgain;
  }

  /**
   * Asks once for the lease, creating blob and container where they are missing. From a grant on, the caller keeps the
   * lease. Rejects with the signal's reason as soon as it aborts.
   */
  async ask(signal?: AbortSignal): Promise<AcquisitionAnswer> {
    // An acquire would be refused if the change was carried out.
    const renamed = this.#renamed && (await this.#rename(this.#renamed, signal));
    if (renamed) return this.#granted(renamed);
    for (let creations = 0; creations <= MOST_CREATIONS; creations += 1) {
      // P8: the lease counts from before its request.
      const asked = new Stopwatch(this.#blob.clock);
      // Before it is sent, and between two tries, too: with `fair` the lease may be handed to this waiter.
      this.#blob.standing.add(this);
      const answer = await this.#blob.acquire(this.leaseId, this.#options.length, this.#tries.next(signal));
      if (answer.kind === "acquired") {
        const granted = { ...answer, leaseId: this.leaseId, asked };
        if (!this.mayReturn) return this.#granted(granted);
        // P6: the open try could take the lease again under the old id.
        const other = await this.#rename({ ...granted, name: this.name, leaseId: this.#blob.newId() }, signal);
        return other ? this.#granted(other) : { kind: "held", date: answer.date };
      }
      if (answer.kind === "held") return answer;
      await this.#create(answer, signal);
    }
    const { key } = this.#blob;
    throw new StoreUnavailableError(`the blob of "${key}" vanishes as often as it is created`, key, { answered: true });
  }

  /**
   * Gives the acquisition up, in the background: once its last try is settled or out of time the id is released, again
   * after one more timeout if a try is still open, and again if an answer comes late that says the lease is ours.
   */
  abandon({ unreachable = false, giveBack, mayBeHanded = false }: AbandonOptions = {}): void {
    if (this.#stage !== "asking") return;
    this.#stage = "abandoned";
    this.#giveBack = giveBack;
    if (unreachable) this.#tries.cut();
    // P5: as a whole; nothing is released between two tries.
    void inRootContext(() => this.#end(mayBeHanded));
  }

  /** The holder gives the lease back. What another try took again is released. */
  conclude(): void {
    if (this.#stage === "over") return;
    this.#stage = "over";
    this.#standsNoMore();
    this.#renamed = undefined;
    if (!this.isSettled) void inRootContext(() => releaseAgain(this.#blob, this.leaseId, this.#releaseOptions));
  }

  #granted(granted: Granted): Granted {
    this.#standsNoMore();
    return granted;
  }

  /** Under either id. */
  #standsNoMore(): void {
    this.#blob.standing.delete(this);
    if (this.#renamed) this.#blob.standing.delete(this.#renamed);
  }

  /** Undefined if this process no longer has the lease. */
  async #rename(granted: Granted & StandingLease, signal: AbortSignal | undefined): Promise<Granted | undefined> {
    this.#renamed = granted;
    this.#blob.standing.add(granted);
    const { kind } = await this.#blob.change(this.leaseId, granted.leaseId, { signal });
    if (kind === "changed") return granted;
    this.#blob.standing.delete(granted);
    this.#renamed = undefined;
    return undefined;
  }

  #onGranted(): void {
    this.#tookAgain ||= this.#renamed !== undefined;
    if (this.#stage === "over") void inRootContext(() => this.#release());
  }

  async #create({ what, date }: Missing, signal: AbortSignal | undefined): Promise<void> {
    if (what === "container") await this.#blob.createContainer({ signal });
    const first = this.#options.firstRecord?.(date);
    const answer = await this.#blob.create(first?.metadata ?? this.#blob.metadata ?? {}, { signal });
    if (answer.kind === "created") first?.created(answer);
  }

  async #end(mayBeHanded: boolean): Promise<void> {
    await this.#tries.lastSettled(this.#blob);
    this.#stage = "over";
    if (this.#tries.wasGranted || this.mayReturn || mayBeHanded) await this.#release();
    this.#standsNoMore();
  }

  #release(): Promise<void> {
    if (this.#renamed) void releaseInBackground(this.#blob, this.#renamed.leaseId, this.#releaseOptions);
    return this.#giveBack ? this.#giveBack() : releaseInBackground(this.#blob, this.leaseId, this.#releaseOptions);
  }

  get #releaseOptions(): BackgroundOptions {
    const { mayReturn } = this;
    const sweepMs = mayReturn && this.#options.length === "infinite" ? INFINITE_SWEEP_MS : 0;
    return { mayReturn, sweepMs };
  }
}
