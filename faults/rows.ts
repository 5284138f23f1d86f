import { setTimeout as sleep } from "node:timers/promises";
import {
  afterPause,
  bad,
  cancelling,
  dear,
  endOf,
  type Finding,
  freedom,
  keeping,
  loss,
  selfBlock,
  settling,
  shown,
  stay,
  voided,
} from "./findings.ts";
import { LOOK_ON_MS, type Scene } from "./scene.ts";

/** A fault: what happens, and what is seen of it. */
export interface Row {
  readonly id: string;
  readonly title: string;
  /** How it is made, for the document. */
  readonly how: string;
  /** Plays it and says what was seen. */
  play(scene: Scene): Promise<Finding[]>;
  /** Whether the holder does nothing under the lock and nothing else keeps its process. */
  readonly idle?: boolean;
  /** Whether it is played on a storage of its own, because that is killed. */
  readonly killsStorage?: boolean;
}

/** How long the holder has the lock before something happens to it, where the moment is ours to choose. */
const SETTLED_IN_MS = 2_000;
const PAST_LEASE_MS = 5_000;
const SHORT_OUTAGE_MS = 5_000;
const LATE_MS = 2_500;
const CANCEL_AFTER_MS = 1_000;
/** Long enough for two renewals of everybody. */
const TWO_RENEWALS_MS = 30_000;

async function heldWithRival(scene: Scene): Promise<void> {
  await scene.holds();
  scene.rivalAsks();
}

/** Watches for a loss, lets the work end, and says what it came to. */
async function lost(scene: Scene, atMostMs?: number): Promise<void> {
  await scene.lookOn(atMostMs);
  await scene.windUp();
  await scene.way.mend();
  await scene.curtain();
}

/** Waits long enough for the fault to have had its effects; then the work ends, and the rival has its turn. */
async function keptFor(scene: Scene, ms: number): Promise<void> {
  await scene.holder.until(() => scene.holder.said("told") !== undefined, ms);
  await scene.windUp();
  await scene.rival.says("held", scene.column.leaseMs + LOOK_ON_MS);
  await scene.curtain();
}

/** The holder's network fails with its first renewal. */
async function outage(scene: Scene, ms: number): Promise<void> {
  const struck = scene.way.strike("renew", { kind: "cut" }, 1);
  await heldWithRival(scene);
  await struck;
  await sleep(ms);
  await scene.way.mend();
  await lost(scene, TWO_RENEWALS_MS);
}

async function thrown(scene: Scene): Promise<void> {
  await sleep(SETTLED_IN_MS);
  scene.holder.tell({ order: "throw" });
  await scene.holder.says("settled", LOOK_ON_MS);
  await scene.rival.says("held", scene.column.leaseMs + LOOK_ON_MS);
  await scene.curtain();
}

function workEnded({ holder }: Scene): number {
  return holder.said("work ended")?.at ?? Number.NaN;
}

