/** A model is a file: `queue` is `queue.pml`. */
export type Model = "lease" | "tokens" | "handover" | "queue" | "once";

/**
 * What a model can be found to violate, as it says so itself. `starvation` is a circle in which a process waits for
 * ever.
 */
export type Property =
  | "exclusion"
  | "token order"
  | "writes"
  | "order"
  | "progress"
  | "promptness"
  | "starvation"
  | "done once"
  | "at most once"
  | "slot order"
  | "stale write";

/** One exhaustive search of one model within bounds. */
export interface Check {
  readonly model: Model;
  /** For people: what is bounded, and by how much. */
  readonly bounds: string;
  readonly defines: readonly string[];
  readonly properties: readonly Property[];
  /** Whether it is part of `--quick`. */
  readonly quick?: boolean;
}

/** A rule of the protocol that a model can do without, to see what it is for. */
export interface Switch {
  readonly model: Model;
  /** As the model calls it. */
  readonly name: string;
  /** The rule of docs/protocol.md that is left out. */
  readonly rule: `P${number}`;
  /** What exactly the model does without, in words. */
  readonly without: string;
  /** Everything else that the model is told. */
  readonly defines: readonly string[];
  readonly breaks: Property;
  readonly quick?: boolean;
}

const LEASE_3 = "3 processes, 1 acquisition each";
const LEASE_2 = "2 processes, 2 acquisitions each";
const NO_MISHAPS = ["FAULTS=0", "QUITS=0", "CRASHES=0"];
/** With tokens that a holder reserves for the next one. */
const TOLD = ["TOLD", "HOLDS=3", "LAST_SECOND=3", "STRANGERS=0", "RESTARTS=0"];
const ONCE = ["done once", "slot order", "stale write"] as const;
const FOREVER = ["FOREVER", ...NO_MISHAPS, "SECONDS=2"];
/** A channel beside the queue; and what a release without a list is about, with waiters that never rest. */
const CHANNEL = ["CHANNEL"];
const LEFT_OUT = [...CHANNEL, "SKIPS=1", "AWAKE"];
const LEFT_OUT_4 = [...LEFT_OUT, "ACQUISITIONS=4", "SECONDS=1", ...NO_MISHAPS];

