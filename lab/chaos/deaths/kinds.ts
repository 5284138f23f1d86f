import type { Chance } from "../../shared/chance.ts";

/** A way in which a holder's process dies, or seems to. */
export type DeathKind = keyof typeof KINDS;

/** Where the processes of a lane live. */
export type Setting =
  /** On the machine itself, each with a guardian and an exit hook. */
  | "host"
  /** The same, for what takes a lease. */
  | "patient"
  /** In one pid namespace. */
  | "pids"
  /** Each the first process of namespaces of its own, with one state directory for both. */
  | "containers"
  /** `azmutex run`, with a job of two processes that ignore SIGTERM. */
  | "command";

interface Kind {
  readonly setting: Setting;
  /** How many of 500. */
  readonly share: number;
  readonly words: string;
}

export const KINDS = Object.freeze({
  killed: { setting: "host", share: 85, words: "holder killed, its guardian not (SIGKILL, SIGSEGV, SIGABRT)" },
  killedBeforeWrite: {
    setting: "host",
    share: 30,
    words: "holder killed between its last look at the lock and its write",
  },
  ended: { setting: "host", share: 50, words: "uncaught exception, process.exit" },
  guardianKilled: { setting: "host", share: 45, words: "guardian killed, and its holder lives on" },
  pipesClosed: { setting: "host", share: 35, words: "holder closes its pipes, and lives on" },
  bothKilled: { setting: "patient", share: 25, words: "holder and guardian killed" },
  stopped: {
    setting: "patient",
    share: 25,
    words: "holder stopped (SIGSTOP) for longer than the lease, its guardian not",
  },
  pidReused: {
    setting: "pids",
    share: 60,
    words: "holder killed, and its pid another process's before the guardian looks",
  },
  containerKilled: {
    setting: "containers",
    share: 85,
    words: "container killed, and started again on the same directory",
  },
  commandKilled: { setting: "command", share: 60, words: "azmutex run killed, and its job left behind" },
} as const satisfies Record<string, Kind>);

export const DEATH_KINDS = Object.keys(KINDS) as readonly DeathKind[];

/** Whether the holder's process goes on. */
export function livesOn(kind: DeathKind): boolean {
  return kind === "guardianKilled" || kind === "pipesClosed" || kind === "stopped";
}

/** Which deaths are to come in a setting, in an order that the seed decides. All together they are so many. */
export function deckOf(setting: Setting, deaths: number, chance: Chance): DeathKind[] {
  const whole = DEATH_KINDS.reduce((sum, kind) => sum + KINDS[kind].share, 0);
  let before = 0;
  const deck = DEATH_KINDS.flatMap((kind) => {
    const from = Math.round((before * deaths) / whole);
    before += KINDS[kind].share;
    const to = Math.round((before * deaths) / whole);
    // Of every kind there is one.
    return KINDS[kind].setting === setting ? Array.from({ length: Math.max(1, to - from) }, () => kind) : [];
  });
  return chance.shuffled(deck);
}
