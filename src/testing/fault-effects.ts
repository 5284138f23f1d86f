import { StoreUnavailableError } from "../errors.ts";
import { onAbort, unlessAborted } from "../time/abort.ts";
import { type Clock, sleep } from "../time/clock.ts";
import type { FaultEffect, FaultScope } from "./fault.ts";

/** What a call that was made to fail throws. */
export interface Failure extends FaultScope {
  /** Thrown as it is. Default: a `StoreUnavailableError` of the two properties below. */
  error?: Error | undefined;
  /** Whether the service answered, with a 503, say. Default: false, as after a reset connection. */
  answered?: boolean | undefined;
  /** How long the service asks to be left alone, in milliseconds. Default: it does not ask. */
  retryAfterMs?: number | undefined;
}

/** The request arrives late, and not at all if the call is aborted before. */
export function requestLate(clock: Clock, ms: number): FaultEffect {
  return async (call, send) => {
    await sleep(clock, ms, { signal: call.signal });
    return send(call);
  };
}

/** The request is applied at once, and its answer is late. */
export function answerLate(clock: Clock, ms: number): FaultEffect {
  return (call, send) => keptBack(send(call), () => sleep(clock, ms, { signal: call.signal }));
}

/** The request arrives when the fault is healed, and not at all if the call is aborted before. */
export function requestStuck(healed: AbortSignal): FaultEffect {
  return async (call, send) => {
    await aborted(healed, call.signal);
    return send(call);
  };
}

/** The request is applied at once, even if the call is aborted, and its answer comes when the fault is healed. */
export function answerStuck(healed: AbortSignal): FaultEffect {
  return (call, send) => keptBack(send({}), () => aborted(healed, call.signal));
}

/** The request is applied late, even if the call is aborted. */
export function appliedLate(clock: Clock, ms: number): FaultEffect {
  return (call, send) => {
    const answer = sleep(clock, ms).then(() => send({}));
    return unlessAborted(answer, call.signal);
  };
}

/** The call fails without being applied. */
export function notApplied(failure: Failure): FaultEffect {
  return async (_call, _send, { operation, key }) => {
    throw errorOf(failure, `${operation} was made to fail`, key);
  };
}

/** The call is applied, and fails. */
export function answerLost(failure: Failure): FaultEffect {
  return async (call, send, { operation, key }) => {
    await send(call);
    throw errorOf(failure, `the answer of ${operation} was lost`, key);
  };
}

function errorOf({ error, answered = false, retryAfterMs }: Failure, text: string, key: string | undefined): Error {
  return error ?? new StoreUnavailableError(text, key, { answered, retryAfterMs });
}

async function keptBack<T>(answered: Promise<T>, pause: () => Promise<void>): Promise<T> {
  const [answer] = await Promise.allSettled([answered]);
  await pause();
  if (answer.status === "rejected") throw answer.reason;
  return answer.value;
}

/** Waits until one signal aborts, or rejects with the other's reason. */
function aborted(awaited: AbortSignal, signal: AbortSignal | undefined): Promise<void> {
  if (awaited.aborted) return Promise.resolve();
  return unlessAborted(new Promise<void>((resolve) => void onAbort(awaited, resolve)), signal);
}
