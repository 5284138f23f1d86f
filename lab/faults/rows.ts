import { setTimeout as sleep } from "node:timers/promises";
import { now } from "../shared/now.ts";
import type { EndOfFault } from "../shared/wire/fault-proxy.ts";
import { STEP_STOPS_MS } from "./command-actor.ts";
import {
  afterPause,
  bad,
  cancelling,
  dear,
  ending,
  endOf,
  type Finding,
  freedom,
  jobEnd,
  keeping,
  loss,
  patience,
  repeating,
  selfBlock,
  settling,
  shown,
  stay,
  voided,
} from "./findings.ts";
import type { HolderKind } from "./messages.ts";
import { LOOK_ON_MS, type Scene } from "./scene.ts";
import { TOKEN_SECONDS, type TokenService } from "./token-service.ts";

/** A fault: what happens, and what is seen of it. */
export interface Row {
  readonly id: string;
  readonly title: string;
  /** How it is made, for the document. */
  readonly how: string;
  /** Plays it and says what was seen. */
  play(scene: Scene): Promise<Finding[]>;
  /** What kind of holder it takes, unless it is the usual one. */
  readonly holder?: HolderKind;
  /** Whether the storage is one that takes tokens, and each process has a service of its own that issues them. */
  readonly tokens?: boolean;
  /** Whether it is played on a storage of its own, because that is killed. */
  readonly killsStorage?: boolean;
}

/** How long the holder has the lock before something happens to it, where the moment is ours to choose. */
const SETTLED_IN_MS = 2_000;
const PAST_LEASE_MS = 5_000;
const SHORT_OUTAGE_MS = 5_000;
const LATE_MS = 2_500;
const CANCEL_AFTER_MS = 1_000;
const SHORT_SLEEP_MS = 2_000;
/** Shorter than azmutex waits without an answer, longer than `@azure/identity` tries by itself. */
const TOKENS_DOWN_MS = 15_000;
/** azmutex has a token replaced two minutes before it ends. */
const REFRESHED_TOKEN_SECONDS = 110;
/**
 * From when token requests are not answered until the holder asks once more: by then it has to have given up the one
 * that hangs.
 */
const ASKS_AGAIN_MS = 45_000;
/** A job that was not stopped is watched for so long beside the next holder's. */
const WORKS_ON_MS = 2_000;
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
  await scene.proxy.mend();
  await scene.curtain();
}

/** Waits long enough for the fault to have had its effects; then the work ends, and the rival has its turn. */
async function keptFor(scene: Scene, ms: number): Promise<void> {
  await scene.holder.until(() => scene.holder.said("told") !== undefined, ms);
  await scene.windUp();
  await scene.rival.says("held", scene.column.leaseMs + LOOK_ON_MS);
  await scene.curtain();
}

/** The holder has trouble with a few renewals, and goes on. */
async function keptThrough(scene: Scene): Promise<Finding[]> {
  await heldWithRival(scene);
  await keptFor(scene, TWO_RENEWALS_MS);
  return keeping(scene);
}

/** The holder has trouble with all renewals, until it loses the lock. */
async function lostTo(scene: Scene, { struck }: EndOfFault): Promise<Finding[]> {
  await heldWithRival(scene);
  await struck;
  await lost(scene);
  return loss(scene);
}

/** The holder's network fails with its first renewal. */
async function outage(scene: Scene, ms: number): Promise<void> {
  const { struck } = scene.proxy.cutBy("renew", scene.once);
  await heldWithRival(scene);
  await struck;
  await sleep(ms);
  await scene.proxy.mend();
  await lost(scene, TWO_RENEWALS_MS);
}

function tokensOf({ tokens }: Scene): TokenService {
  if (!tokens) throw new Error("nothing issues tokens here");
  return tokens;
}

function mustHaveStruck({ struck }: TokenService): void {
  if (struck === 0) throw new Error("the holder asked for no token");
}

