import { now } from "../shared/now.ts";
import type { Actor } from "./actor.ts";
import type { Column } from "./columns.ts";
import { LOOK_ON_MS } from "./scene.ts";

/** As it should be; safe, but at a price that was not necessary; or not as a lock should be. */
export type Grade = "good" | "dear" | "bad" | "none";

/** One thing that was observed. */
export interface Finding {
  readonly grade: Grade;
  readonly text: string;
}

/** What a process said, and how it ended. */
export type Witness = Pick<Actor, "said" | "end">;

/** A scene, once it was played. */
export interface Seen {
  readonly column: Pick<Column, "leaseMs" | "asksEveryMs">;
  readonly holder: Witness;
  readonly rival: Witness;
  /** When the last lease that the holder was granted ended. */
  readonly leaseEndsAt: number;
  readonly faultAt: number;
}

/** What counts as at once: the measuring itself, between processes on a busy machine, is not exact to more. */
const AT_ONCE_MS = 100;
/**
 * What counts as soon: to get a lock that is free, beyond one's own pace of asking; to hear of a loss after a pause.
 */
const SOON_MS = 2_000;

/**
 * A process that has closed its connection may stay for so long: ioredis itself does, up to 2 s, when the network has
 * failed.
 */
const STAYS_MS = 2_500;

/** A job that says ten times a second that it works, still does if it said so in this time. */
const STILL_WORKS_MS = 1_000;

const good = (text: string): Finding => ({ grade: "good", text });
export const dear = (text: string): Finding => ({ grade: "dear", text });
export const bad = (text: string): Finding => ({ grade: "bad", text });

