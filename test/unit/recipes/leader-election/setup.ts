import type { Leader } from "../../../../src/recipes/election/leader.ts";
import {
  LeaderElection,
  type LeaderElectionOptions,
  type ObserveOptions,
} from "../../../../src/recipes/election/leader-election.ts";
import type { FaultyLeaseStore } from "../../../../src/testing/index.ts";
import { World } from "../../../support/world.ts";

export const LEASE_MS = 30_000;
export const GOOD_FOR_MS = 25_000;
export const TRY_TIMEOUT_MS = 3_000;
/** Between two polls of a candidate that has waited for a while: at most. */
export const POLL_MS = 850;
/** For how long a candidate that had its turn leaves the office to others: at most. */
export const STAY_AWAY_MS = 935;

export function setup() {
  const world = new World();
  const stand = (options: LeaderElectionOptions = {}, random?: () => number) => {
    const { store, mutex } = world.process(random && { random });
    return { store, mutex, election: new LeaderElection(mutex, "office", options) };
  };
  const observe = (options?: ObserveOptions) => {
    const { store, election } = stand();
    const seen: (Leader | undefined)[] = [];
    const ended = (async () => {
      for await (const leader of election.observe(options)) seen.push(leader);
    })();
    const outcome: { error?: unknown } = {};
    ended.catch((error: unknown) => {
      outcome.error = error;
    });
    return { store, seen, outcome };
  };
  /** The next process to lead, after what others wrote is old enough for its token. */
  const campaign = (election: LeaderElection) => world.until(election.campaign());
  const here = stand({ candidate: "here" });
  const there = stand({ candidate: "there" });
  const onlooker = stand();
  const leader = () => world.until(onlooker.election.leader());
  return { world, clock: world.clock, stand, observe, campaign, leader, here, there, onlooker };
}

export const operations = (store: FaultyLeaseStore): string[] => store.calls.map(({ operation }) => operation);