/** The models as they are meant: each search has to end without a finding. */
export const CHECKS: readonly Check[] = [
  {
    model: "lease",
    bounds: "2 processes, 1 acquisition each, 2 faults",
    defines: ["PROCESSES=2", "FAULTS=2"],
    properties: ["exclusion"],
    quick: true,
  },
  { model: "lease", bounds: `${LEASE_3}, 2 faults`, defines: ["FAULTS=2"], properties: ["exclusion"] },
  {
    model: "lease",
    bounds: `${LEASE_2}, 2 faults`,
    defines: ["PROCESSES=2", "ACQUISITIONS=2", "FAULTS=2"],
    properties: ["exclusion"],
  },
  {
    model: "tokens",
    bounds: "3 processes, 3 holds, 3 seconds, 1 unanswered write, 1 stranger",
    defines: ["HOLDS=3", "LAST_SECOND=3", "FAULTS=1", "STRANGERS=1", "RESTARTS=0"],
    properties: ["token order"],
  },
  {
    model: "tokens",
    bounds: "3 processes, 3 holds, 3 seconds, 1 restart, 2 strangers",
    defines: ["HOLDS=3", "LAST_SECOND=3", "FAULTS=0", "STRANGERS=2", "RESTARTS=1"],
    properties: ["token order"],
  },
  {
    model: "tokens",
    bounds: "3 processes, 3 holds, 3 seconds, 1 stranger",
    defines: ["HOLDS=3", "LAST_SECOND=3", "FAULTS=0", "STRANGERS=1", "RESTARTS=0"],
    properties: ["token order"],
    quick: true,
  },
  {
    model: "tokens",
    bounds: "3 processes, 3 holds, 4 seconds, 1 restart, 1 stranger, front ends a second apart",
    defines: ["HOLDS=3", "LAST_SECOND=4", "FAULTS=0", "STRANGERS=1", "RESTARTS=1", "SKEW=1"],
    properties: ["token order"],
  },
  {
    model: "tokens",
    bounds: "3 processes, 3 holds, 3 seconds, 1 unanswered write, tokens told by a message",
    defines: [...TOLD, "FAULTS=1"],
    properties: ["token order"],
    quick: true,
  },
  {
    model: "handover",
    bounds: "3 tasks and a rival, for ever",
    defines: [],
    properties: ["exclusion", "writes"],
    quick: true,
  },
  {
    model: "handover",
    bounds: "3 tasks and a rival, for ever, fair",
    defines: ["FOREVER"],
    properties: ["starvation"],
    quick: true,
  },
  {
    model: "queue",
    bounds: "3 processes, 1 acquisition each, 1 fault, 1 gives up, 1 crash",
    defines: ["FAULTS=1", "QUITS=1", "CRASHES=1"],
    properties: ["exclusion", "order", "progress", "promptness"],
  },
  {
    model: "queue",
    bounds: "3 processes, 1 acquisition each, 2 seconds, 2 faults",
    defines: ["SECONDS=2", "FAULTS=2", "QUITS=0", "CRASHES=0"],
    properties: ["exclusion", "order", "progress", "promptness"],
  },
  {
    model: "queue",
    bounds: "3 processes, 1 acquisition each, 1 fault",
    defines: ["FAULTS=1", "QUITS=0", "CRASHES=0"],
    properties: ["exclusion", "order", "progress", "promptness"],
    quick: true,
  },
  {
    model: "queue",
    bounds: "3 processes, 4 acquisitions in all, 2 seconds, 1 gives up",
    defines: ["ACQUISITIONS=4", "SECONDS=2", "FAULTS=0", "QUITS=1", "CRASHES=0"],
    properties: ["exclusion", "order", "progress", "promptness"],
    quick: true,
  },
  {
    model: "queue",
    bounds: "3 processes, for ever, fair: the first",
    defines: [...FOREVER, "WHO=0"],
    properties: ["starvation"],
  },
  {
    model: "queue",
    bounds: "3 processes, for ever, fair: the last",
    defines: [...FOREVER, "WHO=2"],
    properties: ["starvation"],
    quick: true,
  },
  {
    model: "queue",
    bounds: "3 processes, 1 acquisition each, 1 gives up, a channel",
    defines: [...CHANNEL, "FAULTS=0", "QUITS=1", "CRASHES=0"],
    properties: ["exclusion", "order", "progress", "promptness"],
    quick: true,
  },
  {
    model: "queue",
    bounds: "3 processes, 1 acquisition each, 1 crash, a channel",
    defines: [...CHANNEL, "FAULTS=0", "QUITS=0", "CRASHES=1"],
    properties: ["exclusion", "order", "progress", "promptness"],
  },
  {
    model: "queue",
    bounds: "3 processes, 1 acquisition each, 1 fault, a channel",
    defines: [...CHANNEL, "FAULTS=1", "QUITS=0", "CRASHES=0"],
    properties: ["exclusion", "order", "progress", "promptness"],
  },
  {
    model: "queue",
    bounds: "3 processes, 4 acquisitions in all, 1 second, a channel, lists left out",
    defines: LEFT_OUT_4,
    properties: ["exclusion", "order", "progress", "promptness"],
    quick: true,
  },
  {
    model: "queue",
    bounds: "3 processes, 4 acquisitions in all, 2 seconds, a channel, lists left out",
    defines: [...LEFT_OUT, "ACQUISITIONS=4", "SECONDS=2", ...NO_MISHAPS],
    properties: ["exclusion", "order", "progress", "promptness"],
  },
  {
    model: "queue",
    bounds: "3 processes, for ever, fair, a channel that loses all, lists left out: the last",
    defines: [...FOREVER, ...LEFT_OUT, "WHO=2"],
    properties: ["order", "starvation"],
    quick: true,
  },
  {
    model: "once",
    bounds: "3 processes, 2 slots, 3 holds, 1 unanswered write",
    defines: ["HOLDS=3", "FAULTS=1"],
    properties: ONCE,
  },
  {
    model: "once",
    bounds: "3 processes, 2 slots, 3 holds, 1 unanswered write, with leave",
    defines: ["HOLDS=3", "FAULTS=1", "LEAVE"],
    properties: [...ONCE, "at most once"],
  },
  {
    model: "once",
    bounds: "3 processes, 2 slots, 3 holds, 1 clock that misses a loss",
    defines: ["HOLDS=3", "FAULTS=0", "LIES=1"],
    properties: ONCE,
  },
  {
    model: "once",
    bounds: "3 processes, 2 slots, 2 holds, 1 unanswered write",
    defines: ["HOLDS=2", "FAULTS=1"],
    properties: ONCE,
    quick: true,
  },
  {
    model: "once",
    bounds: "3 processes, 2 slots, 2 holds, 1 unanswered write, 1 clock that misses a loss, with leave",
    defines: ["HOLDS=2", "FAULTS=1", "LIES=1", "LEAVE"],
    properties: [...ONCE, "at most once"],
    quick: true,
  },
];

