import { describe, expect, it } from "vitest";
import type { Leader } from "../../src/recipes/election/leader.ts";
import { LeaderElection } from "../../src/recipes/election/leader-election.ts";
import type { Leadership } from "../../src/recipes/election/leadership.ts";
import { Chaos, type Mortal, QUEUES } from "../support/chaos.ts";
import { seedsOf } from "../support/seeds.ts";

const CANDIDATES = 10;
const OBSERVERS = 3;
const MINUTE_MS = 60_000;
const LEASE_MS = 15_000;
/** The longest a candidate sleeps between two polls, with the few requests it takes to lead. */
const POLL_MS = 850 + 200;
/**
 * With `fair`, who is second sleeps until shortly before its turn, as far as it can tell: once in hundreds of minutes
 * it oversleeps.
 */
const OVERSLEPT_MS = 2 * POLL_MS;

interface Term {
  readonly term: number;
  readonly candidate: string;
  readonly since: number;
}

interface Result {
  readonly terms: readonly Term[];
  readonly observed: readonly (readonly (Leader | undefined)[])[];
  readonly crashes: readonly number[];
  readonly resignations: readonly number[];
}

/** Ten candidates for a minute. The leader is killed now and then; for each of the dead another candidate comes. */
async function elections(seed: number, { fair, troubled }: { fair: boolean; troubled: boolean }): Promise<Result> {
  const chaos = new Chaos(seed);
  const { clock, random } = chaos;
  const led = new Set<Leadership>();
  const terms: Term[] = [];
  const crashes: number[] = [];
  const resignations: number[] = [];
  const end = new AbortController();
  let leads: { readonly process: Mortal; readonly leadership: Leadership } | undefined;

  const leaders = (): string[] => [...led].filter(({ isHeld }) => isHeld).map(({ candidate }) => candidate);
  const broken = (): string | undefined => (leaders().length > 1 ? `several lead: ${leaders()}` : undefined);
  chaos.watch(50, broken);

  const lead = async (process: Mortal, leadership: Leadership): Promise<void> => {
    led.add(leadership);
    const { term, candidate, signal } = leadership;
    const before = terms.at(-1)?.term ?? 0;
    const how = broken() ?? (term > before ? undefined : `term ${term} after ${before}`);
    if (how) chaos.watch(1, () => how);
    terms.push({ term, candidate, since: clock.now() });
    leads = { process, leadership };
    const stays = random() < 0.5;
    if (stays) await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    else await chaos.rest(1_000 + chaos.upTo(7_000));
    if (leads?.leadership === leadership && !signal.aborted) {
      resignations.push(clock.now());
      leads = undefined;
    }
    if (random() < 0.3) throw new Error("the work failed");
  };
  let names = 0;
  const candidate = (): void => {
    names += 1;
    const process = chaos.process();
    const election = new LeaderElection(process.mutex, "boss", {
      candidate: `candidate ${names}`,
      leaseSeconds: LEASE_MS / 1_000,
      fair,
    });
    // Turns are short on purpose: as many of them as a minute has room for.
    const options = { signal: end.signal, onError: () => undefined, backoffMs: [1_000, 1_000] } as const;
    process.run(() => election.run((leadership) => lead(process, leadership), options).catch(() => undefined));
  };
  for (let count = 0; count < CANDIDATES; count += 1) candidate();

  const observed = Array.from({ length: OBSERVERS }, () => {
    const seen: (Leader | undefined)[] = [];
    const observer = new LeaderElection(chaos.world.process().mutex, "boss");
    chaos.process().run(async () => {
      try {
        for await (const leader of observer.observe({ signal: end.signal, everyMs: 500 })) seen.push(leader);
      } catch (error) {
        if (error !== end.signal.reason) throw error;
      }
    });
    return seen;
  });

  const assassin = (): void => {
    if (leads?.leadership.isHeld) {
      crashes.push(clock.now());
      leads.process.kill();
      leads = undefined;
      candidate();
    }
    clock.setTimer(3_000 + chaos.upTo(20_000), assassin);
  };
  clock.setTimer(3_000 + chaos.upTo(5_000), assassin);
  clock.setTimer(MINUTE_MS, () => end.abort("the minute is over"));
  if (troubled) chaos.trouble(MINUTE_MS - 20_000);
  await chaos.finish(MINUTE_MS + 60_000);
  return { terms, observed, crashes, resignations };
}

const termsOf = (leaders: readonly (Leader | undefined)[]): number[] => leaders.flatMap((leader) => leader?.term ?? []);

/** When the next term began after an event, in milliseconds from it. Undefined if the minute ended before. */
function takeover({ terms }: Result, at: number, withinMs: number): number | undefined {
  const next = terms.find(({ since }) => since > at);
  if (next) return next.since - at;
  return at + withinMs < MINUTE_MS ? Number.POSITIVE_INFINITY : undefined;
}

function expectOrder({ terms, observed }: Result, seed: number): void {
  const candidates = new Map(terms.map(({ term, candidate }) => [term, candidate]));
  for (const seen of observed) {
    const order = termsOf(seen);
    expect(order, `seed ${seed}`).toEqual([...new Set(order)].sort((a, b) => a - b));
    // A candidate that was killed in the moment of its election is shown, and never learnt of it.
    for (const leader of seen)
      if (leader && candidates.has(leader.term))
        expect(leader.candidate, `seed ${seed}`).toBe(candidates.get(leader.term));
    for (let index = 1; index < seen.length; index += 1)
      expect(seen[index] ?? seen[index - 1], `seed ${seed}: none twice`).toBeDefined();
  }
}

const SEEDS = seedsOf(100);

describe(`ten candidates, leaders killed at random for a minute, under ${SEEDS.length} seeds`, () => {
  it.each(QUEUES)(
    "never two lead, terms grow, all observers see one order, and another leads within a lease and a poll%s",
    async (_, fair) => {
      const slowest = { crash: 0, resignation: 0 };
      const withinMs = fair ? OVERSLEPT_MS : POLL_MS;
      let terms = 0;
      let shown = 0;
      for (const seed of SEEDS) {
        const result = await elections(seed, { fair, troubled: false });
        expectOrder(result, seed);
        for (const at of result.crashes)
          slowest.crash = Math.max(slowest.crash, takeover(result, at, LEASE_MS + POLL_MS) ?? 0);
        for (const at of result.resignations)
          slowest.resignation = Math.max(slowest.resignation, takeover(result, at, withinMs) ?? 0);
        terms += result.terms.length;
        shown += Math.max(...result.observed.map((seen) => termsOf(seen).length));
      }
      expect(slowest.crash).toBeLessThanOrEqual(LEASE_MS + POLL_MS);
      expect(slowest.resignation).toBeLessThanOrEqual(withinMs);
      expect(terms).toBeGreaterThan(4.8 * SEEDS.length);
      expect(shown).toBeGreaterThan(0.8 * terms);
    },
  );

  it.each(QUEUES)("nor when requests go astray%s", async (_, fair) => {
    for (const seed of SEEDS) expectOrder(await elections(seed, { fair, troubled: true }), seed);
  });
});
