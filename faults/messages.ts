/** What a process is told to do. */
export type Order =
  | { readonly order: "start" }
  /** Answers every "about to": go on. */
  | { readonly order: "go on" }
  | { readonly order: "end work" }
  | { readonly order: "throw" }
  | { readonly order: "cancel" }
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
  /** The first thing the work did after the process stood still: it asked. */
  | { readonly kind: "resumed"; readonly believes: boolean }
  | { readonly kind: "work ended" }
  /** The library's call is over: resolved, or rejected with an error of this name. */
  | { readonly kind: "settled"; readonly error?: string }
  | { readonly kind: "closed" }
  | { readonly kind: "uncaught"; readonly origin: string; readonly error: string }
);

/** How a process is started. */
export interface Plan {
  /** The module of the library's adapter. */
  readonly peer: string;
  readonly address: string;
  readonly key: string;
  /** Whether it does nothing under the lock, for ever, and nothing else keeps it. */
  readonly idle: boolean;
}
