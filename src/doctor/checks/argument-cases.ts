import { isMutexError } from "../../errors.ts";
import type { ConditionCase } from "./condition-cases.ts";

/** Arguments that Azure refuses, and emulators may take. azmutex sends none of them. */
export const ARGUMENT_CASES: readonly ConditionCase[] = [
  {
    id: "leaseIdsNotValidated",
    otherwise: "a lease id that is no GUID is refused",
    see: async (blob) =>
      (await isTaken(blob.acquire("not-a-guid", 60))) ? 'the lease id "not-a-guid" was taken' : undefined,
  },
  {
    id: "leaseIdsCaseSensitive",
    otherwise: "a lease id in capitals is the same",
    see: async (blob, { holder }) => {
      await blob.acquire(holder, 60);
      const { kind } = await blob.renew(holder.toUpperCase());
      return kind === "renewed" ? undefined : `a renewal with the id in capitals was answered: ${kind}`;
    },
  },
  {
    id: "fractionalLeaseLength",
    otherwise: "a lease of a part of a second is refused",
    see: async (blob, { holder }) =>
      (await isTaken(blob.acquire(holder, 15.5))) ? "a lease of 15.5 s was granted" : undefined,
  },
  {
    id: "breakPeriodOver60OnInfiniteLease",
    otherwise: "a break period over 60 s is refused",
    see: async (blob, { holder }, { store, requests }) => {
      await blob.acquire(holder, "infinite");
      const ask = (signal: AbortSignal) => store.break(blob.name, { periodSeconds: 61, signal });
      const isBroken = await isTaken(requests.once("break", blob.name, ask, { isCounted: false }));
      return isBroken ? "a break period of 61 s was taken" : undefined;
    },
  },
];

/** Whether the service answered with a status that is no success. */
const isFailure = (cause: unknown): boolean => typeof cause === "object" && cause !== null && "statusCode" in cause;

/** Whether the service took it. It refuses for certain what it does not take. */
async function isTaken(request: Promise<unknown>): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (error) {
    if (isMutexError(error) && error.code === "STORE_REFUSED") return false;
    // It was done, and the answer names a time that no lease has.
    if (isMutexError(error) && error.code === "STORE_UNAVAILABLE" && error.answered && !isFailure(error.cause))
      return true;
    throw error;
  }
}
