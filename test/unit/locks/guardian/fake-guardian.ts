import { AzureMutex } from "../../../../src/locks/azure-mutex.ts";
import { Guardian } from "../../../../src/locks/guardian/guardian.ts";
import type { GuardianEvents, GuardianLink } from "../../../../src/locks/guardian/guardian-process.ts";
import type { GuardianNews } from "../../../../src/locks/guardian/guardian-program.ts";
import { spaceOf } from "../../../../src/locks/mutex.ts";
import { World } from "../../../support/world.ts";

/** The guardian's process, as far as it is told of leases. */
export class FakeLink implements GuardianLink {
  isBusy = false;
  hasEnded = false;
  readonly news: GuardianNews[] = [];
  /** What it would release, by the lease's id. */
  readonly known = new Map<string, GuardianNews["stand"][number]>();
  readonly #events: GuardianEvents;

  constructor(events: GuardianEvents) {
    this.#events = events;
  }

  tell(line: string): void {
    const news: GuardianNews = JSON.parse(line);
    this.news.push(news);
    for (const id of news.gone) this.known.delete(id);
    for (const lease of news.stand) this.known.set(lease.id, lease);
  }

  /** It has taken what it was told. */
  take(): void {
    this.isBusy = false;
    this.#events.onTaken();
  }

  end(): void {
    this.hasEnded = true;
  }

  die(why = "killed by SIGKILL"): void {
    this.#events.onEnd(why);
  }
}

/** A process whose guardian is no process: a mutex, and what the guardian of it was told. */
export class GuardedProcess {
  readonly world: World;
  readonly links: FakeLink[] = [];
  /** What a start fails with. */
  failure: Error | undefined;
  readonly guardian = new Guardian((events) => {
    if (this.failure) throw this.failure;
    const link = new FakeLink(events);
    this.links.push(link);
    return link;
  });
  readonly mutex: AzureMutex;
  readonly leave: () => void;

  constructor(world = new World(), { hasRequests = true }: { hasRequests?: boolean } = {}) {
    this.world = world;
    this.mutex = hasRequests ? this.another() : world.process().mutex;
    this.leave = this.guardian.watch(spaceOf(this.mutex));
  }

  /** A mutex whose leases another process can release. */
  another(): AzureMutex {
    const { clock, memory: store, log } = this.world;
    const releaseRequest = (url: string, leaseId: string) => ({ url, headers: { leaseId } });
    const newId = (): string => this.world.newId();
    const random = (): number => 0.5;
    const releasable = new Proxy(store, {
      get: (target, name) => {
        const value = name === "releaseRequest" ? releaseRequest : Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    return new AzureMutex({ store: releasable, clock, newId, random, log: (line) => log.push(line) });
  }

  get link(): FakeLink {
    const link = this.links.at(-1);
    if (!link) throw new Error("no guardian was started");
    return link;
  }

  /** What the guardian does when the process is dead. */
  async release(link = this.link): Promise<void> {
    for (const { id, request } of link.known.values())
      await this.world.memory.release((request as { url: string }).url, id);
  }

  /** The blobs that are leased. */
  async leased(): Promise<string[]> {
    const names: string[] = [];
    for await (const { key, leaseState } of this.world.memory.list("")) if (leaseState === "leased") names.push(key);
    return names.sort();
  }
}