/** Each has to be found out. */
export const SWITCHES: readonly Switch[] = [
  {
    model: "lease",
    name: "NO_MARGIN_FOR_CLOCKS",
    rule: "P9",
    without: "the margin is more than what a clock may lose within one lease",
    defines: ["PROCESSES=2"],
    breaks: "exclusion",
  },
  {
    model: "lease",
    name: "NO_AGE_FROM_SENDING",
    rule: "P8",
    without: "a lease counts from before the request that got it was sent",
    defines: ["PROCESSES=2"],
    breaks: "exclusion",
  },
  {
    model: "lease",
    name: "NO_CLOCK",
    rule: "P11",
    without: "whether the lock is held is read off the clock, not remembered",
    defines: ["PROCESSES=2"],
    breaks: "exclusion",
  },
  {
    model: "lease",
    name: "NO_WHOLE_GIVE_UP",
    rule: "P5",
    without: "nothing is released between two tries of one acquisition",
    defines: ["PROCESSES=2"],
    breaks: "exclusion",
    quick: true,
  },
  {
    model: "lease",
    name: "NO_FRESH_ID",
    rule: "P2",
    without: "an id that was released is never acquired again",
    defines: ["PROCESSES=2", "ACQUISITIONS=2"],
    breaks: "exclusion",
  },
  {
    model: "lease",
    name: "NO_WAIT_AFTER_LOSS",
    rule: "P14",
    without: "after a loss nothing is released before the work has ended",
    defines: ["PROCESSES=2"],
    breaks: "exclusion",
  },
  {
    model: "lease",
    name: "NO_ID_COMPARED",
    rule: "P17",
    without: "the id in the answer to a renewal is compared, and nothing is renewed after the deadline",
    defines: ["FAULTS=1"],
    breaks: "exclusion",
  },
  {
    model: "tokens",
    name: "NO_FLOOR",
    rule: "P23",
    without: "a token is at least the service's time",
    defines: ["HOLDS=3", "LAST_SECOND=3", "FAULTS=0", "STRANGERS=1", "RESTARTS=0"],
    breaks: "token order",
  },
  {
    model: "tokens",
    name: "NO_CEILING",
    rule: "P24",
    without: "a block ends with the second it was reserved in",
    defines: ["HOLDS=3", "LAST_SECOND=3", "FAULTS=0", "STRANGERS=1", "RESTARTS=0"],
    breaks: "token order",
  },
  {
    model: "tokens",
    name: "NO_SAME_ETAG",
    rule: "P25",
    without: "a block goes on only while the blob's ETag is that of one's own write",
    defines: ["HOLDS=3", "LAST_SECOND=3", "FAULTS=0", "STRANGERS=0", "RESTARTS=0"],
    breaks: "token order",
    quick: true,
  },
  {
    model: "tokens",
    name: "NO_IF_MATCH",
    rule: "P26",
    without: "a record is written with If-Match, not under the lease alone",
    defines: ["HOLDS=3", "LAST_SECOND=3", "FAULTS=1", "STRANGERS=0", "RESTARTS=0"],
    breaks: "token order",
  },
  {
    model: "tokens",
    name: "NO_SAME_SECOND",
    rule: "P27",
    without: "a block written with the blob's creation counts only if that was in the second of the answer before it",
    defines: ["HOLDS=3", "LAST_SECOND=3", "FAULTS=0", "STRANGERS=1", "RESTARTS=0"],
    breaks: "token order",
  },
  {
    model: "tokens",
    name: "NO_WAIT_FOR_SEED",
    rule: "P28",
    without: "a blob without a record is trusted a second after it was written",
    defines: ["HOLDS=3", "LAST_SECOND=3", "FAULTS=0", "STRANGERS=1", "RESTARTS=0"],
    breaks: "token order",
  },
  {
    model: "tokens",
    name: "NO_WAIT_FOR_FRONT_ENDS",
    rule: "P28",
    without: "and one second more, as the service's front ends may disagree by one",
    defines: ["HOLDS=3", "LAST_SECOND=3", "FAULTS=0", "STRANGERS=1", "RESTARTS=0", "SKEW=1"],
    breaks: "token order",
  },
  {
    model: "tokens",
    name: "NO_ETAG_AT_GRANT",
    rule: "P60",
    without: "tokens that a message tells are used only under the record that reserved them",
    defines: [...TOLD, "FAULTS=0"],
    breaks: "token order",
    quick: true,
  },
  {
    model: "tokens",
    name: "NO_PROOF",
    rule: "P60",
    without: "… and only with a proof that the holder before told them",
    defines: [...TOLD, "FAULTS=0"],
    breaks: "token order",
  },
  {
    model: "tokens",
    name: "NO_CERTAIN_WRITE",
    rule: "P60",
    without: "… and are told only if the write that reserves them was answered",
    defines: [...TOLD, "FAULTS=1"],
    breaks: "token order",
  },
  {
    model: "tokens",
    name: "NO_END_OF_BLOCK",
    rule: "P60",
    without: "the block of a process ends when it reserves one for the next holder",
    defines: [...TOLD, "FAULTS=0"],
    breaks: "token order",
  },
  {
    model: "handover",
    name: "NO_CLOCK_AT_HAND_OVER",
    rule: "P7",
    without: "a lock is handed on, and taken over, only while the clock says that it is held",
    defines: [],
    breaks: "exclusion",
    quick: true,
  },
  {
    model: "handover",
    name: "NO_HOLD_OF_ITS_OWN",
    rule: "P21",
    without: "a second release of one hold does nothing to the next",
    defines: [],
    breaks: "exclusion",
  },
  {
    model: "handover",
    name: "NO_CARE_FOR_ID",
    rule: "P31",
    without: "a lock whose lease id was given out is not handed on under that id",
    defines: [],
    breaks: "writes",
  },
  {
    model: "handover",
    name: "NO_BUDGET",
    rule: "P32",
    without: "a lock goes back to the service after so many hand-overs",
    defines: ["FOREVER"],
    breaks: "starvation",
  },
  {
    model: "handover",
    name: "NO_STAY_AWAY",
    rule: "P33",
    without: "a process that had its share leaves the lock alone for the longest poll of others",
    defines: ["FOREVER"],
    breaks: "starvation",
    quick: true,
  },
  {
    model: "handover",
    name: "NO_SHARE_BEYOND_ONE_LEASE",
    rule: "P32",
    without: "holds count towards that share although a lease of their own was got for them",
    defines: ["FOREVER"],
    breaks: "starvation",
  },
  {
    model: "queue",
    name: "NO_DOUBT",
    rule: "P37",
    without: "a waiter that finds tickets before its own which may have come later asks for the lock too",
    defines: NO_MISHAPS,
    breaks: "progress",
    quick: true,
  },
  {
    model: "queue",
    name: "NO_DOUBT_OF_SLOW_TICKETS",
    rule: "P37",
    without:
      "… and that is so for all tickets that were not there before, not for those alone that were made within a second",
    defines: NO_MISHAPS,
    breaks: "progress",
  },
  {
    model: "queue",
    name: "NO_DOUBT_AFTER_FAULTS",
    rule: "P37",
    without: "… and for a waiter that got no answer to an acquire, or lost its ticket for a while",
    defines: ["FAULTS=1", "QUITS=0", "CRASHES=0"],
    breaks: "progress",
  },
  {
    model: "queue",
    name: "NO_NEW_TICKET",
    rule: "P38",
    without: "a ticket that ran out is made anew, so that it shows when it came back",
    defines: ["FAULTS=1", "QUITS=0", "CRASHES=0"],
    breaks: "progress",
  },
  {
    model: "queue",
    name: "NO_TICKET_GONE",
    rule: "P39",
    without: "the winner's ticket is gone before its release lists",
    defines: NO_MISHAPS,
    breaks: "progress",
  },
  {
    model: "queue",
    name: "NO_TIME_LEFT",
    rule: "P40",
    without: "a lease that is nearly over is renewed before it is handed on",
    defines: NO_MISHAPS,
    breaks: "promptness",
  },
  {
    model: "queue",
    name: "NO_HEAD_ONLY",
    rule: "P36",
    without: "only the first ticket's owner polls the lock",
    defines: NO_MISHAPS,
    breaks: "order",
  },
  {
    model: "queue",
    name: "NO_END_AT_LIST",
    rule: "P41",
    without: "from the list on the holder does not hold, whatever becomes of the change",
    defines: ["FAULTS=1", "QUITS=0", "CRASHES=0"],
    breaks: "exclusion",
    quick: true,
  },
  {
    model: "queue",
    name: "NO_FRESH_ID",
    rule: "P2",
    without: "an id that was changed or released is never acquired again",
    defines: ["ACQUISITIONS=4", "FAULTS=1", "QUITS=0", "CRASHES=0"],
    breaks: "exclusion",
  },
  {
    model: "queue",
    name: "NO_PASSING_ON",
    rule: "P43",
    without: "a waiter that gives up passes on what it was given, instead of releasing it",
    defines: ["ACQUISITIONS=4", "SECONDS=1", "FAULTS=0", "QUITS=1", "CRASHES=0"],
    breaks: "order",
  },
  {
    model: "queue",
    name: "NO_PASSING_ON_AFTER_GRANT",
    rule: "P43",
    without: "… also when the lease was granted already",
    defines: ["ACQUISITIONS=4", "SECONDS=1", "FAULTS=0", "QUITS=1", "CRASHES=0"],
    breaks: "order",
  },
  {
    model: "queue",
    name: "NO_REPEAT",
    rule: "P44",
    without: "… and does so again as long as a hand-over may be on its way",
    defines: ["FAULTS=0", "QUITS=1", "CRASHES=0"],
    breaks: "progress",
    quick: true,
  },
  {
    model: "queue",
    name: "NO_SURE_REMOVAL",
    rule: "P45",
    without: "a ticket counts as gone only when no lease of it can arrive any more",
    defines: ["FAULTS=1", "QUITS=1", "CRASHES=0"],
    breaks: "progress",
  },
  {
    model: "queue",
    name: "NO_HAND_OVER",
    rule: "P42",
    without: "the lock is given to the first ticket, instead of being released",
    defines: [...FOREVER, "WHO=2"],
    breaks: "starvation",
  },
  {
    model: "queue",
    name: "NO_IDLE_POLL",
    rule: "P55",
    without: "a waiter that rests because of messages asks and looks after idlePollMs, though none comes",
    defines: [...CHANNEL, ...NO_MISHAPS],
    breaks: "progress",
    quick: true,
  },
  {
    model: "queue",
    name: "NO_LOOK_AFTER_MESSAGE",
    rule: "P57",
    without: "a waiter is first when a list shows it, not when a message says so",
    defines: [...CHANNEL, ...NO_MISHAPS],
    breaks: "order",
  },
  {
    model: "queue",
    name: "NO_SILENCE_AT_LIST",
    rule: "P57",
    without: "a holder answers no waiter once it has looked who is next",
    defines: [...CHANNEL, ...NO_MISHAPS],
    breaks: "progress",
    quick: true,
  },
  {
    model: "queue",
    name: "NO_QUESTION_AFTER_LOOK",
    rule: "P57",
    without: "an answer ends the doubt of a waiter that asked for it after its last look",
    defines: [...CHANNEL, ...NO_MISHAPS],
    breaks: "progress",
  },
  {
    model: "queue",
    name: "NO_RECENT_LIST",
    rule: "P58",
    without: "a look at the queue is good for the releases of so long, and not for all",
    defines: [...FOREVER, ...LEFT_OUT, "WHO=2"],
    breaks: "starvation",
    quick: true,
  },
  {
    model: "queue",
    name: "NO_HEED_OF_WAITERS",
    rule: "P58",
    without: "… and is good no more once a waiter was heard of",
    defines: LEFT_OUT_4,
    breaks: "order",
  },
  {
    model: "queue",
    name: "NO_HEED_OF_OWN_WAIT",
    rule: "P58",
    without: "… or once the process has waited itself",
    defines: [...FOREVER, ...LEFT_OUT, "WHO=2"],
    breaks: "order",
  },
  {
    model: "queue",
    name: "NO_PROOF_BEFORE_LIST",
    rule: "P58",
    without: "… and only if messages arrived before the list was sent",
    defines: LEFT_OUT_4,
    breaks: "order",
  },
  {
    model: "queue",
    name: "NO_TICKET_BEFORE_MESSAGE",
    rule: "P58",
    without: "a waiter says that it waits when its ticket stands, not before",
    defines: LEFT_OUT_4,
    breaks: "order",
  },
  {
    model: "once",
    name: "NO_IF_MATCH",
    rule: "P50",
    without: "the record is written with If-Match, not under the lock alone",
    defines: ["HOLDS=2", "FAULTS=0"],
    breaks: "stale write",
    quick: true,
  },
  {
    model: "once",
    name: "NO_COMPARISON_UNDER_LOCK",
    rule: "P50",
    without: "the version that is written over is the one that was compared, not a newer one",
    defines: ["HOLDS=2", "FAULTS=0", "SLOTS=1"],
    breaks: "done once",
    quick: true,
  },
  {
    model: "once",
    name: "NO_READ_AGAIN",
    rule: "P50",
    without: "an answer that was lost is told by a read, and is not taken for a success",
    defines: ["HOLDS=2", "FAULTS=1", "LEAVE"],
    breaks: "at most once",
    quick: true,
  },
  {
    model: "once",
    name: "NO_TOKEN_COMPARED",
    rule: "P51",
    without: "a record with a higher token is not written over",
    defines: ["HOLDS=2", "FAULTS=0", "LIES=1"],
    breaks: "stale write",
    quick: true,
  },
  {
    model: "once",
    name: "NO_STARTED_FIRST",
    rule: "P52",
    without: "the record says that a slot is begun before the work begins",
    defines: ["HOLDS=2", "FAULTS=0", "LEAVE"],
    breaks: "at most once",
  },
  {
    model: "once",
    name: "NO_LOOK_AFTER_ANSWER",
    rule: "P52",
    without: "the lock is held after the answer to that write",
    defines: ["HOLDS=2", "FAULTS=0"],
    breaks: "done once",
    quick: true,
  },
  {
    model: "once",
    name: "NO_SLOT_ORDER",
    rule: "P53",
    without: "a slot that comes before the last one is not begun",
    defines: ["HOLDS=2", "FAULTS=0"],
    breaks: "slot order",
    quick: true,
  },
];
