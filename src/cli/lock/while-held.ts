import { hostname } from "node:os";
import { type AnyMutexError, type AzureMutex, isMutexError, type OnceAttempt } from "../../index.ts";
import { openMutex, placeOf } from "../connection/connection.ts";
import { CommandError, EXIT, shortageIn } from "../exit-codes.ts";
import { forgetEndedJobs } from "../job/job-note.ts";
import { jobTerms } from "../job/job-terms.ts";
import { RunStory } from "../job/run-story.ts";
import { SignalRelay } from "../job/signal-relay.ts";
import type { Duration } from "../options/duration.ts";
import { refuseToWaitForItself, type WantedLock } from "../waiting/own-ancestors.ts";
import { WaitingProgress } from "../waiting/waiting-progress.ts";
import { keyKindOf, type LockOptions, sourceOf, wantedKindOf } from "./lock-options.ts";
import { placed } from "./lock-place.ts";
import type { HeldLock } from "./lock-source.ts";
import { endsAtOtherKind } from "./other-kind.ts";
import { ReleaseAtEnd } from "./release-at-end.ts";

/** With what the work under a lock ends in time. */
export interface WorkTools {
  /** How long before the lock stops being certain the work has to begin to stop, in milliseconds. */
  readonly graceMs: number;
  readonly relay: SignalRelay;
  readonly story: RunStory;
  readonly mutex: AzureMutex;
  readonly atEnd: ReleaseAtEnd;
  /** Of a slot. Undefined for all else. */
  readonly attempt: OnceAttempt | undefined;
}

/** What is done under a lock. Resolves with the exit code. */
export type LockedWork = (holding: HeldLock, tools: WorkTools) => Promise<number>;

/**
 * Waits for a lock, does the work while it is held, releases it, and sets the exit code. Says meanwhile who is in the
 * way. Throws a {@link CommandError} where the lock was not won or was lost, and the reason of the signal or of `stop`
 * if one of them ended the wait.
 */
export async function whileHeld(
  key: string,
  options: LockOptions,
  work: LockedWork,
  stop?: AbortSignal,
): Promise<void> {
  const { graceMs, ...terms } = jobTerms(options);
  const { fair = false, holder = `${hostname()}:${process.pid}`, purpose } = options;
  const mutex = await openMutex(options);
  const place = placeOf(mutex);
  const source = sourceOf(mutex, key, { ...terms, fair, holder, purpose }, options);
  const stopForgetting = forgetEndedJobs(options.stateDir);
  const relay = new SignalRelay();
  const atEnd = new ReleaseAtEnd(mutex);
  const otherKind = new AbortController();
  const asked = AbortSignal.any([relay.asked, otherKind.signal, ...(stop ? [stop] : [])]);
  const wanted: WantedLock = { key, kind: wantedKindOf(options) };
  let progress: WaitingProgress | undefined;
  const story = new RunStory(key, options);
  try {
    const timeoutMs = options.try ? 0 : options.timeout?.ms;
    if (!options.try) {
      await refuseToWaitForItself(mutex, wanted, asked);
      progress = new WaitingProgress(mutex, wanted, "for", endsAtOtherKind(key, keyKindOf(options), otherKind));
    }
    process.exitCode = await source.run(
      async (holding, attempt) => {
        progress?.end();
        asked.throwIfAborted();
        story.got(holding.fencingToken, progress?.saidForMs);
        const code = await atEnd.whileWorking(() => work(holding, { graceMs, relay, story, mutex, atEnd, attempt }));
        // What came of a slot is recorded under its lock.
        if (!attempt) await story.release(holding);
        return code;
      },
      { timeoutMs, signal: asked },
    );
  } catch (error) {
    const outcome = isMutexError(error)
      ? await failureOfWait(error, options, async () => {
          const { inTheWayNow } = await import("../waiting/in-the-way-now.ts");
          return await inTheWayNow(mutex, wanted, asked);
        })
      : error;
    throw placed(outcome, key, place);
  } finally {
    stopForgetting();
    progress?.end();
    relay.end();
    atEnd.end();
  }
}

/** What it means here that the lock was not won, or lost. */
async function failureOfWait(
  error: AnyMutexError,
  options: LockOptions,
  whyNot: () => Promise<string | undefined>,
): Promise<Error> {
  // The same, and what became of the work.
  if (error.code === "LOCK_LOST" && error.workError instanceof CommandError) return error.workError;
  if (error.code !== "LOCK_TIMEOUT" || shortageIn(error)) return error;
  const message = withDuration(error.message, options.timeout);
  if (error.cause !== undefined) return new CommandError(message, EXIT.unreachable, { cause: error });
  const inTheWay = await whyNot();
  if (options.try)
    return new CommandError(heldText(error.key, wantedKindOf(options), inTheWay), options.heldExitCode ?? EXIT.held);
  const why = inTheWay === undefined ? "" : `: ${inTheWay}`;
  return new CommandError(`${message}${why}`, options.heldExitCode ?? EXIT.timedOut, { cause: error });
}

/** `lock on "nightly" is held by build-7:4123 (deploy 42) for 3 min` */
function heldText(key: string | undefined, kind: WantedLock["kind"], inTheWay: string | undefined): string {
  if (inTheWay === undefined) return `lock on "${key}" is held by another`;
  return `lock on "${key}" is ${kind === "permit" ? "held by another: " : ""}${inTheWay}`;
}

/** The library's message with the duration as the user wrote it. */
function withDuration(message: string, duration: Duration | undefined): string {
  return duration === undefined ? message : message.replace(`within ${duration.ms} ms`, `within ${duration.text}`);
}
