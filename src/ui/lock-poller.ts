import { randomUUID } from "node:crypto";
import { isMutexError, type LockStatus } from "../index.ts";
import { HoldHistory } from "./hold-history.ts";
import { lockViewOf } from "./lock-view.ts";
import type { LockView, PageBreakRequest, ServiceProblem, Snapshot, Vanished } from "./snapshot.ts";

const POLL_EVERY_MS = 2_500;
const LONGEST_BACK_OFF_MS = 60_000;
/** The longest time between two looks that is no gap. A hidden page asks every 30 s. */
const GAP_MS = 45_000;
const MOST_GAPS = 200;
const MOST_GONE = 10_000;
/** Added to the time after which a page asks again, so that it does not ask just before the next look is due. */
const AFTER_DUE_MS = 20;

export interface LockPollerOptions {
  /** Lists all locks. */
  look(signal: AbortSignal): AsyncIterable<LockStatus>;
  /** Milliseconds since 1970. */
  wallMs(): number;
  /** Milliseconds since a fixed moment, for measuring. */
  elapsedMs(): number;
  /** The account's name or its host. Default: none is shown. */
  readonly account?: string | undefined;
  readonly container: string;
  readonly mayBreak: boolean;
  /** Who breaks locks from the page, in the words of its history. Default: the operator. */
  readonly breaker?: string | undefined;
  /** How long after the end of one look the next may begin. Default: 2,500. */
  readonly everyMs?: number;
  /** Called with an unexpected error. It may contain anything, so the page does not show it. */
  onDefect?(error: unknown): void;
}

/**
 * Lists all locks when a page asks, at most once in `everyMs` unless invalidated: one listing serves all pages.
 * Remembers what the looks showed. It sets no timer: while no page is open, the service gets no request.
 */
export class LockPoller {
  readonly #options: LockPollerOptions;
  readonly #run = randomUUID();
  readonly #startedAt: number;
  readonly #end = new AbortController();
  readonly #history = new HoldHistory();
  readonly #views = new Map<string, { readonly view: LockView; readonly text: string; readonly version: number }>();
  readonly #gone = new Map<string, number>();
  /** Up to which version `#gone` is not complete any more. */
  #goneForgotten = 0;
  readonly #gaps: (readonly [number, number])[] = [];
  #locks: ReadonlyMap<string, LockStatus> | undefined;
  #vanished: Vanished | undefined;
  #version = 0;
  #lookedAt: number | undefined;
  #looking: Promise<void> | undefined;
  #isInvalid = false;
  #dueMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #problem: Omit<ServiceProblem, "againAt"> | undefined;

  constructor(options: LockPollerOptions) {
    this.#options = options;
    this.#startedAt = options.wallMs();
  }

  /**
   * Everything new since a version of this run, after a look if one is due. Never rejects for a failure of the
   * service: the snapshot then has a `problem`.
   */
  async snapshot(run = "", after = 0): Promise<Snapshot> {
    if (this.#isInvalid || this.#options.elapsedMs() >= this.#dueMs) {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
    }
    await this.#looking;
    return this.#snapshotSince(run, after);
  }

  /** Makes the next request of a page look anew. */
  invalidate(): void {
    this.#isInvalid = true;
  }

  /** Remembers a break that the page asked for: the history then says who broke it, and when it is free. */
  recordBreak({ key, part, holder }: PageBreakRequest, freeInSeconds: number): void {
    const { wallMs, breaker: by = "the operator" } = this.#options;
    const at = wallMs();
    const reader = part.kind === "reader" && holder !== undefined && { reader: holder };
    this.#history.breaks.add({ key, part, ...reader, at, freeBy: at + freeInSeconds * 1_000, by });
  }

  /** Ends a look that is under way. */
  end(): void {
    this.#end.abort();
  }