export const ROWS: readonly Row[] = [
  {
    id: "nothing",
    title: "Nothing",
    how: `no fault at all: the lock is held for ${shown(TWO_RENEWALS_MS)} and given back`,
    async play(scene) {
      await heldWithRival(scene);
      await keptFor(scene, TWO_RENEWALS_MS);
      return [...keeping(scene), freedom(scene, workEnded(scene))];
    },
  },
  {
    id: "renewal-hangs",
    title: "Renewal hangs",
    how: "renewals never arrive, and their connections stay open without an answer",
    async play(scene) {
      const struck = scene.way.strike("renew", { kind: "hang" });
      await heldWithRival(scene);
      await struck;
      await lost(scene);
      return loss(scene);
    },
  },
  {
    id: "one-503",
    title: "One 503",
    how: "the first renewal is answered by `503 ServerBusy`, with Redis by `-LOADING`, and not carried out; the next ones pass",
    async play(scene) {
      void scene.way.strike("renew", { kind: "not now" }, 1);
      await heldWithRival(scene);
      await keptFor(scene, TWO_RENEWALS_MS);
      return keeping(scene);
    },
  },
  {
    id: "outage-short",
    title: "Outage shorter than the lease",
    how: `the holder's network fails with its first renewal, the worst moment for it, and is back after ${shown(SHORT_OUTAGE_MS)}: connections end, new ones are refused`,
    async play(scene) {
      await outage(scene, SHORT_OUTAGE_MS);
      return keeping(scene);
    },
  },
  {
    id: "outage-long",
    title: "Outage longer than the lease",
    how: "the same, for the length of the lease and 10 s more",
    async play(scene) {
      await outage(scene, scene.column.leaseMs + 10_000);
      return loss(scene);
    },
  },
  {
    id: "acquire-answer-lost",
    title: "Answer to acquire lost",
    how: "the storage grants the lock, and the connection ends instead of its answer, once",
    async play(scene) {
      void scene.way.strike("acquire", { kind: "answer lost" }, 1);
      scene.holder.tell({ order: "start" });
      await scene.holder.says("held", 2 * scene.column.leaseMs);
      const asked = scene.holder.said("asks")?.at ?? Number.NaN;
      const held = scene.holder.said("held")?.at;
      await scene.windUp();
      await scene.curtain();
      if (held === undefined) return [bad("never has it"), ...endOf(scene)];
      const tookMs = held - asked;
      return [selfBlock(tookMs, scene.column.leaseMs), ...endOf(scene)];
    },
  },
  {
    id: "renew-answer-lost",
    title: "Answer to renew lost",
    how: "the storage renews the lock, and the connection ends instead of its answer, once",
    async play(scene) {
      void scene.way.strike("renew", { kind: "answer lost" }, 1);
      await heldWithRival(scene);
      await keptFor(scene, TWO_RENEWALS_MS);
      return keeping(scene);
    },
  },
  {
    id: "release-answer-lost",
    title: "Answer to release lost",
    how: "the storage frees the lock, and the connection ends instead of its answer, once",
    async play(scene) {
      void scene.way.strike("release", { kind: "answer lost" }, 1);
      await heldWithRival(scene);
      await keptFor(scene, SETTLED_IN_MS);
      return [...settling(scene), freedom(scene, workEnded(scene)), ...endOf(scene)];
    },
  },
  {
    id: "killed",
    title: "Holder killed",
    how: `\`SIGKILL\`, ${shown(SETTLED_IN_MS)} after it got the lock`,
    async play(scene) {
      await heldWithRival(scene);
      await sleep(SETTLED_IN_MS);
      scene.holder.kill("SIGKILL");
      await scene.holder.ends(LOOK_ON_MS);
      const { at } = scene.holder.end ?? { at: Number.NaN };
      const leftMs = scene.leaseEndsAt - at;
      await scene.rival.says("held", scene.column.leaseMs + LOOK_ON_MS);
      return [freedom(scene, at, leftMs)];
    },
  },
  {
    id: "stopped",
    title: "Stopped and resumed",
    how: `\`SIGSTOP\`, ${shown(SETTLED_IN_MS)} after it got the lock, and \`SIGCONT\` a lease and ${shown(PAST_LEASE_MS)} later`,
    async play(scene) {
      await heldWithRival(scene);
      await sleep(SETTLED_IN_MS);
      scene.holder.kill("SIGSTOP");
      await sleep(scene.column.leaseMs + PAST_LEASE_MS);
      scene.holder.kill("SIGCONT");
      await lost(scene);
      return afterPause(scene);
    },
  },
  {
    id: "stalled",
    title: "Event loop stalled",
    how: `the work computes for a lease and ${shown(PAST_LEASE_MS)} without a pause, and then asks whether it still holds the lock`,
    async play(scene) {
      await heldWithRival(scene);
      await sleep(SETTLED_IN_MS);
      scene.holder.tell({ order: "stall", ms: scene.column.leaseMs + PAST_LEASE_MS });
      await scene.holder.says("resumed", scene.column.leaseMs + LOOK_ON_MS);
      await lost(scene);
      return afterPause(scene);
    },
  },
  {
    id: "broken",
    title: "Lock broken",
    how: "an operator breaks it and leaves the holder what is left of its lease (`azmutex break`, `az storage blob lease break`)",
    async play(scene) {
      await heldWithRival(scene);
      await scene.column.room.breakGently?.(scene.storage.port, scene.key);
      await lost(scene);
      return loss(scene);
    },
  },
  {
    id: "voided",
    title: "Lock voided",
    how: "an operator takes it away at once: a break with a period of 0, or `DEL`",
    async play(scene) {
      await heldWithRival(scene);
      await sleep(SETTLED_IN_MS);
      await scene.column.room.breakAtOnce(scene.storage.port, scene.key);
      scene.faultBegins();
      await lost(scene);
      return voided(scene);
    },
  },
  {
    id: "data-gone",
    title: "Storage restarted without its data",
    how: "killed, and back at the same address after a moment, empty",
    killsStorage: true,
    async play(scene) {
      await heldWithRival(scene);
      await sleep(SETTLED_IN_MS);
      await scene.storageRestarts();
      scene.faultBegins();
      await lost(scene);
      return voided(scene);
    },
  },
  {
    id: "storage-gone",
    title: "Storage gone",
    how: "killed, and not back",
    killsStorage: true,
    async play(scene) {
      await heldWithRival(scene);
      await sleep(SETTLED_IN_MS);
      await scene.storage.kill();
      await lost(scene);
      return loss(scene);
    },
  },
  {
    id: "cancelled-waiting",
    title: "Cancelled while waiting",
    how: "another has the lock; the caller's signal aborts, and then the other gives it back",
    async play(scene) {
      const { holder, rival, column } = scene;
      scene.rivalAsks();
      await rival.says("held", LOOK_ON_MS);
      holder.tell({ order: "start" });
      await sleep(SETTLED_IN_MS);
      holder.tell({ order: "cancel" });
      await holder.says("settled", LOOK_ON_MS);
      rival.tell({ order: "end work" });
      await rival.says("settled", LOOK_ON_MS);
      const third = await scene.third();
      third.tell({ order: "start" });
      await third.says("held", column.leaseMs + LOOK_ON_MS);
      await scene.curtain();
      const askedAt = third.said("asks")?.at ?? Number.NaN;
      return [...cancelling(scene), freedom(scene, askedAt, 0, third), ...endOf(scene)];
    },
  },
  {
    id: "cancelled-asking",
    title: "Cancelled with its request under way",
    how: `the lock is free; the answer to acquire takes ${shown(LATE_MS)}, and the caller's signal aborts after ${shown(CANCEL_AFTER_MS)}`,
    async play(scene) {
      const { holder, rival, column } = scene;
      const struck = scene.way.strike("acquire", { kind: "answer late", byMs: LATE_MS }, 1);
      holder.tell({ order: "start" });
      await struck;
      await sleep(CANCEL_AFTER_MS);
      holder.tell({ order: "cancel" });
      await holder.until(() => holder.said("held") !== undefined || holder.said("settled") !== undefined, LOOK_ON_MS);
      scene.rivalAsks();
      const cancelledAt = holder.said("cancelled")?.at ?? Number.NaN;
      const held = holder.said("held");
      if (held) {
        await scene.windUp();
        await scene.curtain();
        return [dear(`has the lock all the same, ${shown(held.at - cancelledAt)} later`), ...endOf(scene)];
      }
      await rival.says("held", column.leaseMs + LOOK_ON_MS);
      await scene.curtain();
      return [...cancelling(scene), freedom(scene, cancelledAt, LATE_MS - CANCEL_AFTER_MS), ...endOf(scene)];
    },
  },
  {
    id: "work-throws",
    title: "Work throws",
    how: `${shown(SETTLED_IN_MS)} after it got the lock`,
    async play(scene) {
      await heldWithRival(scene);
      await thrown(scene);
      return [...settling(scene, { error: "WorkError" }), freedom(scene, workEnded(scene)), ...endOf(scene)];
    },
  },
  {
    id: "release-fails",
    title: "Release fails",
    how: "the holder's network fails as the work ends, and is not back",
    async play(scene) {
      scene.cutsBeforeRelease();
      await heldWithRival(scene);
      await keptFor(scene, SETTLED_IN_MS);
      return [
        ...settling(scene, { mayFail: true }),
        freedom(scene, workEnded(scene), scene.leaseEndsAt - workEnded(scene)),
        ...endOf(scene),
      ];
    },
  },
  {
    id: "throws-and-release-fails",
    title: "Work throws and release fails",
    how: "both",
    async play(scene) {
      scene.cutsBeforeRelease();
      await heldWithRival(scene);
      await thrown(scene);
      return [
        ...settling(scene, { error: "WorkError" }),
        freedom(scene, workEnded(scene), scene.leaseEndsAt - workEnded(scene)),
        ...endOf(scene),
      ];
    },
  },
  {
    id: "nothing-else-to-do",
    title: "Nothing else to do",
    how: "the work waits for what never comes; nothing but the library's own timers keeps the process (with Redis, its connection is unreferenced)",
    idle: true,
    async play(scene) {
      const { holder } = scene;
      await scene.holds();
      await holder.ends(LOOK_ON_MS);
      return [stay(scene)];
    },
  },
];
