import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { AzureMutex, LockStatus } from "../../src/index.ts";
import { Lookout, StatusPage } from "../../src/ui/index.ts";
import { PROJECT } from "./sources.ts";
import { World } from "./world.ts";

/** The service's time at the start of a world. */
const WORLD_BEGAN = 1_767_225_600_000;
/** So that no test waits for a look. */
const EVERY_MS = 100;

export interface ServedPageOptions {
  readonly mayBreak?: boolean;
  readonly container?: string;
  /** In place of what the world's service lists. */
  look?(): AsyncIterable<LockStatus>;
}

/** The status page of a world whose clock only the test moves. Its server runs by the machine's clock. */
export class ServedPage implements AsyncDisposable {
  readonly world: World = new World();
  /** What nobody foresaw. */
  readonly defects: unknown[] = [];
  readonly onlooker = this.world.process();
  readonly #page: StatusPage;
  #closed: Promise<void> | undefined;

  private constructor({ mayBreak = false, container = "locks", look }: ServedPageOptions) {
    const { mutex } = this.onlooker;
    const onDefect = (error: unknown): void => void this.defects.push(error);
    const lookout = new Lookout({
      look: look ?? ((signal) => mutex.list({ signal })),
      wallMs: () => WORLD_BEGAN + this.world.clock.now(),
      elapsedMs: () => performance.now(),
      container,
      mayBreak,
      everyMs: EVERY_MS,
      onDefect,
    });
    this.#page = new StatusPage({
      lookout,
      assets: pathToFileURL(join(PROJECT, "dist/ui/")),
      breakLock: mayBreak ? (key, options) => mutex.break(key, options) : undefined,
      onDefect,
    });
  }

  static async start(options: ServedPageOptions = {}): Promise<ServedPage> {
    const served = new ServedPage(options);
    await served.#page.listen(0);
    return served;
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
