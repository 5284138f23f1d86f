import { commandKilled, holderThat, killedAndRestarted, killedWithGuardian, type StartHolder } from "./holders.ts";

/** A way to die while holding locks. */
export interface DeathKind {
  /** For its keys, and for the chart and the page that have its figures. */
  readonly name: string;
  /** What happens, in Markdown. */
  readonly what: string;
  readonly locks: number;
  readonly startHolder: StartHolder;
  /** Whether the next holder has to wait until the lease has run out. */
  readonly takesLease?: boolean;
}

const onSignals = { releases: "onSignals" } as const;
const onExit = { releases: "onExit" } as const;

/** Each with one lock and with fifty. */
const ENDS: readonly DeathKind[] = (
  [
    ["throws", "uncaught exception", "uncaught exception with `releaseOnExit`"],
    ["exits", "process.exit", "`process.exit(1)` with `releaseOnExit`"],
    ["ends", "natural end", "natural end with `releaseOnExit`"],
  ] as const
).flatMap(([ending, name, what]) =>
  [1, 50].map((locks) => ({ name, what, locks, startHolder: holderThat(ending, onExit) })),
);

export const DEATHS: readonly DeathKind[] = [
  {
    name: "SIGTERM",
    what: "SIGTERM with `releaseOnSignals`",
    locks: 1,
    startHolder: holderThat("SIGTERM", onSignals),
  },
  ...ENDS,
  {
    name: "azmutex run killed",
    what: "SIGKILL of `azmutex run`, whose job is two processes, one of which ignores SIGTERM",
    locks: 1,
    startHolder: commandKilled,
  },
  {
    name: "killed, guardian there",
    what: "SIGKILL with a guardian",
    locks: 1,
    startHolder: holderThat("SIGKILL", { options: { guardian: true } }),
  },
  {
    name: "killed, then restarted",
    what: "SIGKILL, and a restart 1 s later with a state directory: from the restart",
    locks: 1,
    startHolder: killedAndRestarted,
  },
  {
    name: "killed, guardian too",
    what: "SIGKILL of the process and of its guardian",
    locks: 1,
    startHolder: killedWithGuardian,
    takesLease: true,
  },
];
