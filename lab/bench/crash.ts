import { setTimeout as sleep } from "node:timers/promises";
import { within } from "../shared/child-process.ts";
import { showDuration } from "../shared/duration.ts";
import { now } from "../shared/now.ts";
import { median, quantile } from "../shared/statistics.ts";
import type { Bar, Benchmark, Claim, Table } from "./benchmark.ts";
import { Client } from "./client.ts";
import { type Contender, OURS } from "./contenders.ts";
import type { HoldEvent, HoldOrder } from "./jobs/hold.ts";
import { textsOf } from "./texts.ts";

/** A way to hold the lock that is killed. */
interface Setting {
  readonly name: string;
  readonly variant: string;
  readonly leaseSeconds: number;
  readonly isFair: boolean;
}

const SETTINGS: readonly Setting[] = [
  { name: "azmutex, default options", variant: "plain30", leaseSeconds: 30, isFair: false },
  { name: "azmutex, fair: true", variant: "fair30", leaseSeconds: 30, isFair: true },
  { name: "azmutex, leaseSeconds: 15", variant: "plain15", leaseSeconds: 15, isFair: false },
  { name: "azmutex, leaseSeconds: 15, fair: true", variant: "fair15", leaseSeconds: 15, isFair: true },
];

/** How many are killed. */
interface Extent {
  readonly settings: readonly Setting[];
  readonly rounds: number;
  /** Of each setting, in each round. */
  readonly holders: number;
  readonly keysPerHolder: number;
}

const FULL: Extent = { settings: SETTINGS, rounds: 4, holders: 2, keysPerHolder: 5 };
const QUICK: Extent = {
  settings: SETTINGS.filter(({ leaseSeconds }) => leaseSeconds === 15),
  rounds: 1,
  holders: 1,
  keysPerHolder: 3,
};
/** The default: a third of the lease. */
const RENEWALS_PER_LEASE = 3;
/** A waiter's first, quick polls are over. */
const WAITERS_SETTLE_MS = 1_500;
const AFTER_EXPIRY_MS = 20_000;
/** The limits of the claims, from the lease's expiry to the next holder's start. */
const PLAIN_P95_MS = 1_000;
const FAIR_P95_MS = 500;

/** One holder that was killed. */
interface Takeover {
  /** From the kill to the next holder's start. */
  readonly afterKillMs: number;
  /**
   * From the end of the lease, counted from when its last renewal was sent. Undefined if one was under way when the
   * holder was killed.
   */
  readonly afterExpiryMs: number | undefined;
}

export const CRASH: Benchmark = {
  ...textsOf("crash", { KEYS: FULL.keysPerHolder }),
  async run(context) {
    const extent = context.isQuick ? QUICK : FULL;
    const found = new Map<Setting, Takeover[]>(extent.settings.map((setting) => [setting, []]));
    const { address } = await context.stage.place("blobs");
    for (let round = 1; round <= extent.rounds; round += 1) {
      context.note(`round ${round} of ${extent.rounds}`);
      const takeovers = await Promise.all(
        extent.settings.map((setting) => takeoversOf(address, setting, extent, round)),
      );
      for (const [at, setting] of extent.settings.entries()) found.get(setting)?.push(...(takeovers[at] ?? []));
    }
    const rows = [...found];
    return {
      tables: [tableOf(rows)],
      claims: rows.flatMap(([setting, takeovers]) => claimsOf(setting, takeovers)),
      chart: {
        title: "From the holder's death to the next holder's start",
        unit: "seconds; the line is the least and the most",
        bars: rows.map(barOf),
      },
      notes: leftOutNote(rows),
    };
  },
};

async function takeoversOf(
  address: string,
  setting: Setting,
  { holders, keysPerHolder }: Extent,
  round: number,
): Promise<Takeover[]> {
  const { variant, leaseSeconds } = setting;
  const contender: Contender = { ...OURS, variant };
  const keysOf = (holder: number): string[] =>
    Array.from({ length: keysPerHolder }, (_, n) => `crash-${variant}-${round}-${holder}-${n}`);
  const crews = Array.from({ length: holders }, (_, holder) => keysOf(holder));
  await using waiter = await Client.start(contender, address);
  const phaseMs = (1_000 * leaseSeconds) / RENEWALS_PER_LEASE;
  const victims = await Promise.all(crews.map((keys) => Victim.start(contender, address, keys, phaseMs)));
  const started = new Map<string, number>();
  const order: HoldOrder = { keys: crews.flat().map((key) => ({ key, afterMs: 0 })), forMs: 0 };
  const allStarted = waiter.do("hold", order, (event) => noteStart(started, event as HoldEvent));
  await sleep(WAITERS_SETTLE_MS + phaseMs);
  for (const victim of victims) await victim.kill();
  await within(leaseSeconds * 1_000 + AFTER_EXPIRY_MS, allStarted, "a lock was not taken over long after its lease");
  return victims.flatMap((victim) => victim.takeovers(started, leaseSeconds * 1_000));
}

