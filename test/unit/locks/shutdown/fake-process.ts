import { EventEmitter } from "node:events";
import { AzureMutex } from "../../../../src/locks/azure-mutex.ts";
import type { EndingProcess, EndingSignal } from "../../../../src/locks/shutdown/ending-process.ts";
import { spacesIn } from "../../../../src/locks/shutdown/release-on-signals.ts";
import { type ReleaseOnSignalsOptions, Shutdown } from "../../../../src/locks/shutdown/shutdown.ts";
import { takeOneOfEach } from "../../../support/one-of-each.ts";
import { World } from "../../../support/world.ts";

/** A process that a test sends signals to, and that says how it ended. */
export class FakeProcess implements EndingProcess {
  pid = 17;
  platform = "linux";
  signalExits = 0;
  childExits: number | null = 0;
  readonly ends: string[] = [];
  readonly #signals = new EventEmitter();

  prependListener(name: string, listener: () => void): void {
    this.#signals.prependListener(name, listener);
  }

  on(name: string, listener: (...args: unknown[]) => void): void {
    this.#signals.on(name, listener);
  }

  once(name: EndingSignal, listener: () => void): void {
    this.#signals.once(name, listener);
  }

  off(name: string, listener: (...args: unknown[]) => void): void {
    this.#signals.off(name, listener);
  }

  // biome-ignore lint/complexity/noBannedTypes: as Node has it
  rawListeners(name: EndingSignal): Function[] {
    return this.#signals.rawListeners(name);
  }

  /** A signal that is listened to arrives a little later, and kills nothing. */
  kill(pid: number, name: EndingSignal): void {
    if (this.#signals.listenerCount(name) > 0) queueMicrotask(() => this.raise(name));
    else this.ends.push(`${pid} killed by ${name}`);
  }

  exit(code: number): void {
    this.#signals.emit("exit");
    this.ends.push(`exit ${code}`);
  }

  /** Of each child process: what it was given. */
  readonly children: string[] = [];

  runNode(_program: string, input: string): number | null {
    this.children.push(input);
    return this.childExits;
  }

  /** Sends it a signal. */
  raise(name: EndingSignal): void {
    this.#signals.emit(name);
  }

  listenersTo(name: string): number {
    return this.#signals.listenerCount(name);
  }

  get listens(): number {
    return this.#signals.eventNames().length;
  }
}

/** Killed by the signal, and had it not been: its exit code. */
export const ENDED = ["17 killed by SIGTERM", "exit 143"];

export function setup(options: ReleaseOnSignalsOptions = {}) {
  const world = new World();
  const { mutex, store } = world.process();
  const host = new FakeProcess();
  return { world, mutex, store, host, shutdown: new Shutdown(spacesIn(mutex), options, host) };
}

/** A mutex of whose leases another process can be given the release. */
export function releasableSetup() {
  const world = new World();
  const store = Object.assign(world.memory, {
    releaseRequest: (name: string, leaseId: string) => ({ url: name, headers: { leaseId } }),
  });
  const newMutex = (): AzureMutex =>
    new AzureMutex({
      store,
      clock: world.clock,
      newId: () => world.newId(),
      log: (line) => world.log.push(line),
    });
  return { world, mutex: newMutex(), newMutex, host: new FakeProcess() };
}

/** The blobs whose leases the child process was to release. */
export const released = ({ children: [input = "[]"] }: FakeProcess): string[] =>
  (JSON.parse(input) as { url: string }[]).map(({ url }) => url).sort();

/** The blobs that are leased. */
export async function leased({ memory }: World): Promise<string[]> {
  const names: string[] = [];
  for await (const { key, leaseState } of memory.list("")) if (leaseState === "leased") names.push(key);
  return names.sort();
}

/** Takes one of everything that has a lease, in a fair line and by hand, too. Resolves with the leased blobs. */
export async function takeEverything(world: World, mutex: AzureMutex): Promise<string[]> {
  await world.until(
    Promise.all([
      takeOneOfEach(mutex),
      mutex.locker("fair", { fair: true }).lock(),
      mutex.acquire("by hand", 60),
      mutex.acquire("infinite", "infinite"),
    ]),
  );
  return await leased(world);
}
