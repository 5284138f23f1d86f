import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "vitest";
import type { AzureMutex, LockStatus } from "../../src/index.ts";
import { serve } from "../../src/ui/serve.ts";
import type { StatusPage } from "../../src/ui/status-page.ts";
import { PROJECT } from "./sources.ts";
import { World } from "./world.ts";

/** The service's time at the start of a world. */
const WORLD_BEGAN = 1_767_225_600_000;
/** So that no test waits for a look. */
const EVERY_MS = 100;

export interface ServedPageOptions {
  readonly mayBreak?: boolean;
  readonly account?: string;
  readonly container?: string;
  /** In place of what the world's service lists. */
  look?(options?: Parameters<AzureMutex["list"]>[0]): AsyncIterable<LockStatus>;
}

/** How many listings were read to their end. */
interface Looks {
  ended: number;
}

async function* counted(statuses: AsyncIterable<LockStatus>, looks: Looks): AsyncGenerator<LockStatus> {
  yield* statuses;
  looks.ended += 1;
}

/** The status page of a world whose clock only the test moves. Its server runs by the machine's clock. */
export class ServedPage implements AsyncDisposable {
  readonly world: World;
  /** What was not foreseen. */
  readonly defects: unknown[];
  readonly onlooker: ReturnType<World["process"]>;
  readonly #page: StatusPage;
  readonly #looks: Looks;
  #closed: Promise<void> | undefined;

  private constructor(
    world: World,
    onlooker: ReturnType<World["process"]>,
    page: StatusPage,
    looks: Looks,
    defects: unknown[],
  ) {
    this.world = world;
    this.onlooker = onlooker;
    this.#page = page;
    this.#looks = looks;
    this.defects = defects;
  }

  static async start({
    mayBreak = false,
    account,
    container = "locks",
    look,
  }: ServedPageOptions = {}): Promise<ServedPage> {
    const world = new World();
    const onlooker = world.process();
    const { mutex } = onlooker;
    const defects: unknown[] = [];
    const looks: Looks = { ended: 0 };
    const list = look ?? ((options?: Parameters<AzureMutex["list"]>[0]) => mutex.list(options));
    const page = await serve({
      mutex: { list: (options) => counted(list(options), looks), break: (key, options) => mutex.break(key, options) },
      port: 0,
      assets: pathToFileURL(join(PROJECT, "dist/ui/page/")),
      wallMs: () => WORLD_BEGAN + world.clock.now(),
      elapsedMs: () => performance.now(),
      account,
      container,
      mayBreak,
      breaker: "alice@laptop",
      everyMs: EVERY_MS,
      onDefect: (error) => void defects.push(error),
    });
    return new ServedPage(world, onlooker, page, looks, defects);
  }

  /** Lets time pass, and waits until an open page has had a look at what is then. */
  async pass(ms: number): Promise<void> {
    await this.world.clock.advance(ms);
    const before = this.#looks.ended;
    // One may have been under way.
    await expect.poll(() => this.#looks.ended).toBeGreaterThan(before + 1);
  }

  get link(): string {
    return this.#page.link;
  }

  get origin(): string {
    return new URL(this.link).origin;
  }

  get token(): string {
    return this.link.split("=")[1] ?? "";
  }

  /** Another process that uses locks. */
  process(): AzureMutex {
    return this.world.process().mutex;
  }

  /** Any number of times. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#page.close();
    return this.#closed;
  }
}