function noteStart(started: Map<string, number>, event: HoldEvent): void {
  if (event.kind === "holds") started.set(event.key, event.at);
}

/** A process that holds locks until it is killed. */
class Victim {
  readonly #client: Client;
  readonly #keys: readonly string[];
  readonly #held = new Set<string>();
  /** When the last request that was granted was sent, and the last of all. */
  readonly #grantedSentAt = new Map<string, number>();
  readonly #sentAt = new Map<string, number>();
  #killedAt = Number.NaN;

  private constructor(client: Client, keys: readonly string[]) {
    this.#client = client;
    this.#keys = keys;
  }

  /** Resolves once it holds them all. */
  static async start(
    contender: Contender,
    address: string,
    keys: readonly string[],
    withinMs: number,
  ): Promise<Victim> {
    const client = await Client.start(contender, address);
    const victim = new Victim(client, keys);
    await victim.#takeAll(withinMs);
    return victim;
  }

  async kill(): Promise<void> {
    this.#killedAt = now();
    await this.#client[Symbol.asyncDispose]();
  }

  takeovers(started: ReadonlyMap<string, number>, leaseMs: number): Takeover[] {
    return this.#keys.map((key) => {
      const at = started.get(key) ?? Number.NaN;
      const sentAt = this.#grantedSentAt.get(key) ?? Number.NaN;
      const isKnown = this.#sentAt.get(key) === sentAt;
      return { afterKillMs: at - this.#killedAt, afterExpiryMs: isKnown ? at - (sentAt + leaseMs) : undefined };
    });
  }

  async #takeAll(withinMs: number): Promise<void> {
    const keys = this.#keys.map((key) => ({ key, afterMs: Math.random() * withinMs }));
    await new Promise<void>((resolve, reject) => {
      const onEvent = (event: unknown): void => {
        this.#heard(event as HoldEvent);
        if (this.#held.size === this.#keys.length) resolve();
      };
      // It ends when it is killed, which is too late to matter.
      this.#client.do("hold", { keys } satisfies HoldOrder, onEvent).catch(reject);
    });
  }

  #heard(event: HoldEvent): void {
    if (event.kind === "holds") this.#held.add(event.key);
    else if (event.kind === "sent") this.#sentAt.set(event.key, event.at);
    else if (event.isGranted) this.#grantedSentAt.set(event.key, event.sentAt);
  }
}

const COLUMNS = [
  "",
  "lease",
  "killed",
  "to the next start, median",
  "p95",
  "least–most",
  "from expiry, median",
  "p95",
  "least–most",
];

function tableOf(rows: readonly (readonly [Setting, readonly Takeover[]])[]): Table {
  return {
    columns: COLUMNS,
    rows: rows.map(([{ name, leaseSeconds }, takeovers]) => [
      name,
      `${leaseSeconds} s`,
      takeovers.length,
      ...spread(takeovers.map(({ afterKillMs }) => afterKillMs)),
      ...spread(afterExpiries(takeovers)),
    ]),
  };
}

function spread(values: readonly number[]): readonly string[] {
  return [
    showDuration(median(values)),
    showDuration(quantile(values, 0.95)),
    `${showDuration(Math.min(...values))}–${showDuration(Math.max(...values))}`,
  ];
}

function afterExpiries(takeovers: readonly Takeover[]): number[] {
  return takeovers.flatMap(({ afterExpiryMs }) => (afterExpiryMs === undefined ? [] : [afterExpiryMs]));
}

function claimsOf({ name, leaseSeconds, isFair }: Setting, takeovers: readonly Takeover[]): Claim[] {
  const middle = median(takeovers.map(({ afterKillMs }) => afterKillMs));
  const p95 = quantile(afterExpiries(takeovers), 0.95);
  const limitMs = isFair ? FAIR_P95_MS : PLAIN_P95_MS;
  return [
    {
      what: `${name}: from the kill to the next start, median`,
      limit: `the lease, ${leaseSeconds} s`,
      measured: showDuration(middle),
      holds: middle <= leaseSeconds * 1_000,
    },
    {
      what: `${name}: from the lease's expiry to the next start, p95`,
      limit: `${limitMs / 1_000} s`,
      measured: showDuration(p95),
      holds: p95 <= limitMs,
    },
  ];
}

function barOf([{ name }, takeovers]: readonly [Setting, readonly Takeover[]]): Bar {
  const seconds = takeovers.map(({ afterKillMs }) => afterKillMs / 1_000);
  return { label: name, value: median(seconds), spread: [Math.min(...seconds), Math.max(...seconds)], isOurs: true };
}

function leftOutNote(rows: readonly (readonly [Setting, readonly Takeover[]])[]): string[] {
  const all = rows.flatMap(([, takeovers]) => takeovers);
  const leftOut = all.length - afterExpiries(all).length;
  return leftOut === 0
    ? []
    : [`In ${leftOut} of ${all.length} a renewal was under way when the holder was killed: its expiry is not known.`];
}
