import { AsyncLocalStorage } from "node:async_hooks";

/**
 * Runs something in the async context in which this module was loaded, which is no task's. What goes on in the
 * background, renewals above all, outlives the task that began it: in that task's context it would join the trace and
 * the log of a request that has ended, and keep alive what the request had.
 */
export const inRootContext: <T>(run: () => T) => T = AsyncLocalStorage.snapshot();
