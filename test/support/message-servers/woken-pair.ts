import { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import { FaultyLeaseStore, MemoryLeaseStore } from "../../../src/testing/index.ts";
import type { WakeUps } from "../../../src/waiting/wake-ups/wake-ups.ts";

/** A channel of one process, on connections of its own. */
export interface OwnChannel extends AsyncDisposable {
  readonly wakeUps: WakeUps;
}

interface Member {
  readonly mutex: AzureMutex;
  readonly store: FaultyLeaseStore;
  /** The messages that came, of all topics. */
  readonly heard: string[];
}

/** Two processes that share a store in memory, and nothing else but a server that carries messages. */
export class WokenPair implements AsyncDisposable {
  readonly holder: Member;
  readonly waiter: Member;
  readonly log: string[] = [];
  readonly #channels: readonly OwnChannel[];

  private constructor(channels: readonly [OwnChannel, OwnChannel], idlePollMs: number) {
    this.#channels = channels;
    const memory = new MemoryLeaseStore({ containerExists: true });
    const [holder, waiter] = channels.map(({ wakeUps }): Member => {
      const store = new FaultyLeaseStore(memory);
      const heard: string[] = [];
      const overheard: WakeUps = {
        publish: (topic, message) => wakeUps.publish(topic, message),
        subscribe: (topic, listener) =>
          wakeUps.subscribe(topic, (message) => {
            heard.push(message);
            listener(message);
          }),
      };
      const log = (line: string): void => void this.log.push(line);
      return { store, heard, mutex: new AzureMutex({ store, log, wakeUps: overheard, idlePollMs }) };
    }) as [Member, Member];
    this.holder = holder;
    this.waiter = waiter;
  }

  static async of(connect: () => Promise<OwnChannel>, idlePollMs: number): Promise<WokenPair> {
    return new WokenPair([await connect(), await connect()], idlePollMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.holder.mutex.close();
    await this.waiter.mutex.close();
    for (const channel of this.#channels) await channel[Symbol.asyncDispose]();
  }
}
