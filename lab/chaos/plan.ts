import { Chance } from "../shared/chance.ts";

/** What goes wrong. */
export type TroubleKind = ProcessTrouble | NetworkTrouble | StorageTrouble | "lateWrites";
export type ProcessTrouble = "kill" | "killBeforeWrite" | "shortStop" | "longStop" | "stopBeforeWrite";
export type NetworkTrouble =
  | "latency"
  | "busy"
  | "cut"
  | "halfOpen"
  | "lostAnswers"
  | "doubled"
  | "lateRequests"
  | "slowThenCut"
  | "gateway";
export type StorageTrouble = "storageRestarted" | "storageGone";

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

/** Words for people. */
export const TROUBLE_WORDS: Readonly<Record<TroubleKind, string>> = Object.freeze({
  kill: "killed (SIGKILL), and started again",
  killBeforeWrite: "killed between its last look at the lock and its write",
  shortStop: "stopped (SIGSTOP) for less than a lease",
  longStop: "stopped for longer than a lease",
  stopBeforeWrite: "stopped for longer than a lease between its last look and its write",
  latency: "every request late",
  busy: "503, with and without Retry-After",
  cut: "connections cut",
  halfOpen: "connections accepted and never answered",
  lostAnswers: "answers lost",
  doubled: "requests arrive twice",
  lateRequests: "requests arrive after their sender gave up",
  slowThenCut: "answers late, then none at all",
  gateway: "a gateway answers instead of the storage",
  storageRestarted: "storage killed, and back with what it had saved",
  storageGone: "storage killed, and back empty",
  lateWrites: "writes to the register late, some by more than a lease",
});

const QUIET_START_MS = 1_000;
/** How long before a trouble a holder is told to keep what it has, and what it gets. */
export const LINGER_BEFORE_MS = 4_000;

/** Lanes go on side by side; in each one trouble follows the other, every kind once before any comes again. */
interface Lane<K extends TroubleKind> {
  readonly kinds: readonly K[];
  /** How many milliseconds a trouble lasts, with a lease of a second. */
  readonly lasts: Readonly<Record<K, readonly [from: number, to: number]>>;
  readonly pauseMs: readonly [from: number, to: number];
  /** So many of the troubles befall one worker; the others all of them. */
  readonly single: number;
  /** So many of these a holder. */
  readonly aimed: number;
  /** Of this part of a round, from its beginning. */
  readonly part: number;
}

const PROCESS: Lane<ProcessTrouble>["lasts"] = {
  kill: [15, 200],
  killBeforeWrite: [15, 200],
  shortStop: [100, 750],
  longStop: [1_050, 1_500],
  stopBeforeWrite: [1_050, 1_500],
};
const NETWORK: Lane<NetworkTrouble>["lasts"] = {
  latency: [300, 700],
  busy: [300, 800],
  cut: [300, 1_600],
  halfOpen: [1_050, 1_700],
  lostAnswers: [500, 1_000],
  doubled: [500, 1_000],
  lateRequests: [500, 1_000],
  slowThenCut: [1_500, 1_800],
  gateway: [300, 800],
};
const STORAGE: Lane<StorageTrouble>["lasts"] = { storageRestarted: [130, 300], storageGone: [130, 300] };
const WRITES: Lane<"lateWrites">["lasts"] = { lateWrites: [400, 800] };

/** What goes wrong in a round, and when. The same seed is the same plan. */
export function planOf({ seed, round, roundMs, workers, leaseMs }: PlanOptions): Trouble[] {
  const processes = { lasts: PROCESS, pauseMs: [3_000, 9_000], single: 1, aimed: 0.7 } as const;
  const networks = { lasts: NETWORK, pauseMs: [1_000, 6_000], aimed: 0.7, part: 1 } as const;
  const everybody = { single: 0, aimed: 0, part: 1 } as const;
  const lanes = [
    // Of a fair queue's waiter who dies the ticket stays for a minute: the later it dies, the longer the calm.
    { ...processes, kinds: ["kill", "killBeforeWrite"], part: 0.45 },
    { ...processes, kinds: ["shortStop", "longStop", "stopBeforeWrite"], part: 1 },
    // Nothing is proved while no process can reach the storage.
    { ...networks, kinds: ["cut", "halfOpen", "slowThenCut"], single: 1 },
    { ...networks, kinds: ["latency", "busy", "lostAnswers", "doubled", "lateRequests"], single: 0.75 },
    { ...everybody, kinds: ["lateWrites"], lasts: WRITES, pauseMs: [6_000, 20_000] },
    { ...everybody, kinds: keysOf(STORAGE), lasts: STORAGE, pauseMs: [22_000, 40_000] },
  ] as Lane<TroubleKind>[];
  const gateways = {
    ...networks,
    kinds: ["gateway"],
    pauseMs: [4_000, 15_000],
    single: 0.75,
  } as Lane<NetworkTrouble> as Lane<TroubleKind>;
  const planned = (lane: Lane<TroubleKind>, i: number): Trouble[] => [
    ...troublesOf(lane, new Chance(seed, `lane ${i} of round ${round}`), roundMs * lane.part, { workers, leaseMs }),
  ];
  // A trouble's place decides what its chance is: the last lane comes after all others, so that it changes none of
  // them.
  return [...lanes.flatMap(planned).sort((a, b) => a.at - b.at), ...planned(gateways, lanes.length)];
}

function* troublesOf<K extends TroubleKind>(
  lane: Lane<K>,
  chance: Chance,
  to: number,
  { workers, leaseMs }: Pick<PlanOptions, "workers" | "leaseMs">,
): Generator<Trouble> {
  let deck: K[] = [];
  let at = QUIET_START_MS;
  for (;;) {
    if (deck.length === 0) deck = shuffled(lane.kinds, chance);
    at += chance.between(...lane.pauseMs);
    // What does not fit any more makes place for what does.
    const lasting = deck.map((kind) => {
      const [shortest, longest]: readonly [number, number] = lane.lasts[kind];
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

function shuffled<K>(kinds: readonly K[], chance: Chance): K[] {
  return kinds
    .map((kind) => ({ kind, place: chance.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ kind }) => kind);
}

function keysOf<K extends string>(record: Readonly<Record<K, unknown>>): K[] {
  return Object.keys(record) as K[];
}
