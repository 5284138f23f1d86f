import type { FindingTexts } from "./finding.ts";

const RUNTIMES_LINK = "docs/runtimes.md";

export type ClockFinding = "machine-clock" | "dates-disagree" | "last-modified-ahead" | "no-suspend-clock";

/** What the clocks say of each other. */
export const CLOCKS: FindingTexts<ClockFinding> = Object.freeze({
  "machine-clock": {
    severity: "notice",
    means: "Locks do not use this clock; signatures do, and are refused when it is a quarter of an hour off.",
    advice: "Keep the clock right with NTP.",
    link: "docs/troubleshooting.md#access_denied",
  },
  "dates-disagree": {
    severity: "failing",
    means: "The service's machines disagree on the time by more than azmutex allows for: fencing tokens may repeat.",
    advice: "Report it to the operator of the service.",
    link: "docs/guarantees.md#fencing-tokens",
  },
  "last-modified-ahead": {
    severity: "failing",
    means: "A blob is dated later than the answer about it: fencing tokens may repeat after a foreign write.",
    advice: "Report it to the operator of the service.",
    link: "docs/guarantees.md#fencing-tokens",
  },
  "no-suspend-clock": {
    severity: "notice",
    means: "This runtime has no clock that goes on during suspend: after a sleep a lock may seem held for a moment.",
    advice: "Allow the runtime to read the machine's uptime (Deno: --allow-sys).",
    link: "docs/guarantees.md#after-a-sleep-of-the-machine",
  },
});

export type SpeedFinding = "slow" | "throttled" | "unanswered" | "event-loop";

/** How fast service and process are. */
export const SPEED: FindingTexts<SpeedFinding> = Object.freeze({
  slow: {
    severity: "notice",
    means: "A renewal may take as long as a request may: single ones fail now and then.",
    advice: "Run nearer to the account, or set a longer tryTimeoutMs and lease.",
    link: "docs/lease-and-margin.md#what-has-to-fit",
  },
  throttled: {
    severity: "notice",
    means: "The service turns requests away. azmutex waits as it is asked to, and locking becomes slow.",
    advice: "Look for what else uses the account; give locks an account of their own.",
    link: "docs/operations.md#the-account",
  },
  unanswered: {
    severity: "notice",
    means: "Some requests were not answered. azmutex repeats them; a series of them loses locks.",
    advice: "Look at the network, and at proxies on the way.",
    link: "docs/troubleshooting.md#the-lock-is-lost-again-and-again",
  },
  "event-loop": {
    severity: "notice",
    means: "This process could not act for so long: renewals and loss signals are late by as much.",
    advice: "Set marginMs to more than that, or move the work off the event loop.",
    link: "docs/guarantees.md#the-signal-is-late-by-any-stall-the-clock-is-not",
  },
});

export type RuntimeFinding = "runtime-too-old" | "sdk-too-old" | "sdk-untested" | "sdk-needs-newer-node" | "two-sdks";

/** What the process is made of. */
export const RUNTIME: FindingTexts<RuntimeFinding> = Object.freeze({
  "runtime-too-old": {
    severity: "failing",
    means: "azmutex does not run here.",
    advice: "Take Node.js 20.19 or newer.",
    link: RUNTIMES_LINK,
  },
  "sdk-too-old": {
    severity: "failing",
    means: "azmutex is not tested with an SDK that old.",
    advice: "npm install @azure/storage-blob@latest",
    link: RUNTIMES_LINK,
  },
  "sdk-untested": {
    severity: "notice",
    means: "This version of the SDK is newer than those azmutex is tested with.",
    advice: "If something is odd, try the tested version.",
    link: RUNTIMES_LINK,
  },
  "sdk-needs-newer-node": {
    severity: "notice",
    means: "The SDK asks for a newer Node.js than this one.",
    advice: "Take Node.js 22 or newer, or npm install @azure/storage-blob@12.32.0",
    link: RUNTIMES_LINK,
  },
  "two-sdks": {
    severity: "notice",
    means: "The client is of another copy of the SDK than azmutex would load. Both work; the process is larger.",
    advice: "npm dedupe",
    link: RUNTIMES_LINK,
  },
});

export type ContractFinding = "contract-case";

/** Cases of the contract. */
export const CONTRACT: FindingTexts<ContractFinding> = Object.freeze({
  "contract-case": {
    severity: "failing",
    means: "The service does this otherwise than Azure is documented to.",
    advice: "Attach the report to an issue.",
    link: "docs/doctor.md#the-contract",
  },
});

export type AnyFinding = "unfinished";

/** What may befall any check. */
export const ANY: FindingTexts<AnyFinding> = Object.freeze({
  unfinished: {
    severity: "failing",
    means: "This part could not be looked at.",
    advice: "Run it again.",
    link: "docs/troubleshooting.md#no-answer-from-the-service",
  },
});
