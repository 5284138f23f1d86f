import { now } from "../shared/now.ts";
import { adapterOf } from "../shared/peers.ts";
import type { Storage, StorageRoom } from "../shared/storage/storage.ts";
import { FaultProxy } from "../shared/wire/fault-proxy.ts";
import type { WireScope } from "../shared/wire/wire-faults.ts";
import { type Actor, NodeActor } from "./actor.ts";
import type { Column } from "./columns.ts";
import { CommandActor } from "./command-actor.ts";
import type { HolderKind } from "./messages.ts";
import { SleepClock } from "./sleep-clock.ts";
import { TokenService } from "./token-service.ts";

/**
 * How long it is looked on before something is said to never happen: longer than a lease and a renewal that takes as
 * long.
 */
export const LOOK_ON_MS = 20_000;
const START_MS = 30_000;
/** So long after the end of a lease no other process will come any more: the storage is gone, too. */
const RIVAL_IS_LATE_MS = 2_000;

/** What a cell is played on: a storage, a holder whose requests meet the fault, and a rival whose do not. */
export class Scene implements AsyncDisposable {
  readonly column: Column;
  readonly key: string;
  storage: Storage;
  readonly proxy: FaultProxy;
  /** For a fault that happens once, and not to a request that will be made again in other words. */
  readonly once: WireScope;
  /** Who issues the holder's tokens, where it has any. */
  readonly tokens: TokenService | undefined;
  readonly holder: Actor;
  readonly rival: Actor;
  /** When the fault began. */
  faultAt = Number.NaN;
  readonly #actors: Actor[];
  readonly #setting: Setting;
  readonly #upstream: Upstream;
  readonly #parts: readonly [Part, Part];

  private constructor(
    setting: Setting,
    storage: Storage,
    upstream: Upstream,
    parts: [Part, Part],
    actors: [Actor, Actor],
  ) {
    this.#setting = setting;
    this.column = setting.column;
    this.key = parts[0].key;
    this.storage = storage;
    this.#parts = parts;
    this.#upstream = upstream;
    [{ proxy: this.proxy, tokens: this.tokens }] = parts;
    [this.holder, this.rival] = actors;
    this.#actors = [...actors];
    this.once = { times: 1, spares: setting.room.protocol.isRepeated };
    this.holder.onWorkEnded = () => {
      this.proxy.stage = "release";
      this.holder.tell({ order: "go on" });
    };
  }

  static async set(setting: Setting): Promise<Scene> {
    const { column, cast, row, room, holder: kind } = setting;
    const storage = setting.storage ?? (await room.start());
    const upstream = { port: storage.port };
    const part = async (holder?: HolderKind): Promise<Part> => {
      const proxy = await cast.proxy(upstream, room);
      const tokens = room.certificate && (await TokenService.start());
      return { column, room, key: `${row}-${column.module}`, proxy, tokens, holder };
    };
    const parts: [Part, Part] = [await part(kind), await part()];
    const holder = await cast.actor(parts[0]);
    const rival = await cast.actor(parts[1]);
    return new Scene(setting, storage, upstream, parts, [holder, rival]);
  }

  /** The holder asks for the lock and gets it. */
  async holds(): Promise<void> {
    this.holder.tell({ order: "start" });
    if (!(await this.holder.says("held", START_MS)))
      throw new Error(`${this.column.name} does not get a lock that is free`);
    this.proxy.stage = "renew";
  }

  rivalAsks(): void {
    this.rival.tell({ order: "start" });
  }

  /** A process that comes when all is over. */
  async third(): Promise<Actor> {
    const third = await this.#setting.cast.actor(this.#parts[1]);
    this.#actors.push(third);
    return third;
  }

  /** The network fails after the work and before the lock is given back. */
  cutsBeforeRelease(): void {
    this.holder.onWorkEnded = () => {
      this.proxy.cut();
      this.holder.tell({ order: "go on" });
    };
  }

  async storageRestarts(): Promise<void> {
    await this.storage.kill();
    this.storage = await this.#setting.room.start();
    this.#upstream.port = this.storage.port;
  }

  faultBegins(): void {
    this.faultAt = now();
  }

  /**
   * Since when the lease of the last one that the holder was granted runs: until so long after it, no other process can
   * have it.
   */
  get leaseEndsAt(): number {
    return this.proxy.doneAt("acquire", "renew") + this.column.leaseMs;
  }

  /**
   * Waits until the holder was told of a loss, or is gone, or nothing was said for long enough since others could have
   * the lock.
   */
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
    for (const { proxy, tokens } of this.#parts) {
      await proxy[Symbol.asyncDispose]();
      await tokens?.[Symbol.asyncDispose]();
    }
    if (!this.#setting.storage) await this.storage.kill();
  }
}

export interface Setting {
  readonly column: Column;
  readonly cast: Cast;
  readonly row: string;
  readonly room: StorageRoom;
  /** Undefined for one of its own. */
  readonly storage: Storage | undefined;
  readonly holder: HolderKind | undefined;
}

/** What a process is given to be the holder or the rival. */
export interface Part {
  readonly column: Column;
  readonly room: StorageRoom;
  readonly key: string;
  readonly proxy: FaultProxy;
  readonly tokens: TokenService | undefined;
  readonly holder: HolderKind | undefined;
}

/** Where the storage is just now. */
interface Upstream {
  port: number;
}

/** How a library's processes are made, and their proxies before the storage. */
export interface Cast {
  proxy(upstream: Upstream, room: StorageRoom): Promise<FaultProxy>;
  /** Resolves with a process that is ready to ask for the lock, or with a command that asks for it already. */
  actor(part: Part): Promise<Actor>;
}

export const NODE_CAST: Cast = {
  proxy: (upstream, { protocol, certificate }) =>
    FaultProxy.start(upstream, { protocol, certificate: certificate?.() }),
  async actor({ column, room, key, proxy, tokens, holder }) {
    const address = room.addressAt(proxy.port);
    if (holder === "command") return new CommandActor(address, key);
    const peer = adapterOf(tokens ? `${column.module}-entra` : column.module);
    const plan = { peer, address, key, holder, otherListener: adapterOf("other-listener") };
    return await NodeActor.prepare(plan, tokens?.env, holder === "sleeper" ? new SleepClock() : undefined);
  },
};
