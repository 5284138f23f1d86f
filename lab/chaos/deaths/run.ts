import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Chance } from "../../shared/chance.ts";
import { BLOBS } from "../../shared/storage/storage.ts";
import type { Evidence } from "../evidence.ts";
import { WallClock } from "../machine.ts";
import { MachineClock } from "../machine-clock.ts";
import type { ActorKind, Protection } from "../messages.ts";
import { Register } from "../register.ts";
import { deckOf, type Setting } from "./kinds.ts";
import { type Death, Lane, type LaneContext } from "./lane.ts";
import { asCommand, asContainer, asWorker, PidNamespace } from "./launches.ts";
import { type JobOfSeats, type Launch, Seat } from "./seat.ts";

export interface DeathsOptions {
  readonly seed: number;
  readonly deaths: number;
  /** For the journals and the state directories. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly onDeath: (death: Death) => void;
}

/** The shortest that Azure knows. */
const LEASE_SECONDS = 15;
const CONTAINER_NAME = "deaths";
/** The locks, and where the processes that compete for each live. */
const LANES: readonly { readonly setting: Setting; readonly kind: ActorKind }[] = [
  { setting: "host", kind: "plain" },
  { setting: "host", kind: "fair" },
  { setting: "host", kind: "readerWriter" },
  { setting: "patient", kind: "plain" },
  { setting: "patient", kind: "election" },
  { setting: "pids", kind: "plain" },
  { setting: "containers", kind: "plain" },
  { setting: "containers", kind: "fair" },
  { setting: "command", kind: "plain" },
];
const SEATS = 2;
/** So many writes to the register are under way for longer than it takes to release the lock of a dead holder. */
const LATE = { share: 0.15, ms: [500, 5_000] } as const;

export interface DeathsOutcome {
  readonly evidence: Evidence;
  readonly deaths: readonly Death[];
}

/** Has so many processes die, and brings home what happened. */
export async function runDeaths({ seed, deaths, folder, signal, onDeath }: DeathsOptions): Promise<DeathsOutcome> {
  const clock = new MachineClock();
  const wallClock = new WallClock();
  await using storage = await BLOBS.start();
  await using register = await Register.start(clock);
  await using namespace = await PidNamespace.start();
  const writes = new Chance(seed, "writes");
  register.lateness = () => (writes.isOnce(LATE.share) ? writes.between(...LATE.ms) : 0);
  const happened: Death[] = [];
  const job: JobOfSeats = {
    seed,
    leaseSeconds: LEASE_SECONDS,
    containerName: CONTAINER_NAME,
    registerPort: register.port,
    connectionString: BLOBS.addressAt(storage.port),
  };
  const context: LaneContext = {
    clock,
    signal,
    namespace,
    leaseMs: LEASE_SECONDS * 1_000,
    onDeath: (death) => {
      happened.push(death);
      onDeath(death);
    },
  };
  const launches: Readonly<Record<Setting, Launch>> = {
    host: asWorker(clock),
    patient: asWorker(clock),
    pids: asWorker(clock, namespace.entry),
    containers: asContainer(clock),
    command: asCommand(clock),
  };
  const lanes = LANES.map(({ setting, kind }, n) => {
    const key = `${setting}-${n}-${kind}`;
    const directory = join(folder, `state-${n}`);
    if (setting === "containers") mkdirSync(directory, { mode: 0o700 });
    const seats = Array.from({ length: SEATS }, (_, at) => {
      const actor = { name: `${key}-${at}`, kind, key };
      const spec = { actor, launch: launches[setting], protection: protectionIn(setting, directory) };
      return new Seat({ ...spec, isRepeated: setting === "command" }, job, folder);
    });
    return { setting, lane: new Lane(key, seats, context, new Chance(seed, key)) };
  });
  const decks = new Map(
    LANES.map(({ setting }) => [setting, deckOf(setting, deaths, new Chance(seed, `deck of ${setting}`))]),
  );
  const seats = lanes.flatMap(({ lane }) => lane.seats);
  let endedAt = 0;
  try {
    await Promise.all(lanes.map(({ setting, lane }) => lane.run(decks.get(setting) ?? [])));
    endedAt = clock.now();
  } finally {
    await Promise.all(seats.map((seat) => seat.close()));
  }
  signal.throwIfAborted();
  const noted = seats.map((seat) => seat.read());
  const evidence: Evidence = {
    seed,
    leaseMs: context.leaseMs,
    endedAt,
    workers: seats.map(({ name }) => name),
    actors: seats.map(({ name, actor: { key } }) => ({ name, worker: name, key })),
    holds: noted.flatMap(({ holds }) => holds),
    requests: noted.flatMap(({ requests }) => requests),
    refusals: noted.flatMap(({ refusals }) => refusals),
    touches: [...register.touches],
    fencedNumbers: register.fencedNumbers,
    troubles: [],
    planned: [],
    storageLosses: [],
    calms: [],
    crashes: seats.flatMap(({ crashes }) => crashes),
    wallClockStepMs: wallClock.stepMs,
  };
  return { evidence, deaths: happened };
}

function protectionIn(setting: Setting, directory: string): Protection {
  const isContainer = setting === "containers";
  return { guardian: !isContainer, onExit: !isContainer, stateDirectory: isContainer ? directory : undefined };
}