/** A time as the matrix shows it. */
export function shown(ms: number): string {
  return ms < AT_ONCE_MS ? `${Math.max(0, Math.round(ms))} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

/** What became of the process, where it did not end of itself and well. */
export function endOf({ holder }: Seen): Finding[] {
  const { end } = holder;
  const uncaught = holder.said("uncaught");
  if (uncaught)
    return [
      bad(
        `${uncaught.origin === "unhandledRejection" ? "unhandled rejection" : "uncaught exception"} kills the process`,
      ),
    ];
  const endedWork = holder.said("work ended");
  const settled = holder.said("settled");
  if (endedWork && !settled) return [bad(`its call never returns (watched for ${shown(LOOK_ON_MS)})`)];
  const closed = holder.said("closed");
  if (!closed) return [];
  if (!end) return [bad(`the process does not end (watched for ${shown(LOOK_ON_MS)})`)];
  const stayedMs = end.at - closed.at;
  return stayedMs > STAYS_MS ? [dear(`the process stays ${shown(stayedMs)} longer`)] : [];
}

/** When the work heard of a loss: it is called back, or hears so when it asks, which it does all the time. */
function heard(holder: Witness): { readonly at: number } | undefined {
  const told = holder.said("told");
  const asked = holder.said("asked: not held");
  if (!told || !asked) return told ?? asked;
  return told.at < asked.at ? told : asked;
}

/** The holder has lost the lock, or must take it for lost: whether it knew in time. */
export function loss(scene: Seen): Finding[] {
  const { holder, rival, leaseEndsAt } = scene;
  const told = heard(holder);
  const uncaught = holder.said("uncaught");
  const rivalsAt = rival.said("held")?.at;
  const othersAt = Math.min(rivalsAt ?? leaseEndsAt, leaseEndsAt);
  if (uncaught) {
    const earlyMs = othersAt - uncaught.at;
    return [
      bad(
        `${uncaught.origin === "unhandledRejection" ? "unhandled rejection" : "uncaught exception"} kills ` +
          `the process, ${beforeOrAfter(earlyMs)}`,
      ),
    ];
  }
  if (!told) {
    const until = holder.said("work ended")?.at ?? now();
    const both = rivalsAt === undefined ? "" : `; two held for ${shown(until - rivalsAt)}, until the watching ended`;
    return [bad(`never told${both}`), ...endOf(scene)];
  }
  const earlyMs = othersAt - told.at;
  const lateness =
    earlyMs >= -AT_ONCE_MS
      ? good(`told ${shown(Math.max(0, earlyMs))} before another can have it`)
      : bad(late(told.at, othersAt, rivalsAt));
  return [lateness, ...endOf(scene)];
}

function beforeOrAfter(earlyMs: number): string {
  return earlyMs >= 0
    ? `${shown(earlyMs)} before another can have the lock`
    : `${shown(-earlyMs)} after another could have it`;
}

function late(toldAt: number, othersAt: number, rivalsAt: number | undefined): string {
  const both = rivalsAt !== undefined && rivalsAt < toldAt ? `; two held for ${shown(toldAt - rivalsAt)}` : "";
  return `told ${shown(toldAt - othersAt)} late${both}`;
}

/** The lock could have been kept through it all: whether it was. */
export function keeping(scene: Seen): Finding[] {
  const { holder, rival } = scene;
  if (holder.said("uncaught")) return loss(scene);
  const told = heard(holder);
  const rivalsAt = rival.said("held")?.at ?? Infinity;
  if (!told)
    return rivalsAt < (holder.said("work ended")?.at ?? Infinity) ? loss(scene) : [good("kept"), ...endOf(scene)];
  const again = holder.said("asked: held again");
  if (again && !holder.said("told") && rivalsAt > again.at) {
    const doubtMs = again.at - told.at;
    const text = `kept; not certain of it for ${shown(doubtMs)}`;
    return [doubtMs <= SOON_MS ? good(text) : dear(text), ...endOf(scene)];
  }
  const [first, ...rest] = loss(scene);
  if (first?.grade !== "good") return first ? [first, ...rest] : rest;
  return [dear(`given up ${shown(scene.leaseEndsAt - told.at)} before the lease ends`), ...rest];
}

/** How long after `since` another had the lock, which was to be free `freeMs` later at the latest. */
export function freedom({ column, rival }: Seen, since: number, freeMs = 0, another: Witness = rival): Finding {
  const rivalsAt = another.said("held")?.at;
  if (rivalsAt === undefined) return bad("others never get the lock");
  const tookMs = Math.max(0, rivalsAt - since);
  const text = `another has it ${shown(tookMs)} later`;
  return tookMs <= freeMs + column.asksEveryMs + SOON_MS ? good(text) : bad(`blocked for ${shown(tookMs)}`);
}

/** After a pause: what the work hears when it asks, and when it is told. */
export function afterPause(scene: Seen): Finding[] {
  const { holder, rival } = scene;
  const resumed = holder.said("resumed");
  const told = holder.said("told");
  const rivalsAt = rival.said("held")?.at;
  if (holder.said("uncaught") || !resumed) return loss(scene);
  if (!resumed.believes) {
    const signal = told ? `, told ${shown(told.at - resumed.at)} later` : "";
    return [good(`knows as soon as it asks${signal}`), ...endOf(scene)];
  }
  const until = told?.at ?? holder.said("work ended")?.at ?? now();
  const believedMs = until - Math.max(resumed.at, rivalsAt ?? resumed.at);
  if (!told) return [bad(`never told; two held for ${shown(believedMs)}, until the watching ended`), ...endOf(scene)];
  if (believedMs <= SOON_MS)
    return [dear(`believes in it at first, told ${shown(told.at - resumed.at)} later`), ...endOf(scene)];
  return [
    bad(`told ${shown(told.at - resumed.at)} after it went on; two held for ${shown(believedMs)}`),
    ...endOf(scene),
  ];
}

/** The storage itself let another in: no lock can know before it asks. */
export function voided(scene: Seen): Finding[] {
  const { holder, rival, faultAt, column } = scene;
  const told = heard(holder);
  const rivalsAt = rival.said("held")?.at;
  if (holder.said("uncaught") || !told) return loss(scene);
  const afterMs = told.at - faultAt;
  const both = rivalsAt === undefined || rivalsAt > told.at ? "" : `; two held for ${shown(told.at - rivalsAt)}`;
  const text = `told ${shown(afterMs)} later${both}`;
  if (afterMs <= column.leaseMs / 2) return [good(text), ...endOf(scene)];
  return [afterMs <= column.leaseMs + SOON_MS ? dear(text) : bad(text), ...endOf(scene)];
}

/** What came of a wait that was cancelled. */
export function cancelling({ holder }: Seen): Finding[] {
  const settled = holder.said("settled");
  const cancelled = holder.said("cancelled");
  if (!cancelled || !settled) return [bad(`waits on (watched for ${shown(LOOK_ON_MS)})`)];
  const tookMs = settled.at - cancelled.at;
  return [tookMs <= SOON_MS ? good(`ends in ${shown(tookMs)}`) : bad(`ends after ${shown(tookMs)}`)];
}

/** How long a process whose answer was lost waited for a lock that was its own. */
export function selfBlock(tookMs: number, leaseMs: number): Finding {
  if (tookMs <= leaseMs / 10) return good(`has it after ${shown(tookMs)}`);
  return tookMs < leaseMs / 2
    ? dear(`has it only after ${shown(tookMs)}`)
    : bad(`blocked by its own lock for ${shown(tookMs)}`);
}

/** What came of a wait for the lock while something it needs could not be had. That was back at `backAt`. */
export function patience({ holder, column }: Seen, backAt: number): Finding {
  const asked = holder.said("asks");
  const held = holder.said("held");
  const settled = holder.said("settled");
  if (!held && settled)
    return bad(`rejects with ${settled.error} after ${shown(settled.at - (asked?.at ?? Number.NaN))}`);
  if (!held) return bad(`never has it (watched for ${shown(LOOK_ON_MS)})`);
  const tookMs = held.at - backAt;
  const text = `has it ${shown(tookMs)} after that is over`;
  return tookMs < column.leaseMs / 2 ? good(text) : dear(text);
}

/** Whether the same client gets the lock once more, after it was lost and all is well again. */
export function repeating({ holder }: Seen, since: number): Finding {
  const again = holder.said("settled again");
  if (!again) return bad(`never has it again (watched for ${shown(LOOK_ON_MS)})`);
  if (again.error !== undefined) return bad(`then rejects with ${again.error}`);
  const tookMs = again.at - since;
  return tookMs <= SOON_MS
    ? good(`has it again within ${shown(tookMs)}`)
    : dear(`has it again only after ${shown(tookMs)}`);
}

/** How the process ended that SIGTERM told to end at `faultAt`. */
export function ending({ holder, faultAt }: Seen): Finding {
  const { end } = holder;
  if (!end) return bad(`the process does not end (watched for ${shown(LOOK_ON_MS)})`);
  const took = shown(end.at - faultAt);
  return end.signal === "SIGTERM"
    ? good(`ends by the signal after ${took}`)
    : dear(`ends with code ${end.code} after ${took}`);
}

/** Whether the work of a job went on after its lock could be another's. Watched until `watchedAt`. */
export function jobEnd({ rival }: Seen, workedAt: number, watchedAt: number): Finding {
  const rivalsAt = rival.said("held")?.at ?? Infinity;
  if (workedAt > watchedAt - STILL_WORKS_MS)
    return bad(`the job works on, until the watching ended; two at work for ${shown(workedAt - rivalsAt)}`);
  const bothMs = workedAt - rivalsAt;
  return bothMs > AT_ONCE_MS ? bad(`the job works on; two at work for ${shown(bothMs)}`) : good("the job has ended");
}

/** Whether a process ended that had a lock and nothing to do. */
export function stay({ holder }: Seen): Finding {
  const { end } = holder;
  const held = holder.said("held");
  if (!end || !held) return bad(`the process stays, and renews (watched for ${shown(LOOK_ON_MS)})`);
  const tookMs = end.at - held.at;
  return tookMs <= STAYS_MS
    ? good(`the process ends after ${shown(tookMs)}`)
    : dear(`a timer keeps the process for ${shown(tookMs)}`);
}

/** What the library's call is to end with. */
interface Expected {
  /** What the work threw. */
  readonly error?: string;
  /** Whether it may say that it could not give the lock back. */
  readonly mayFail?: boolean;
}

/** How the library's call ended, after the work had. */
export function settling({ holder }: Seen, { error, mayFail = false }: Expected = {}): Finding[] {
  const settled = holder.said("settled");
  const ended = holder.said("work ended");
  if (!settled || !ended) return [];
  const tookMs = settled.at - ended.at;
  const took = tookMs > SOON_MS ? ` after ${shown(tookMs)}` : "";
  if (error !== undefined) {
    if (settled.error === error) return [good(`the work's error comes out${took}`)];
    return [
      bad(
        settled.error === undefined
          ? `resolves though the work threw${took}`
          : `${settled.error} instead of the work's error${took}`,
      ),
    ];
  }
  if (settled.error === undefined) return [good(`resolves${took}`)];
  const text = `rejects with ${settled.error}${took}`;
  return [mayFail ? good(text) : dear(`${text}, though all went well`)];
}
