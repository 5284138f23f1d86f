import { setTimeout as sleep } from "node:timers/promises";
import { seconds } from "../shared/duration.ts";
import { Counter } from "../shared/race/counter.ts";
import { type Hold, holdsOf } from "../shared/race/holds.ts";
import { Journal } from "../shared/race/journal.ts";
import type { OurPeer } from "./our-peer.ts";
import type { Place } from "./place.ts";
import type { Verdict } from "./verdict.ts";

export interface RacePlan {
  readonly name: string;
  readonly go: number;
  readonly ours: number;
  /** Whether ours queue. Go never does. */
  readonly fair: boolean;
  /** How often each of Go's locks, and how often it adds one each time; how often each of ours locks, to add one. */
  readonly goLocks: number;
  readonly goIncrements: number;
  readonly ourIncrements: number;
  /** The lock has to pass from one side to the other so often, or the race has shown nothing. */
  readonly fewestCrossings?: number;
}

/** Long enough for the lock to be free now and then when one of Go's lockers looks, which it does every ten seconds. */
const REST_MS = 1_500;
const WORK_MS = 40;
const GO_POLLS_EVERY_MS = 10_000;

/** Go's lockers and ours add to one number in a file, all at once. */
export async function race(place: Place, verdict: Verdict, plan: RacePlan): Promise<void> {
  const folder = await place.folder(plan.name);
  const counter = new Counter(folder);
  const journal = new Journal(folder);
  counter.create();
  journal.create();
  const key = plan.name;
  const pace = { folder, restMs: REST_MS, workMs: WORK_MS };

  const ours: OurPeer[] = [];
  for (let number = 1; number <= plan.ours; number += 1) {
    const worker = `ours-${number}`;
    const peer = place.ours({
      kind: "race",
      key,
      race: { ...pace, worker, increments: plan.ourIncrements, fair: plan.fair },
    });
    // One after the other: all at once would keep a small machine busy for longer than a request may take.
    await peer.says("ready");
    ours.push(peer);
  }
  const began = performance.now();
  const gos = Array.from({ length: plan.go }, async (_, index) => {
    const race = { ...pace, worker: `go-${index + 1}`, locks: plan.goLocks, increments: plan.goIncrements };
    // Begun together they would go on looking in the same instant, and one of them at most would get in every ten
    // seconds.
    await sleep((index * GO_POLLS_EVERY_MS) / plan.go);
    await place.go().do({ do: "race", key, race });
  });
  const finished = ours.map((one) => {
    one.go();
    return one.says("finished");
  });
  await Promise.all([...gos, ...finished]);

  const took = performance.now() - began;
  const entries = journal.entries();
  const holds = holdsOf(entries);
  const expected = plan.go * plan.goLocks * plan.goIncrements + plan.ours * plan.ourIncrements;
  const who = `${plan.go} lockers of Go's and ${plan.ours} of ours${plan.fair ? " that queue" : ""}`;
  const counted = counter.peek();
  const waited =
    `Go waited up to ${longestWait(holds.filter(isGo))}, we up to ` +
    `${longestWait(holds.filter((hold) => !isGo(hold)))}`;
  const sum = `${counted} of ${expected} increments in ${seconds(took)}; ${waited}`;
  verdict.check(`${who} count without loss`, counted === expected, sum);

  const intruded = holds.filter((hold) => hold.intruded).length;
  const crossings = holds.filter((hold, index) => index > 0 && isGo(hold) !== isGo(holds[index - 1] ?? hold)).length;
  const isAlone = holds.length === expected && intruded === 0;
  const passed = `the lock passed between Go and us ${crossings} times`;
  verdict.check(
    `${who} are never in at once`,
    isAlone,
    `${intruded} of ${holds.length} came in while another was; ${passed}`,
  );
  if (plan.fewestCrossings !== undefined) verdict.check(`${who} take turns`, crossings >= plan.fewestCrossings, passed);

  const tokens = holds.filter((hold) => !isGo(hold)).map(({ token }) => token ?? Number.NaN);
  const grown = tokens.filter((token, index) => token > (tokens[index - 1] ?? 0)).length;
  verdict.check(
    `${who}: our fencing tokens grow, whatever Go wipes`,
    grown === tokens.length,
    `${grown} of ${tokens.length}`,
  );
}

function longestWait(holds: readonly Hold[]): string {
  return seconds(Math.max(...holds.map(({ askedAt, from }) => from - askedAt)));
}

function isGo({ worker }: Hold): boolean {
  return worker.startsWith("go-");
}
