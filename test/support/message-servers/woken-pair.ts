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
  /** How many of its questions were answered in time, so that it polls seldom. */
  answeredInTime: number;
}

/** An answer that comes later does not count, with some room for the time between here and there. */
const IN_TIME_MS = 900;

/** Two processes that share a store in memory, and nothing else but a server that carries messages. */
export class WokenPair implements AsyncDisposable {
  readonly holder: Member;
  readonly waiter: Member;
  readonly log: string[] = [];
  readonly #channels: readonly OwnChannel[];

  private constructor(channels: readonly [OwnChannel, OwnChannel], idlePollMs: number) {
    this.#channels = channels;
    const memory = new MemoryLeaseStore({ containerExists: true });
    const [holder, waiter] = channels;
    this.holder = this.#member(memory, holder.wakeUps, idlePollMs);
    this.waiter = this.#member(memory, waiter.wakeUps, idlePollMs);
  }

  static async of(connect: () => Promise<OwnChannel>, idlePollMs: number): Promise<WokenPair> {
    return new WokenPair([await connect(), await connect()], idlePollMs);
  }

  #member(memory: MemoryLeaseStore, wakeUps: WakeUps, idlePollMs: number): Member {
    const store = new FaultyLeaseStore(memory);
    const askedAt = new Map<string, number>();
    const overheard: WakeUps = {
      publish(topic, message) {
        if (message.startsWith("waiting ")) askedAt.set(message.slice("waiting ".length), performance.now());
        return wakeUps.publish(topic, message);
      },
      subscribe: (topic, listener) =>
        wakeUps.subscribe(topic, (message) => {
          const [word, ...asks] = message.split(" ");
          const isInTime = (ask: string): boolean => performance.now() - (askedAt.get(ask) ?? -IN_TIME_MS) < IN_TIME_MS;
          member.heard.push(message);
          if (word === "held" && asks.some(isInTime)) member.answeredInTime += 1;
          listener(message);
        }),
    };
    const log = (line: string): void => void this.log.push(line);
    const mutex = new AzureMutex({ store, log, wakeUps: overheard, idlePollMs });
    const member: Member = { mutex, store, heard: [], answeredInTime: 0 };
    return member;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.holder.mutex.close();
    await this.waiter.mutex.close();
    for (const channel of this.#channels) await channel[Symbol.asyncDispose]();
  }
}
