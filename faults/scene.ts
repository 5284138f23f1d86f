import { type Actor, NodeActor } from "./actor.ts";
import type { Column } from "./columns.ts";
import { now } from "./now.ts";
import { adapterOf } from "./peers.ts";
import type { Storage } from "./storage.ts";
import type { Protocol } from "./wire/protocol.ts";
import { Way } from "./wire/way.ts";

/** How long it is looked on before something is said to never happen: longer than a lease and a renewal that takes as long. */
export const LOOK_ON_MS = 20_000;
const START_MS = 30_000;
/** So long after the end of a lease nobody else will come any more: the storage is gone, too. */
const RIVAL_IS_LATE_MS = 2_000;

/** What a cell is played on: a storage, a holder whose way there is troubled, and a rival whose way is not. */
export class Scene implements AsyncDisposable {
  readonly column: Column;
  readonly key: string;
  storage: Storage;
  readonly way: Way;
  readonly rivalsWay: Way;
  readonly holder: Actor;
  readonly rival: Actor;
  /** When the fault began. */
  faultAt = Number.NaN;
  readonly #actors: Actor[];
  readonly #cast: Cast;
  #ownsStorage = false;

  private constructor(column: Column, cast: Cast, key: string, storage: Storage, ways: [Way, Way], actors: [Actor, Actor]) {
    this.column = column;
    this.#cast = cast;
    this.key = key;
    this.storage = storage;
    [this.way, this.rivalsWay] = ways;
    [this.holder, this.rival] = actors;
    this.#actors = [...actors];
    this.holder.onWorkEnded = () => {
      this.way.stage = "release";
      this.holder.tell({ order: "go on" });
    };
  }

  static async set({ column, cast, row, storage: shared, idle }: Setting): Promise<Scene> {
    const storage = shared ?? (await column.room.start());
    const key = `${row}-${column.module}`;
    const { protocol } = column.room;
    const way = await cast.way(storage.port, protocol);
    const rivalsWay = await cast.way(storage.port, protocol);
    const holder = await cast.actor(column, key, way, idle);
    const rival = await cast.actor(column, key, rivalsWay, false);
    const scene = new Scene(column, cast, key, storage, [way, rivalsWay], [holder, rival]);
    scene.#ownsStorage = shared === undefined;
    return scene;
  }

  /** The holder asks for the lock and gets it. */
  async holds(): Promise<void> {
    this.holder.tell({ order: "start" });
    if (!(await this.holder.says("held", START_MS))) throw new Error(`${this.column.name} does not get a lock that is free`);
    this.way.stage = "renew";
  }

  rivalAsks(): void {
    this.rival.tell({ order: "start" });
  }

  /** Somebody who comes when all is over. */
  async third(): Promise<Actor> {
    const third = await this.#cast.actor(this.column, this.key, this.rivalsWay, false);
    this.#actors.push(third);
    return third;
  }

  /** The network fails after the work and before the lock is given back. */
  cutsBeforeRelease(): void {
    this.holder.onWorkEnded = () => {
      this.way.cut();
      this.holder.tell({ order: "go on" });
    };
  }

  async storageRestarts(): Promise<void> {
    await this.storage.kill();
    this.storage = await this.column.room.start();
    this.way.storagePort = this.storage.port;
    this.rivalsWay.storagePort = this.storage.port;
  }

  faultBegins(): void {
    this.faultAt = now();
  }

  /** Since when the lease of the last one that the holder was granted runs: until so long after it, nobody else can have it. */
  get leaseEndsAt(): number {
    return this.way.keptAt + this.column.leaseMs;
  }

  /** Waits until the holder was told of a loss, or is gone, or nothing was said for long enough since others could have the lock. */
  async lookOn(atMostMs = this.column.leaseMs + 2 * LOOK_ON_MS): Promise<void> {
    const began = now();
    const { holder, rival } = this;
    const isOver = (): boolean => holder.said("told") !== undefined || holder.said("settled") !== undefined;
    while (!isOver() && !holder.end && now() < began + atMostMs) {
      const othersSince = rival.said("held")?.at ?? this.leaseEndsAt + RIVAL_IS_LATE_MS;
      if (now() > othersSince + LOOK_ON_MS) return;
      await holder.until(isOver, 500);
    }
  }

  /** The work ends, if it has not: returns once the library's call is over, or has not been for long. */
  async windUp(withinMs = LOOK_ON_MS): Promise<void> {
    this.holder.tell({ order: "end work" });
    await this.holder.says("settled", withinMs);
  }

  /** The holder's process is given its time to end by itself. */
  async curtain(): Promise<void> {
    if (this.holder.said("closed")) await this.holder.ends(LOOK_ON_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const actor of this.#actors) await actor[Symbol.asyncDispose]();
    await this.way[Symbol.asyncDispose]();
    await this.rivalsWay[Symbol.asyncDispose]();
    if (this.#ownsStorage) await this.storage.kill();
  }
}

export interface Setting {
  readonly column: Column;
  readonly cast: Cast;
  readonly row: string;
  /** Undefined for one of its own. */
  readonly storage: Storage | undefined;
  /** Whether the holder does nothing under the lock. */
  readonly idle: boolean;
}

/** How a library's processes are made, and their ways to the storage. */
export interface Cast {
  way(storagePort: number, protocol: Protocol): Promise<Way>;
  /** Resolves with a process that is ready to ask for the lock. */
  actor(column: Column, key: string, way: Way, idle: boolean): Promise<Actor>;
}

export const NODE_CAST: Cast = {
  way: (storagePort, protocol) => Way.open(storagePort, protocol),
  async actor(column, key, way, idle) {
    if (way.port === undefined) throw new Error("a way without a port is for Go");
    const peer = adapterOf(column.module);
    return await NodeActor.prepare({ peer, address: column.room.addressAt(way.port), key, idle });
  },
};
