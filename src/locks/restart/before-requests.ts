import type { MutexContext } from "../../lease/mutex-context.ts";
import type { RequestGate } from "../../lease/requests.ts";
import { inRootContext } from "../../time/root-context.ts";
import type { LeaseState } from "./lease-state.ts";

/**
 * What a mutex with a state directory does before its requests: at the first it releases what dead processes have left
 * there; and each lease is written down before it is asked for.
 */
export function beforeRequests(mutex: MutexContext, directory: string, requestTimeoutMs: number): RequestGate {
  let state: LeaseState | undefined;
  let starting: Promise<void> | undefined;
  const start = async (): Promise<void> => {
    try {
      const { LeaseState } = await import("./lease-state.ts");
      state = await LeaseState.begin({ mutex, directory, requestTimeoutMs });
    } catch (error) {
      mutex.log(`nothing is kept in ${directory}: ${String(error)}`);
    }
    starting = undefined;
  };
  let hasBegun = false;
  return (operation, { name }) => {
    // Releases wait for nothing: the first ones are of what dead processes have left.
    if (operation === "release") return undefined;
    if (!hasBegun) starting = inRootContext(start);
    hasBegun = true;
    return starting ?? state?.before(operation, name);
  };
}
