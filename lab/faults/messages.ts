/** What a process is told to do. */
export type Order =
  | { readonly order: "start" }
  /** Answers every "about to": go on. */
  | { readonly order: "go on" }
  | { readonly order: "end work" }
  | { readonly order: "throw" }
  | { readonly order: "cancel" }
  /** After all was over: the lock once more, with the same client. */
  | { readonly order: "again" }
  /** Keep the event loop busy. */
  | { readonly order: "stall"; readonly ms: number };

/** What a process says, with the time at which it was so. */
export type Report = { readonly at: number } & (
  | { readonly kind: "ready" }
  | { readonly kind: "asks" }
  | { readonly kind: "cancelled" }
  | { readonly kind: "held" }
  /** The library said that the lock is lost. */
  | { readonly kind: "told"; readonly why: string }
  /** The work asked, and the library said that the lock is not held. */
  | { readonly kind: "asked: not held" }
  /** After that it asked again, and the library said that the lock is held. */
  | { readonly kind: "asked: held again" }
  /** The first thing the work did after the process stood still: it asked. */
  | { readonly kind: "resumed"; readonly believes: boolean }
  | { readonly kind: "work ended" }
  /** The library's call is over: resolved, or rejected with an error of this name. */
  | { readonly kind: "settled"; readonly error?: string }
  /** The second call for the lock is over. */
  | { readonly kind: "settled again"; readonly error?: string }
  | { readonly kind: "closed" }
  | { readonly kind: "uncaught"; readonly origin: string; readonly error: string }
);

/**
 * What kind of holder it is, unless it just works under the lock. Idle: it does nothing under it, for ever, and nothing
 * else keeps its process. Sleeper: on a machine that can be made to sleep. Service: it ends when a signal tells it to,
 * and another package listens to signals beside the library. Repeater: it takes the lock once more after it lost it.
 * Command: the library's command with a job under it.
 */
export type HolderKind = "idle" | "sleeper" | "service" | "repeater" | "command";

/** How a process is started. */
export interface Plan {
  /** The module of the library's adapter. */
  readonly peer: string;
  readonly address: string;
  readonly key: string;
  readonly holder?: HolderKind | undefined;
  /** The module of another package's listener for signals, for a service. */
  readonly otherListener: string;
}