  async #look(): Promise<void> {
    const { look, wallMs, elapsedMs, everyMs = POLL_EVERY_MS } = this.#options;
    this.#isInvalid = false;
    try {
      const locks = new Map<string, LockStatus>();
      for await (const lock of look(this.#end.signal)) locks.set(lock.key, lock);
      this.#remember(locks, wallMs());
      this.#failures = 0;
      this.#problem = undefined;
    } catch (error) {
      this.#failures += 1;
      this.#problem = { ...this.#problemIn(error), since: this.#problem?.since ?? wallMs() };
    } finally {
      this.#dueMs = elapsedMs() + Math.min(everyMs * 2 ** this.#failures, Math.max(everyMs, LONGEST_BACK_OFF_MS));
    }
  }

  #remember(locks: ReadonlyMap<string, LockStatus>, at: number): void {
    this.#version += 1;
    const version = this.#version;
    const before = this.#lookedAt;
    const gap = before !== undefined && at - before > GAP_MS ? ([before, at] as const) : undefined;
    if (gap) this.#gaps.push(gap);
    this.#gaps.splice(0, this.#gaps.length - MOST_GAPS);
    const held = locks.size === 0 ? recordedHolds(this.#locks) : 0;
    if (held > 0 && before !== undefined) this.#vanished = { at, lastSeen: before, held };
    if (locks.size > 0) this.#vanished = undefined;
    this.#history.note(locks, { version, at, before, isAfterGap: gap !== undefined, hasVanished: held > 0 });
    for (const [key, status] of locks) {
      const view = lockViewOf(status, this.#history);
      const text = JSON.stringify(view);
      if (this.#views.get(key)?.text !== text) this.#views.set(key, { view, text, version });
      this.#gone.delete(key);
    }
    for (const key of this.#locks?.keys() ?? []) {
      if (locks.has(key)) continue;
      this.#views.delete(key);
      this.#gone.set(key, version);
    }
    for (const [key, oldest] of this.#gone) {
      if (this.#gone.size <= MOST_GONE) break;
      this.#gone.delete(key);
      this.#goneForgotten = oldest;
    }
    this.#locks = locks;
    this.#lookedAt = at;
  }

  #problemIn(error: unknown): Pick<ServiceProblem, "kind" | "message"> {
    if (isMutexError(error)) {
      const { code, message } = error;
      return {
        kind: code === "ACCESS_DENIED" ? "denied" : code === "STORE_UNAVAILABLE" ? "unreachable" : "refused",
        message,
      };
    }
    if (!this.#end.signal.aborted) this.#options.onDefect?.(error);
    return { kind: "defect", message: "an unexpected failure; the terminal in which azmutex ui runs says what" };
  }

  #snapshotSince(run: string, after: number): Snapshot {
    const { wallMs, elapsedMs, account, container, mayBreak } = this.#options;
    const isWhole = run !== this.#run || after > this.#version || after < this.#goneForgotten;
    const since = isWhole ? 0 : after;
    const at = wallMs();
    const waitMs = Math.max(0, this.#dueMs - elapsedMs());
    return {
      run: this.#run,
      version: this.#version,
      isWhole,
      at,
      startedAt: this.#startedAt,
      ...(this.#lookedAt !== undefined && { lookedAt: this.#lookedAt }),
      askAgainInMs: waitMs + AFTER_DUE_MS,
      ...(account !== undefined && { account }),
      container,
      mayBreak,
      ...(this.#problem && { problem: { ...this.#problem, againAt: at + waitMs } }),
      ...(this.#vanished && { vanished: this.#vanished }),
      locks: [...this.#views.values()].filter(({ version }) => version > since).map(({ view }) => view),
      gone: isWhole ? [] : [...this.#gone].filter(([, version]) => version > since).map(([key]) => key),
      holds: this.#history.holdsAfter(since),
      forgottenBefore: this.#history.forgottenBefore,
      losses: this.#history.lossesAfter(since),
      gaps: this.#gaps,
    };
  }
}

/** The number of held locks whose blobs have a record: these stay listed when they are released. */
function recordedHolds(locks: ReadonlyMap<string, LockStatus> = new Map()): number {
  return [...locks.values()].filter(
    ({ isHeld, holder, semaphore }) => (isHeld && holder) || (semaphore?.held.length ?? 0) > 0,
  ).length;
}
