import type { MutexContext } from "../../lease/mutex-context.ts";
import type { KeyWakeUps } from "./key-wake-ups.ts";
import type { MutexWakeUps } from "./mutex-wake-ups.ts";
import type { WakeUpOrder, WakeUpWait } from "./wake-up-wait.ts";
import type { WakeUps } from "./wake-ups.ts";

/** The wake-ups of a mutex. Their code is loaded when the first lock is asked for: most programs have no channel. */
export class LazyWakeUps {
  readonly #context: MutexContext;
  readonly #wakeUps: WakeUps;
  readonly #idlePollMs: number;
  #loaded: Promise<MutexWakeUps | undefined> | undefined;

  constructor(context: MutexContext, wakeUps: WakeUps, idlePollMs: number) {
    this.#context = context;
    this.#wakeUps = wakeUps;
    this.#idlePollMs = idlePollMs;
  }

  /** The wake-ups of the blob of this name. Undefined if their code could not be loaded. Never rejects. */
  async of(name: string): Promise<KeyWakeUps | undefined> {
    this.#loaded ??= this.#load();
    return (await this.#loaded)?.of(name);
  }

  /** Ends all subscriptions, and closes the channel. Never rejects. */
  async close(): Promise<void> {
    (await this.#loaded)?.close();
  }

  async #load(): Promise<MutexWakeUps | undefined> {
    try {
      const { MutexWakeUps } = await import("./mutex-wake-ups.ts");
      return new MutexWakeUps(this.#context, this.#wakeUps, { idlePollMs: this.#idlePollMs });
    } catch (error) {
      this.#context.log(`wake-ups could not be loaded, waiters poll: ${String(error)}`);
      return undefined;
    }
  }
}

/** Waits for what so many can hold: woken by messages, or by polling where there is no channel. */
export function woken<T>(
  loading: Promise<KeyWakeUps | undefined> | undefined,
  order: WakeUpOrder,
  wait: (wakeUps: WakeUpWait | undefined) => Promise<T>,
): Promise<T> {
  return loading ? wokenBy(loading, order, wait) : wait(undefined);
}

async function wokenBy<T>(
  loading: Promise<KeyWakeUps | undefined>,
  order: WakeUpOrder,
  wait: (wakeUps: WakeUpWait | undefined) => Promise<T>,
): Promise<T> {
  const wakeUps = (await loading)?.wait(order);
  try {
    const got = await wait(wakeUps);
    wakeUps?.foundFree();
    return got;
  } finally {
    wakeUps?.end();
  }
}
