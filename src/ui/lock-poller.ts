import { isMutexError, type LockStatus } from "../index.ts";
import { lookAtLocks } from "../status/locks-look.ts";
import { defined } from "./defined.ts";
import { LockHistory } from "./lock-history.ts";
import type { PageBreakRequest, ServiceProblem, Snapshot } from "./snapshot.ts";

const POLL_EVERY_MS = 2_500;
const LONGEST_BACK_OFF_MS = 60_000;
/** Added to the time after which a page asks again, so that it does not ask just before the next look is due. */
const AFTER_DUE_MS = 20;

export interface LockPollerOptions {
  /** Lists all locks. Calls back if the container does not exist. */
  look(signal: AbortSignal, onNoContainer: () => void): AsyncIterable<LockStatus>;
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
  readonly #startedAt: number;
  readonly #history = new LockHistory();
  readonly #end = new AbortController();
  #looking: Promise<void> | undefined;
  #isInvalid = false;
  #dueMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #problem: Omit<ServiceProblem, "againAt"> | undefined;
  #isContainerMissing = false;

  constructor(options: LockPollerOptions) {
    this.#options = options;
    this.#startedAt = options.wallMs();
  }

  /**
   * Everything new since a version of this run, after a look if one is due. Never rejects for a failure of the
   * service: the snapshot then has a `problem`.
   */
  async snapshot(run = "", after = 0): Promise<Snapshot> {
    const { wallMs, elapsedMs, account, container, mayBreak } = this.#options;
    if (this.#isInvalid || elapsedMs() >= this.#dueMs) {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
    }
    await this.#looking;
    const at = wallMs();
    const waitMs = Math.max(0, this.#dueMs - elapsedMs());
    return {
      ...this.#history.since(run, after),
      ...defined({
        at,
        startedAt: this.#startedAt,
        askAgainInMs: waitMs + AFTER_DUE_MS,
        account,
        container,
        isContainerMissing: this.#isContainerMissing || undefined,
        mayBreak,
        problem: this.#problem && { ...this.#problem, againAt: at + waitMs },
      }),
    };
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
    this.#history.noteBreak({ key, part, ...reader, at, freeBy: at + freeInSeconds * 1_000, by });
  }

  /** Ends a look that is under way. */
  end(): void {
    this.#end.abort();
  }

  async #look(): Promise<void> {
    const { look, wallMs, elapsedMs, everyMs = POLL_EVERY_MS } = this.#options;
    this.#isInvalid = false;
    try {
      const { locks, isContainerMissing } = await lookAtLocks((onNoContainer) => look(this.#end.signal, onNoContainer));
      this.#isContainerMissing = isContainerMissing;
      this.#history.note(locks, wallMs());
      this.#failures = 0;
      this.#problem = undefined;
    } catch (error) {
      this.#failures += 1;
      this.#problem = { ...this.#problemIn(error), since: this.#problem?.since ?? wallMs() };
    } finally {
      this.#dueMs = elapsedMs() + Math.min(everyMs * 2 ** this.#failures, Math.max(everyMs, LONGEST_BACK_OFF_MS));
    }
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
}
