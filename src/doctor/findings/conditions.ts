import type { FindingTexts } from "./finding.ts";

const PROMISE_LINK = "docs/guarantees.md#the-promise";
const NOT_AZURE = "Use Azure Blob Storage, or a service that keeps to its documentation.";
const EMULATOR_LINK = "docs/testing.md";
const EMULATOR_ADVICE = "Nothing, on an emulator. Azure itself refuses it.";

export type ConditionFinding =
  | "create-over-existing"
  | "stale-if-match"
  | "write-without-lease"
  | "write-with-foreign-lease"
  | "second-acquire"
  | "own-acquire"
  | "dead-renewal"
  | "change-fences"
  | "break-period"
  | "lease-changes-etag"
  | "leaseIdsNotValidated"
  | "leaseIdsCaseSensitive"
  | "fractionalLeaseLength"
  | "breakPeriodOver60OnInfiniteLease";

/** What the service does otherwise than locks need it, or than Azure is documented to. */
export const CONDITIONS: FindingTexts<ConditionFinding> = Object.freeze({
  "create-over-existing": {
    severity: "unsafe",
    means: "Two processes that make a lock's blob at once wipe each other's lease and record.",
    advice: NOT_AZURE,
    link: PROMISE_LINK,
  },
  "stale-if-match": {
    severity: "unsafe",
    means: "A late write goes over a newer one: fencing tokens may be handed out twice.",
    advice: NOT_AZURE,
    link: "docs/guarantees.md#fencing-tokens",
  },
  "write-without-lease": {
    severity: "unsafe",
    means: "Programs that do not hold the lock can write its blob: lock.conditions protects nothing.",
    advice: NOT_AZURE,
    link: PROMISE_LINK,
  },
  "write-with-foreign-lease": {
    severity: "unsafe",
    means: "A holder that lost the lock can still write its blob: lock.conditions protects nothing.",
    advice: NOT_AZURE,
    link: PROMISE_LINK,
  },
  "second-acquire": { severity: "unsafe", means: "Two processes get one lock.", advice: NOT_AZURE, link: PROMISE_LINK },
  "own-acquire": {
    severity: "failing",
    means: "A request whose answer was lost cannot be repeated: locks are lost, or stay held until they lapse.",
    advice: NOT_AZURE,
    link: PROMISE_LINK,
  },
  "dead-renewal": {
    severity: "unsafe",
    means: "A holder is told that it still has a lock that is another's.",
    advice: NOT_AZURE,
    link: PROMISE_LINK,
  },
  "change-fences": {
    severity: "unsafe",
    means: "A lock that was handed on can still be released or written by its last holder.",
    advice: NOT_AZURE,
    link: PROMISE_LINK,
  },
  "break-period": {
    severity: "unsafe",
    means: "A broken lock is free before its holder has had the time to stop, or never.",
    advice: "Break no locks here: stop the holder instead.",
    link: "docs/troubleshooting.md#free-it-now",
  },
  "lease-changes-etag": {
    severity: "failing",
    means: "Every lock reads and writes its record again: 4 requests in place of 2, and break with a condition fails.",
    advice: NOT_AZURE,
    link: "docs/protocol.md",
  },
  leaseIdsNotValidated: {
    severity: "notice",
    means: "An id that is no GUID is taken. azmutex sends none.",
    advice: EMULATOR_ADVICE,
    link: EMULATOR_LINK,
  },
  leaseIdsCaseSensitive: {
    severity: "notice",
    means: "Lease ids are compared to the letter. azmutex sends lower case alone.",
    advice: EMULATOR_ADVICE,
    link: EMULATOR_LINK,
  },
  fractionalLeaseLength: {
    severity: "notice",
    means: "A lease of part of a second is taken. azmutex asks for whole seconds.",
    advice: EMULATOR_ADVICE,
    link: EMULATOR_LINK,
  },
  breakPeriodOver60OnInfiniteLease: {
    severity: "notice",
    means: "A break period over 60 s is taken. azmutex asks for at most 60 s.",
    advice: EMULATOR_ADVICE,
    link: EMULATOR_LINK,
  },
});

export type LeaseTimeFinding =
  | "renewal-after-foreign-write"
  | "renewWithForeignIdOnExpiredLease"
  | "lease-ends-early"
  | "lease-ends-late";

/** What shows after a lease has run out. */
export const LEASE_TIMES: FindingTexts<LeaseTimeFinding> = Object.freeze({
  "renewal-after-foreign-write": {
    severity: "unsafe",
    means: "A holder whose lease ran out is told that it still has the lock, although another program wrote the blob.",
    advice: NOT_AZURE,
    link: PROMISE_LINK,
  },
  renewWithForeignIdOnExpiredLease: {
    severity: "notice",
    means: "A renewal with any id revives a lease that ran out. azmutex compares the id in the answer.",
    advice: EMULATOR_ADVICE,
    link: EMULATOR_LINK,
  },
  "lease-ends-early": {
    severity: "unsafe",
    means: "A lock is free before its holder's deadline: two may hold it.",
    advice: "Set marginMs to more than what the lease lacks.",
    link: "docs/lease-and-margin.md#what-has-to-fit",
  },
  "lease-ends-late": {
    severity: "notice",
    means: "After a crash others wait longer than the lease says.",
    advice: "Nothing: the lock is safe.",
    link: "docs/lease-and-margin.md#how-long-may-a-crashed-holder-block-the-others",
  },
});
