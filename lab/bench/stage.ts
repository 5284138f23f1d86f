import { BLOBS, REDIS, type Storage, type StorageRoom } from "../shared/storage/storage.ts";
import { type ProxyPlan, ProxyProcess } from "../shared/wire/proxy-process.ts";
import { ETCD } from "./etcd.ts";

/** A kind of server that locks are kept in. */
export type Room = "blobs" | "redis" | "etcd";

/** A server behind the proxy. */
export interface Place {
  /** What a client needs to reach it, by way of the proxy. */
  readonly address: string;
  readonly proxy: ProxyProcess;
}

type Server = Pick<StorageRoom, "missing" | "start" | "addressAt"> & Pick<ProxyPlan, "language">;

const SERVERS: Readonly<Record<Room, Server>> = {
  blobs: { ...BLOBS, language: "http" },
  redis: { ...REDIS, language: "resp" },
  etcd: { ...ETCD, language: "opaque" },
};

/** Whether the proxy before it counts requests. */
export function countsRequests(room: Room): boolean {
  return SERVERS[room].language !== "opaque";
}

/** The servers of one run, each started when it is first wanted, each behind a way that takes a round trip more. */
export class Stage implements AsyncDisposable {
  readonly roundTripMs: number;
  readonly #storages = new Map<Room, Promise<Storage>>();
  readonly #places = new Map<Room, Promise<Place>>();
  readonly #open: AsyncDisposable[] = [];

  constructor(roundTripMs: number) {
    this.roundTripMs = roundTripMs;
  }

  /** Why a room cannot be had on this machine, or undefined. */
  missing(room: Room): string | undefined {
    return SERVERS[room].missing();
  }

  /**
   * The one way to the one server of that kind, for all who do not mind that others' requests are counted with theirs.
   */
  place(room: Room): Promise<Place> {
    const place = this.#places.get(room) ?? this.ownWay(room);
    this.#places.set(room, place);
    return place;
  }

  /**
   * A way of its own to the one server of that kind.
   * @param port - Where the way begins. Default: where there is room.
   */
  async ownWay(room: Room, port?: number): Promise<Place> {
    const server = SERVERS[room];
    const starting = this.#storages.get(room) ?? server.start();
    this.#storages.set(room, starting);
    return await this.#behindProxy(server, await starting, port);
  }

  /** A server of its own, which may be killed, slowed down by its own data, or both. */
  async ownServer(room: Room): Promise<Place> {
    const server = SERVERS[room];
    const storage = await server.start();
    this.#open.push(storage);
    return await this.#behindProxy(server, storage);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const open of this.#open) await open[Symbol.asyncDispose]();
    for (const storage of this.#storages.values()) await (await storage)[Symbol.asyncDispose]();
  }

  async #behindProxy({ language, addressAt }: Server, storage: Storage, port?: number): Promise<Place> {
    const { roundTripMs } = this;
    const proxy = await ProxyProcess.start({ upstreamPort: storage.port, roundTripMs, language, port });
    this.#open.push(proxy);
    return { address: addressAt(proxy.port), proxy };
  }
}
