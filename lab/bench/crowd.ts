import { nameDuration, showDuration } from "../shared/duration.ts";
import { now } from "../shared/now.ts";
import { type Figures, figuresOf } from "../shared/waits/figures.ts";
import type { Hold, RunRecord } from "../shared/waits/run-record.ts";
import { type Claim, type Context, notRunRow } from "./benchmark.ts";
import { Client } from "./client.ts";
import { type Contender, missing } from "./contenders.ts";
import type { Contended, ContendOrder, WarmUpOrder } from "./jobs/contend.ts";
import { countsRequests, type Place, type Stage } from "./stage.ts";

/** More processes of the system would contend for this machine's cores, and not for the lock. */
export const MOST_PROCESSES = 10;
export const THINK_MS = 100;
/** Between an order and the moment at which all begin, for it to reach every process. */
const LEAD_MS = 500;

/** How many want the lock, and for how long each holds it. */
export interface Crowd {
  readonly contenders: number;
  readonly holdMs: number;
  /** How long it is watched: those that a claim is about, and the others. */
  readonly seconds: number;
  readonly otherSeconds: number;
}

/** What came of a crowd under one library. */
export interface Outcome {
  readonly crowd: Crowd;
  readonly contender: Contender;
  /** The simulator's own figures, made of times by a real clock: the gap runs from a release being answered. */
  readonly figures: Figures;
  /** The same with the gap from a release being called. */
  readonly fromCalled: Figures;
}

export const QUICK_CROWD: Crowd = { contenders: 3, holdMs: 50, seconds: 1.5, otherSeconds: 1.5 };

export async function outcomeOf({ stage, note }: Context, crowd: Crowd, contender: Contender): Promise<Outcome> {
  const place = await stage.place(contender.room);
  const processes = Math.min(MOST_PROCESSES, crowd.contenders);
  const clients = await Promise.all(Array.from({ length: processes }, () => Client.start(contender, place.address)));
  try {
    const record = await recordOf(clients, place, crowd, contender);
    const outcome: Outcome = { crowd, contender, ...record };
    note(rowOf(outcome).join("  "));
    return outcome;
  } finally {
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  }
}

async function recordOf(
  clients: readonly Client[],
  { proxy }: Place,
  crowd: Crowd,
  contender: Contender,
): Promise<Pick<Outcome, "figures" | "fromCalled">> {
  const { contenders, holdMs } = crowd;
  const numbers = Array.from({ length: contenders }, (_, number) => number);
  const warmUp = (client: Client, at: number): Promise<void> =>
    client.do("contend", {
      kind: "warm up",
      contenders: numbers.filter((number) => number % clients.length === at),
    } satisfies WarmUpOrder);
  await Promise.all(clients.map(warmUp));
  const before = await proxy.requests();
  const from = now() + LEAD_MS;
  const until = from + 1_000 * secondsFor(contender, crowd);
  const order: ContendOrder = {
    kind: "contend",
    key: `crowd-${Math.round(from)}`,
    holdMs,
    thinkMs: THINK_MS,
    from,
    until,
  };
  const parts = await Promise.all(clients.map((client) => client.do<Contended>("contend", order)));
  const requests = (await proxy.requests()) - before;
  const record = (freed: "releasedAt" | "releaseCalledAt"): RunRecord => ({
    processes: contenders,
    endedAt: until,
    holds: parts
      .flatMap(({ holds }) => holds)
      .map(
        ({ process, askedAt, from: start, ...ends }): Hold => ({ process, askedAt, from: start, freedAt: ends[freed] }),
      )
      .sort((a, b) => a.from - b.from),
    waiting: parts.flatMap(({ waiting }) => waiting),
    requests,
  });
  return { figures: figuresOf(record("releasedAt")), fromCalled: figuresOf(record("releaseCalledAt")) };
}

function secondsFor({ room }: Contender, { seconds, otherSeconds }: Crowd): number {
  return room === "blobs" ? seconds : otherSeconds;
}

export const GAP_COLUMNS = ["gap p50", "p95"];
export const OTHER_COLUMNS = ["requests", "acquisitions", "longest wait", "overtaken", "Jain"];
export const COLUMNS = ["", ...GAP_COLUMNS, "from the call p50", "p95", ...OTHER_COLUMNS];

export function rowOf({ contender, figures, fromCalled }: Outcome): readonly string[] {
  return [
    contender.name,
    ...gapCells(figures),
    ...gapCells(fromCalled),
    ...otherCells(figures, countsRequests(contender.room)),
  ];
}

export function gapCells({ gapP50, gapP95 }: Figures): readonly string[] {
  return [showDuration(gapP50), showDuration(gapP95)];
}

export function otherCells(figures: Figures, isCounted: boolean): readonly string[] {
  const { requestsPerAcquisition, acquisitions, longestWait, overtakenLateMean, overtakenLateMax, jain } = figures;
  return [
    isCounted ? requestsPerAcquisition.toFixed(1) : "not counted",
    String(acquisitions),
    showDuration(longestWait),
    `${overtakenLateMean.toFixed(2)} (${overtakenLateMax})`,
    jain.toFixed(3),
  ];
}

export function nameOf({ contenders, holdMs }: Crowd): string {
  return `${contenders} contenders, holds of ${nameDuration(holdMs)}`;
}

export function gapClaim(where: string, part: string, value: number, limit: number, limitName = `${limit} ms`): Claim {
  return {
    what: `${where}: hand-over gap ${part}`,
    limit: limitName,
    measured: showDuration(value),
    holds: value <= limit,
  };
}

export function figuresFor(contender: Contender, crowd: Crowd, outcomes: readonly Outcome[]): Figures | undefined {
  return outcomes.find((outcome) => outcome.contender === contender && outcome.crowd === crowd)?.figures;
}

/** Those that this machine has no server for. */
export function notRunRows(contenders: readonly Contender[], stage: Stage): readonly (readonly string[])[] {
  return contenders.flatMap((contender) => {
    const reason = missing(contender, stage);
    return reason === undefined ? [] : [notRunRow(contender.name, reason, COLUMNS)];
  });
}
