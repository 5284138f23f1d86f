import { setTimeout as sleep } from "node:timers/promises";
import { readData, type Values } from "../shared/data.ts";
import { now } from "../shared/now.ts";
import type { EndOfFault } from "../shared/wire/wire-faults.ts";
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

/** The holder has had the lock for a while. */
async function settledIn(scene: Scene): Promise<void> {
  await heldWithRival(scene);
  await sleep(SETTLED_IN_MS);
}

/** Something happens to a holder that has had the lock for a while, and it loses the lock. */
function lostBy(happens: (scene: Scene) => Promise<void>, judge: (scene: Scene) => Finding[]): Row["play"] {
  return async (scene) => {
    await settledIn(scene);
    await happens(scene);
    await lost(scene);
    return judge(scene);
  };
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
  await settledIn(scene);
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

/** The lock could not be given back. */
function unreleased(scene: Scene, expected: Parameters<typeof settling>[1]): Finding[] {
  const since = workEnded(scene);
  return [...settling(scene, expected), freedom(scene, since, scene.leaseEndsAt - since), ...endOf(scene)];
}

function workEnded({ holder }: Scene): number {
  return holder.said("work ended")?.at ?? Number.NaN;
}

/** A fault: what happens, and what is seen of it. All but `play` stands in `rows.yaml`. */
export interface Row {
  readonly id: string;
  readonly title: string;
  /** How it is made, for the document. */
  readonly how: string;
  readonly holder?: HolderKind;
  readonly tokens?: boolean;
  readonly killsStorage?: boolean;
  /** Plays it and says what was seen. */
  play(scene: Scene): Promise<Finding[]>;
}

/** What happens, by the id of the row. */
const PLAYS: Readonly<Record<string, Row["play"]>> = {
  async nothing(scene) {
    await heldWithRival(scene);
    await keptFor(scene, TWO_RENEWALS_MS);
    return [...keeping(scene), freedom(scene, workEnded(scene))];
  },
  "renewal-hangs": (scene) => lostTo(scene, scene.proxy.hang("renew")),
  "one-503"(scene) {
    scene.proxy.serverBusy("renew", scene.once);
    return keptThrough(scene);
  },
  "gateway-once"(scene) {
    scene.proxy.gateway("renew", 404, scene.once);
    scene.proxy.gateway("renew", 200, { ...scene.once, after: 1 });
    return keptThrough(scene);
  },
  "gateway-always": (scene) => lostTo(scene, scene.proxy.gateway("renew", 200)),
  async "tokens-busy"(scene) {
    const tokens = tokensOf(scene);
    await sleep(TOKEN_SECONDS * 1_000);
    tokens.tokenSeconds = REFRESHED_TOKEN_SECONDS;
    await heldWithRival(scene);
    tokens.trouble = "busy";
    await keptFor(scene, TWO_RENEWALS_MS);
    mustHaveStruck(tokens);
    return keeping(scene);
  },
  async "tokens-down"(scene) {
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
  async "tokens-silent"(scene) {
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
  async "outage-short"(scene) {
    await outage(scene, SHORT_OUTAGE_MS);
    return keeping(scene);
  },
  async "outage-long"(scene) {
    await outage(scene, scene.column.leaseMs + 10_000);
    return loss(scene);
  },
  async "acquire-answer-lost"(scene) {
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
  "renew-answer-lost"(scene) {
    scene.proxy.dropAnswer("renew", scene.once);
    return keptThrough(scene);
  },
  async "release-answer-lost"(scene) {
    scene.proxy.dropAnswer("release", scene.once);
    await heldWithRival(scene);
    await keptFor(scene, SETTLED_IN_MS);
    return [...settling(scene), freedom(scene, workEnded(scene)), ...endOf(scene)];
  },
  async killed(scene) {
    await settledIn(scene);
    scene.holder.kill("SIGKILL");
    await scene.holder.ends(LOOK_ON_MS);
    const { at } = scene.holder.end ?? { at: Number.NaN };
    const leftMs = scene.leaseEndsAt - at;
    await scene.rival.says("held", scene.column.leaseMs + LOOK_ON_MS);
    return [freedom(scene, at, leftMs)];
  },
  stopped: lostBy(async ({ holder, column }) => {
    holder.kill("SIGSTOP");
    await sleep(column.leaseMs + PAST_LEASE_MS);
    holder.kill("SIGCONT");
  }, afterPause),
  async "slept-short"(scene) {
    await settledIn(scene);
    await scene.holder.sleep(SHORT_SLEEP_MS);
    await keptFor(scene, TWO_RENEWALS_MS);
    return keeping(scene);
  },
  "slept-long": lostBy(({ holder, column }) => holder.sleep(column.leaseMs + PAST_LEASE_MS), afterPause),
  stalled: lostBy(async ({ holder, column }) => {
    holder.tell({ order: "stall", ms: column.leaseMs + PAST_LEASE_MS });
    await holder.says("resumed", column.leaseMs + LOOK_ON_MS);
  }, afterPause),
  async broken(scene) {
    await heldWithRival(scene);
    await scene.column.room.breakGently?.(scene.storage.port, scene.key);
    await lost(scene);
    return loss(scene);
  },
  voided: lostBy(async (scene) => {
    await scene.column.room.breakAtOnce(scene.storage.port, scene.key);
    scene.faultBegins();
  }, voided),
  "data-gone": lostBy(async (scene) => {
    await scene.storageRestarts();
    scene.faultBegins();
  }, voided),
  "storage-gone": lostBy(({ storage }) => storage.kill(), loss),
  async "cancelled-waiting"(scene) {
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
  async "cancelled-asking"(scene) {
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
  async "work-throws"(scene) {
    await heldWithRival(scene);
    await thrown(scene);
    return [...settling(scene, { error: "WorkError" }), freedom(scene, workEnded(scene)), ...endOf(scene)];
  },
  async "release-fails"(scene) {
    scene.cutsBeforeRelease();
    await heldWithRival(scene);
    await keptFor(scene, SETTLED_IN_MS);
    return unreleased(scene, { mayFail: true });
  },
  async "throws-and-release-fails"(scene) {
    scene.cutsBeforeRelease();
    await heldWithRival(scene);
    await thrown(scene);
    return unreleased(scene, { error: "WorkError" });
  },
  async "nothing-else-to-do"(scene) {
    const { holder } = scene;
    await scene.holds();
    await holder.ends(LOOK_ON_MS);
    return [stay(scene)];
  },
  async "signal-beside"(scene) {
    const { holder, rival, column } = scene;
    await settledIn(scene);
    scene.faultBegins();
    holder.kill("SIGTERM");
    await holder.ends(LOOK_ON_MS);
    await rival.says("held", column.leaseMs);
    return [ending(scene), freedom(scene, scene.faultAt)];
  },
  "command-told-to-end": (scene) => commandEnds(scene, "SIGTERM"),
  "command-killed": (scene) => commandEnds(scene, "SIGKILL"),
};

const VALUES: Values = {
  ASKS_AGAIN_MS: shown(ASKS_AGAIN_MS),
  CANCEL_AFTER_MS: shown(CANCEL_AFTER_MS),
  LATE_MS: shown(LATE_MS),
  PAST_LEASE_MS: shown(PAST_LEASE_MS),
  SETTLED_IN_MS: shown(SETTLED_IN_MS),
  SHORT_OUTAGE_MS: shown(SHORT_OUTAGE_MS),
  STEP_STOPS_MS: shown(STEP_STOPS_MS),
  TOKENS_DOWN_MS: shown(TOKENS_DOWN_MS),
  TWO_RENEWALS_MS: shown(TWO_RENEWALS_MS),
  REFRESHED_TOKEN_SECONDS,
  TOKEN_SECONDS,
};

export const ROWS: readonly Row[] = readData<Omit<Row, "play">[]>("lab/faults/rows.yaml", VALUES).map((row) => {
  const play = PLAYS[row.id];
  if (!play) throw new Error(`nothing plays ${row.id}`);
  return { ...row, play };
});
