import { BLOBS_WITH_TOKENS, CONTAINER, type Storage, type StorageRoom } from "../shared/storage/storage.ts";
import { FaultProxy } from "../shared/wire/fault-proxy.ts";
import type { Column } from "./columns.ts";
import type { Finding } from "./findings.ts";
import type { Gate } from "./gate.ts";
import { GoActor } from "./go-actor.ts";
import type { Row } from "./rows.ts";
import { type Cast, NODE_CAST, Scene } from "./scene.ts";

/** How many scenes are set at the same time: processes that start keep others from running. */
const SETTING_AT_ONCE = 2;

/** Where Go's processes enter, and their program. */
export interface GoStage {
  readonly gate: Gate;
  readonly program: string;
}

/** The stage on which all cells are played, several at a time. */
export class Theatre implements AsyncDisposable {
  readonly #go: GoStage | undefined;
  readonly #storages = new Map<StorageRoom, Promise<Storage>>();
  readonly #setting = new Set<Promise<Scene>>();

  constructor(go?: GoStage) {
    this.#go = go;
  }

  /** Plays a cell on a scene of its own. */
  async observe(row: Row, column: Column): Promise<Finding[]> {
    const reason = column.notFor[row.id];
    if (reason !== undefined) return [{ grade: "none", text: reason }];
    await using scene = await this.#set(row, column);
    const findings = await row.play(scene);
    if (!scene.proxy.hasStruck) throw new Error("the fault did not strike");
    return findings;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const storage of this.#storages.values()) await (await storage).kill();
  }

  async #set(row: Row, column: Column): Promise<Scene> {
    while (this.#setting.size >= SETTING_AT_ONCE) await Promise.race(this.#setting).catch(() => undefined);
    const cast = column.module === "go" ? this.#goCast() : NODE_CAST;
    const room = row.tokens ? BLOBS_WITH_TOKENS : column.room;
    const setting = this.#storage(row, room).then((storage) =>
      Scene.set({ column, cast, row: row.id, room, storage, holder: row.holder }),
    );
    this.#setting.add(setting);
    try {
      return await setting;
    } finally {
      this.#setting.delete(setting);
    }
  }

  /** One storage for all, but for what kills it. */
  async #storage({ killsStorage }: Row, room: StorageRoom): Promise<Storage | undefined> {
    if (killsStorage) return undefined;
    const storage = this.#storages.get(room) ?? room.start();
    this.#storages.set(room, storage);
    return await storage;
  }

  #goCast(): Cast {
    if (!this.#go) throw new Error("there is no Go here");
    const { gate, program } = this.#go;
    return {
      proxy: async (upstream) => FaultProxy.behindGate(upstream),
      actor: async ({ key, proxy }) => {
        const actor = new GoActor(program, CONTAINER, key);
        gate.admit(actor.pid, proxy);
        return actor;
      },
    };
  }
}