/** The lock's command is ended in one way or another: watches until another has the lock, and a little longer. */
async function commandEnds(scene: Scene, signal: "SIGTERM" | "SIGKILL"): Promise<Finding[]> {
  const { holder, rival, column } = scene;
  await heldWithRival(scene);
  await sleep(SETTLED_IN_MS);
  scene.faultBegins();
  holder.kill(signal);
  await rival.says("held", column.leaseMs + LOOK_ON_MS);
  await sleep(WORKS_ON_MS);
  const freeMs = signal === "SIGKILL" ? scene.leaseEndsAt - scene.faultAt : STEP_STOPS_MS;
  return [jobEnd(scene, holder.workedAt, now()), freedom(scene, scene.faultAt, freeMs)];
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
    play: (scene) => lostTo(scene, scene.proxy.hang("renew")),
  },
  {
    id: "one-503",
    title: "One 503",
    how:
      "the first renewal is answered by `503 ServerBusy`, with Redis by `-LOADING`, and not carried out; the " +
      "next ones pass",
    play(scene) {
      scene.proxy.serverBusy("renew", scene.once);
      return keptThrough(scene);
    },
  },
  {
    id: "gateway-once",
    title: "Gateway answers a renewal",
    how:
      "the first renewal is answered by something on the way, with a bare `404` and a page of its own, and " +
      "the second with such a `200`; neither arrives, and the next ones pass",
    play(scene) {
      scene.proxy.gateway("renew", 404, scene.once);
      scene.proxy.gateway("renew", 200, { ...scene.once, after: 1 });
      return keptThrough(scene);
    },
  },
  {
    id: "gateway-always",
    title: "Gateway answers every renewal",
    how: "with such a `200`; none arrives",
    play: (scene) => lostTo(scene, scene.proxy.gateway("renew", 200)),
  },
  {
    id: "tokens-busy",
    title: "Token service answers `503`",
    how:
      `once the holder has the lock; its token is good for ${REFRESHED_TOKEN_SECONDS} s and due to be ` +
      "replaced. The storage is well",
    tokens: true,
    async play(scene) {
      const tokens = tokensOf(scene);
      await sleep(TOKEN_SECONDS * 1_000);
      tokens.tokenSeconds = REFRESHED_TOKEN_SECONDS;
      await heldWithRival(scene);
      tokens.trouble = "busy";
      await keptFor(scene, TWO_RENEWALS_MS);
      mustHaveStruck(tokens);
      return keeping(scene);
    },
  },
  {
    id: "tokens-down",
    title: "Token service down",
    how:
      "the holder's token has ended, and connections to the service that issues tokens end without an answer " +
      `from when the holder asks for the lock, for ${shown(TOKENS_DOWN_MS)}; and again for ` +
      `${shown(SHORT_OUTAGE_MS)} once it has it, with tokens that are good for ${TOKEN_SECONDS} s. The ` +
      "storage is well",
    tokens: true,
    async play(scene) {
      const { holder } = scene;
      const tokens = tokensOf(scene);
      await sleep(TOKEN_SECONDS * 1_000);
      tokens.trouble = "down";
      holder.tell({ order: "start" });
      await sleep(TOKENS_DOWN_MS);
      tokens.trouble = undefined;
      const backAt = now();
      mustHaveStruck(tokens);
      await holder.until(() => holder.said("held") !== undefined || holder.said("settled") !== undefined, LOOK_ON_MS);
      const waited = patience(scene, backAt);
      if (!holder.said("held")) return [waited];
      scene.rivalAsks();
      tokens.trouble = "down";
      await sleep(SHORT_OUTAGE_MS);
      tokens.trouble = undefined;
      await keptFor(scene, TWO_RENEWALS_MS);
      return [waited, ...keeping(scene)];
    },
  },
  {
    id: "tokens-silent",
    title: "Token service silent",
    how:
      "once the holder has the lock, requests for tokens are taken and never answered. When it has lost the " +
      `lock, the service answers new ones; ${shown(ASKS_AGAIN_MS)} after the silence began, the lock is free ` +
      "and the holder asks for it again",
    tokens: true,
    holder: "repeater",
    async play(scene) {
      const { holder, rival, column } = scene;
      const tokens = tokensOf(scene);
      await heldWithRival(scene);
      tokens.trouble = "silent";
      const began = now();
      await lost(scene);
      tokens.trouble = undefined;
      mustHaveStruck(tokens);
      const findings = loss(scene);
      if (!holder.said("settled")) return findings;
      await rival.says("held", column.leaseMs + LOOK_ON_MS);
      rival.tell({ order: "end work" });
      await rival.says("settled", LOOK_ON_MS);
      await sleep(began + ASKS_AGAIN_MS - now());
      const askedAt = now();
      holder.tell({ order: "again" });
      await holder.says("settled again", LOOK_ON_MS);
      return [...findings, repeating(scene, askedAt)];
    },
  },
  {
    id: "outage-short",
    title: "Outage shorter than the lease",
    how:
      "the holder's network fails with its first renewal, the worst moment for it, and is back after " +
      `${shown(SHORT_OUTAGE_MS)}: connections end, new ones are refused`,
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
      scene.proxy.dropAnswer("acquire", scene.once);
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
    play(scene) {
      scene.proxy.dropAnswer("renew", scene.once);
      return keptThrough(scene);
    },
  },
  {
    id: "release-answer-lost",
    title: "Answer to release lost",
    how: "the storage frees the lock, and the connection ends instead of its answer, once",
    async play(scene) {
      scene.proxy.dropAnswer("release", scene.once);
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
    how:
      `\`SIGSTOP\`, ${shown(SETTLED_IN_MS)} after it got the lock, and \`SIGCONT\` a lease and ` +
      `${shown(PAST_LEASE_MS)} later`,
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
    id: "slept-short",
    title: "Machine slept for two seconds",
    how:
      `${shown(SETTLED_IN_MS)} after it got the lock. Made for the holder's process alone: \`SIGSTOP\` and ` +
      "`SIGCONT`, and a library that is loaded before the C library (`LD_PRELOAD`) takes the time out of " +
      "its monotonic clock, and so out of its timers; its wall clock and the machine's uptime go on. That is " +
      "what Linux does in suspend",
    holder: "sleeper",
    async play(scene) {
      await heldWithRival(scene);
      await sleep(SETTLED_IN_MS);
      await scene.holder.sleep(SHORT_SLEEP_MS);
      await keptFor(scene, TWO_RENEWALS_MS);
      return keeping(scene);
    },
  },
  {
    id: "slept-long",
    title: "Machine slept past the lease",
    how: `the same, for a lease and ${shown(PAST_LEASE_MS)}`,
    holder: "sleeper",
    async play(scene) {
      await heldWithRival(scene);
      await sleep(SETTLED_IN_MS);
      await scene.holder.sleep(scene.column.leaseMs + PAST_LEASE_MS);
      await lost(scene);
      return afterPause(scene);
    },
  },
  {
    id: "stalled",
    title: "Event loop stalled",
    how:
      `the work computes for a lease and ${shown(PAST_LEASE_MS)} without a pause, and then asks whether it ` +
      "still holds the lock",
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
    how:
      "an operator breaks it and leaves the holder what is left of its lease (`azmutex break`, `az storage " +
      "blob lease break`)",
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
    how:
      `the lock is free; the answer to acquire takes ${shown(LATE_MS)}, and the caller's signal aborts after ` +
      `${shown(CANCEL_AFTER_MS)}`,
    async play(scene) {
      const { holder, rival, column } = scene;
      const { struck } = scene.proxy.delayAnswer("acquire", LATE_MS, scene.once);
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
    how:
      "the work waits for what never comes; nothing but the library's own timers keeps the process (with " +
      "Redis, its connection is unreferenced)",
    holder: "idle",
    async play(scene) {
      const { holder } = scene;
      await scene.holds();
      await holder.ends(LOOK_ON_MS);
      return [stay(scene)];
    },
  },
  {
    id: "signal-beside",
    title: "Signal with another listener",
    how:
      `\`SIGTERM\`, ${shown(SETTLED_IN_MS)} after it got the lock, to a service that ends its work then; the ` +
      "package signal-exit listens, too, and the library is to give the lock back and end the process " +
      "(`releaseOnSignals`)",
    holder: "service",
    async play(scene) {
      const { holder, rival, column } = scene;
      await heldWithRival(scene);
      await sleep(SETTLED_IN_MS);
      scene.faultBegins();
      holder.kill("SIGTERM");
      await holder.ends(LOOK_ON_MS);
      await rival.says("held", column.leaseMs);
      return [ending(scene), freedom(scene, scene.faultAt)];
    },
  },
  {
    id: "command-told-to-end",
    title: "Command told to end, a step under `timeout`",
    how:
      "`azmutex run` runs a script whose step runs under `timeout`, in a process group of its own, and " +
      `takes ${shown(STEP_STOPS_MS)} to stop; \`SIGTERM\` to azmutex, ${shown(SETTLED_IN_MS)} after it got ` +
      "the lock",
    holder: "command",
    play: (scene) => commandEnds(scene, "SIGTERM"),
  },
  {
    id: "command-killed",
    title: "Command killed, a step under `timeout`",
    how: "the same, with `SIGKILL`",
    holder: "command",
    play: (scene) => commandEnds(scene, "SIGKILL"),
  },
];
