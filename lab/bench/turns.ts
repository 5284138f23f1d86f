import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GoPeer } from "../shared/go-peer/go-peer.ts";
import { buildGoProgram, GO_PORT } from "../shared/go-peer/go-program.ts";
import { NotRunError } from "../shared/go-peer/not-run.ts";
import { Client } from "./client.ts";
import type { Contender } from "./contenders.ts";
import type { CyclesDone, CyclesGiven } from "./jobs/cycles.ts";
import type { Place, Stage } from "./stage.ts";

/** What came of a few cycles. */
export interface Turn {
  readonly latenciesMs: readonly number[];
  /** Of all processes that took part; undefined where it is not to be had. */
  readonly cpuMs: number | undefined;
}

/** A process that takes a lock and gives it back, when told. */
export interface TurnTaker extends AsyncDisposable {
  readonly place: Place;
  take(cycles: number): Promise<Turn>;
}

/** Processes that take the same lock, one cycle each; or one process alone. */
export class Alternating implements TurnTaker {
  readonly place: Place;
  readonly #clients: readonly Client[];
  readonly #key: string;

  private constructor(place: Place, clients: readonly Client[], key: string) {
    this.place = place;
    this.#clients = clients;
    this.#key = key;
  }

  static async start(
    contender: Contender,
    place: Place,
    { processes, key }: { processes: number; key: string },
  ): Promise<Alternating> {
    const clients = await Promise.all(Array.from({ length: processes }, () => Client.start(contender, place.address)));
    return new Alternating(place, clients, key);
  }

  async take(cycles: number): Promise<Turn> {
    const turns: CyclesDone[] = [];
    const alone = this.#clients.length === 1;
    for (let left = cycles; left > 0; left -= alone ? cycles : this.#clients.length) {
      for (const client of this.#clients) turns.push(await this.#have(client, alone ? cycles : 1));
    }
    const cpuMs = turns.reduce((sum, turn) => sum + turn.cpuMs, 0);
    return { latenciesMs: turns.flatMap((turn) => turn.latenciesMs), cpuMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client[Symbol.asyncDispose]();
  }

  async #have(client: Client, cyclesOfEach: number): Promise<CyclesDone> {
    return await client.do<CyclesDone>("cycles", {
      key: this.#key,
      tasks: 1,
      until: { cyclesOfEach },
    } satisfies CyclesGiven);
  }
}

async function placeForGo(stage: Stage): Promise<Place> {
  try {
    return await stage.ownWay("blobs", GO_PORT);
  } catch (cause) {
    throw new NotRunError(`go-azuremutex looks for its emulator at port ${GO_PORT}, which is taken`, { cause });
  }
}

/** A process that locks with go-azuremutex. Its time has two lines through a pipe in it, each way. */
export class GoTurns implements TurnTaker {
  readonly place: Place;
  readonly moduleVersion: string;
  readonly #peer: GoPeer;
  readonly #folder: string;

  private constructor(
    place: Place,
    peer: GoPeer,
    { folder, moduleVersion }: { folder: string; moduleVersion: string },
  ) {
    this.place = place;
    this.#peer = peer;
    this.#folder = folder;
    this.moduleVersion = moduleVersion;
  }

  /**
   * Rejects with a `NotRunError` where there is no Go, where the module is not to be had, and where another program
   * listens at the port.
   */
  static async start(stage: Stage): Promise<GoTurns> {
    const folder = await mkdtemp(join(tmpdir(), "azmutex-bench-"));
    try {
      const { file, moduleVersion } = buildGoProgram(folder);
      const place = await placeForGo(stage);
      return new GoTurns(place, new GoPeer(file, "locks", ""), { folder, moduleVersion });
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async take(cycles: number): Promise<Turn> {
    const latenciesMs: number[] = [];
    while (latenciesMs.length < cycles) {
      const asked = performance.now();
      await this.#peer.do({ do: "lock", key: "go" });
      await this.#peer.do({ do: "unlock", key: "go" });
      latenciesMs.push(performance.now() - asked);
    }
    return { latenciesMs, cpuMs: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
