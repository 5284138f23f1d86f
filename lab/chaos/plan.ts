import { Chance } from "../shared/chance.ts";

/** What befalls processes: how many milliseconds it lasts, with a lease of a second, and words for people. */
const PROCESS = {
  kill: { lasts: [15, 200], words: "killed (SIGKILL), and started again" },
  killBeforeWrite: { lasts: [15, 200], words: "killed between its last look at the lock and its write" },
  shortStop: { lasts: [100, 750], words: "stopped (SIGSTOP) for less than a lease" },
  longStop: { lasts: [1_050, 1_500], words: "stopped for longer than a lease" },
  stopBeforeWrite: {
    lasts: [1_050, 1_500],
    words: "stopped for longer than a lease between its last look and its write",
  },
} as const;
/** What befalls networks. */
const NETWORK = {
  latency: { lasts: [300, 700], words: "every request late" },
  busy: { lasts: [300, 800], words: "503, with and without Retry-After" },
  cut: { lasts: [300, 1_600], words: "connections cut" },
  halfOpen: { lasts: [1_050, 1_700], words: "connections accepted and never answered" },
  lostAnswers: { lasts: [500, 1_000], words: "answers lost" },
  doubled: { lasts: [500, 1_000], words: "requests arrive twice" },
  lateRequests: { lasts: [500, 1_000], words: "requests arrive after their sender gave up" },
  slowThenCut: { lasts: [1_500, 1_800], words: "answers late, then none at all" },
  gateway: { lasts: [300, 800], words: "a gateway answers instead of the storage" },
} as const;
/** What befalls the storage. */
const STORAGE = {
  storageRestarted: { lasts: [130, 300], words: "storage killed, and back with what it had saved" },
  storageGone: { lasts: [130, 300], words: "storage killed, and back empty" },
} as const;
/** What befalls writes to the register. */
const WRITES = {
  lateWrites: { lasts: [400, 800], words: "writes to the register late, some by more than a lease" },
} as const;
const ALL = { ...PROCESS, ...NETWORK, ...STORAGE, ...WRITES } as const;

/** What goes wrong. */
export type TroubleKind = keyof typeof ALL;
export type NetworkTrouble = keyof typeof NETWORK;
export type StorageTrouble = keyof typeof STORAGE;

/** Words for people. */
export const TROUBLE_WORDS = Object.fromEntries(
  Object.entries(ALL).map(([kind, { words }]) => [kind, words]),
) as Readonly<Record<TroubleKind, string>>;

export interface Trouble {
  readonly kind: TroubleKind;
  /** Milliseconds from the beginning of its round. */
  readonly at: number;
  readonly forMs: number;
  /**
   * The worker that it befalls, counted from 0; or whichever holds most shortly before, and keeps it until the trouble
   * is over.
   */
  readonly victim: number | "holder" | "all";
}

/** Whether it befalls a worker's process itself. */
export function isOfProcess({ kind }: Pick<Trouble, "kind">): boolean {
  return kind in PROCESS;
}

/** Kinds of which each is good for the same. */
export function groupOf({ kind }: Pick<Trouble, "kind">): string {
  if (kind === "kill" || kind === "killBeforeWrite") return "kills";
  if (kind in PROCESS) return "stops";
  return kind in NETWORK ? "disturbed networks" : kind in STORAGE ? "losses of the storage" : "late writes";
}

/** Whether it befalls the storage. */
export function isOfStorage({ kind }: Pick<Trouble, "kind">): boolean {
  return kind in STORAGE;
}

export interface PlanOptions {
  readonly seed: number;
  /** Which round of trouble, counted from 0. */
  readonly round: number;
  readonly roundMs: number;
  readonly workers: number;
  readonly leaseMs: number;
}

const QUIET_START_MS = 1_000;
/** How long before a trouble a holder is told to keep what it has, and what it gets. */
export const LINGER_BEFORE_MS = 4_000;

/** Lanes go on side by side; in each one trouble follows the other, every kind once before any comes again. */
interface Lane {
  readonly kinds: readonly TroubleKind[];
  readonly pauseMs: readonly [from: number, to: number];
  /** So many of the troubles befall one worker; the others all of them. */
  readonly single: number;
  /** So many of these a holder. */
  readonly aimed: number;
  /** Of this part of a round, from its beginning. */
  readonly part: number;
}

/** What goes wrong in a round, and when. The same seed is the same plan. */
export function planOf({ seed, round, roundMs, workers, leaseMs }: PlanOptions): Trouble[] {
  const processes = { pauseMs: [3_000, 9_000], single: 1, aimed: 0.7 } as const;
  const networks = { pauseMs: [1_000, 6_000], aimed: 0.7, part: 1 } as const;
  const everybody = { single: 0, aimed: 0, part: 1 } as const;
  const lanes = [
    // Of a fair queue's waiter who dies the ticket stays for a minute: the later it dies, the longer the calm.
    { ...processes, kinds: ["kill", "killBeforeWrite"], part: 0.45 },
    { ...processes, kinds: ["shortStop", "longStop", "stopBeforeWrite"], part: 1 },
    // Nothing is proved while no process can reach the storage.
    { ...networks, kinds: ["cut", "halfOpen", "slowThenCut"], single: 1 },
    { ...networks, kinds: ["latency", "busy", "lostAnswers", "doubled", "lateRequests"], single: 0.75 },
    { ...everybody, kinds: ["lateWrites"], pauseMs: [6_000, 20_000] },
    { ...everybody, kinds: ["storageRestarted", "storageGone"], pauseMs: [22_000, 40_000] },
  ] satisfies Lane[];
  const gateways = { ...networks, kinds: ["gateway"], pauseMs: [4_000, 15_000], single: 0.75 } satisfies Lane;
  const planned = (lane: Lane, i: number): Trouble[] => [
    ...troublesOf(lane, new Chance(seed, `lane ${i} of round ${round}`), roundMs * lane.part, { workers, leaseMs }),
  ];
  // A trouble's place decides what its chance is: the last lane comes after all others, so that it changes none of
  // them.
  return [...lanes.flatMap(planned).sort((a, b) => a.at - b.at), ...planned(gateways, lanes.length)];
}

function* troublesOf(
  lane: Lane,
  chance: Chance,
  to: number,
  { workers, leaseMs }: Pick<PlanOptions, "workers" | "leaseMs">,
): Generator<Trouble> {
  let deck: TroubleKind[] = [];
  let at = QUIET_START_MS;
  for (;;) {
    if (deck.length === 0) deck = chance.shuffled(lane.kinds);
    at += chance.between(...lane.pauseMs);
    // What does not fit any more makes place for what does.
    const lasting = deck.map((kind) => {
      const [shortest, longest] = ALL[kind].lasts;
      return { kind, forMs: (chance.between(shortest, longest) * leaseMs) / 1_000 };
    });
    const next = lasting.findIndex(({ forMs }) => at + forMs <= to);
    const [found] = next < 0 ? [] : lasting.slice(next);
    if (!found) return;
    deck.splice(next, 1);
    const { kind, forMs } = found;
    const one = chance.isOnce(lane.aimed) ? "holder" : chance.upTo(workers);
    yield { kind, at, forMs, victim: chance.isOnce(lane.single) ? one : "all" };
    at += forMs;
  }
}
