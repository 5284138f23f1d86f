// A part of a crowd that wants one lock: so many contenders of one process, each with a client and a connection of its
// own.
import { setTimeout as sleep } from "node:timers/promises";
import { now } from "../../shared/now.ts";
import type { PeerClient } from "../../shared/peers/src/peer.ts";
import { exponential, seeded } from "../../shared/seeded.ts";

/**
 * The first order of a process. Every contender locks something of its own once, so that it is connected and has loaded
 * everything.
 */
export interface WarmUpOrder {
  readonly kind: "warm up";
  /** By which they are told apart in the whole crowd. */
  readonly contenders: readonly number[];
}

/** Again and again: ask, hold, give back, think. */
export interface ContendOrder {
  readonly kind: "contend";
  readonly key: string;
  readonly holdMs: number;
  /** On average, exponential. */
  readonly thinkMs: number;
  /** By `now()`: all ask for the first time within a second of it. */
  readonly from: number;
  /** By `now()`. What is not over then is left as it is. */
  readonly until: number;
}

/** Times by `now()`, which all processes of the machine share. */
export interface ContendedHold {
  readonly process: number;
  readonly askedAt: number;
  readonly from: number;
  /** The work was done, and the library gives the lock back. */
  readonly releaseCalledAt?: number;
  /** The library says that it is given back. */
  readonly releasedAt?: number;
}

export interface Contended {
  readonly holds: readonly ContendedHold[];
  readonly waiting: readonly { readonly process: number; readonly askedAt: number }[];
}

const FIRST_ASK_WITHIN_MS = 1_000;
/** No contender is to give up. */
const WAIT_MS = 600_000;

interface Contender {
  readonly number: number;
  readonly client: PeerClient;
}

/** From the warm-up on. */
let crowd: readonly Contender[] = [];

export async function run(
  client: PeerClient,
  given: unknown,
  _tell: unknown,
  connect: () => PeerClient,
): Promise<Contended | undefined> {
  const order = given as WarmUpOrder | ContendOrder;
  if (order.kind === "contend") return await contend(order);
  crowd = order.contenders.map((number, at) => ({ number, client: at === 0 ? client : connect() }));
  await Promise.all(crowd.map(({ number, client: own }) => own.hold(`warm-up-${number}`, async () => undefined)));
  return undefined;
}

async function contend(order: ContendOrder): Promise<Contended> {
  const holds: ContendedHold[] = [];
  const waiting = new Map<number, number>();
  const lives = crowd.map((contender) => live(contender, order, holds, waiting));
  // A life that ends before its time has failed.
  await Promise.race([sleep(order.until - now()), ...lives]);
  return { holds, waiting: [...waiting].map(([process, askedAt]) => ({ process, askedAt })) };
}

async function live(
  { number, client }: Contender,
  order: ContendOrder,
  holds: ContendedHold[],
  waiting: Map<number, number>,
): Promise<never> {
  const { key, holdMs, thinkMs, from } = order;
  // The same under every library, or chance would decide between them.
  const random = seeded(1, `thoughts of contender ${number}`);
  await sleep(from + random() * FIRST_ASK_WITHIN_MS - now());
  for (;;) {
    const hold: { -readonly [Name in keyof ContendedHold]: ContendedHold[Name] } = {
      process: number,
      askedAt: now(),
      from: Number.NaN,
    };
    waiting.set(number, hold.askedAt);
    const work = async (): Promise<void> => {
      hold.from = now();
      waiting.delete(number);
      holds.push(hold);
      await sleep(holdMs);
      hold.releaseCalledAt = now();
    };
    await client.hold(key, work, { waitMs: WAIT_MS });
    hold.releasedAt = now();
    await sleep(exponential(thinkMs, random));
  }
}
