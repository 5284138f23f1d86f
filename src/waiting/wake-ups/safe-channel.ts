import type { MutexContext } from "../../lease/mutex-context.ts";
import { inRootContext } from "../../time/root-context.ts";
import { LocalDirectoryError } from "./local/local-directory-error.ts";
import { messageText, type WakeUpMessage } from "./message.ts";
import type { WakeUps } from "./wake-ups.ts";

/** With so many messages that the channel has neither sent nor refused, further ones are dropped. */
const MOST_UNSENT = 64;

/** Ends a subscription. Never throws. */
export type Unsubscribe = () => void;

/** The channel that the user brought. Nothing that it does throws, rejects or is waited for here. */
export class SafeChannel {
  readonly #wakeUps: WakeUps;
  readonly #log: MutexContext["log"];
  #unsent = 0;
  #hasFailed = false;
  #isClosed = false;

  constructor(wakeUps: WakeUps, log: MutexContext["log"]) {
    this.#wakeUps = wakeUps;
    this.#log = log;
  }

  publish(topic: string, message: WakeUpMessage): void {
    if (this.#isClosed || this.#unsent >= MOST_UNSENT) return;
    this.#unsent += 1;
    void this.#quietly(() => this.#wakeUps.publish(topic, messageText(message))).then(() => {
      this.#unsent -= 1;
    });
  }

  /** Resolves once messages arrive; with undefined if the channel failed. Does not if the channel hangs. */
  async subscribe(topic: string, listener: (text: unknown) => void): Promise<Unsubscribe | undefined> {
    if (this.#isClosed) return undefined;
    const unsubscribe = await this.#quietly(() => this.#wakeUps.subscribe(topic, listener));
    return typeof unsubscribe === "function" ? () => void this.#quietly(unsubscribe) : undefined;
  }

  /** The time by a clock that all share, in milliseconds. Undefined where there is none. */
  get sharedNow(): number | undefined {
    try {
      return this.#wakeUps.sharedNow?.();
    } catch {
      return undefined;
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    void this.#quietly(() => this.#wakeUps.close?.());
  }

  /** Calls the channel, in no task's context. Its first failure is logged. */
  async #quietly<T>(call: () => T): Promise<Awaited<T> | undefined> {
    try {
      return await inRootContext(call);
    } catch (error) {
      if (!this.#hasFailed) this.#log(`the channel of wake-ups fails (${nameOf(error)}): waiters poll meanwhile`);
      this.#hasFailed = true;
      return undefined;
    }
  }
}

/** What an error is called. Its message may have the address of a server in it, and a password. */
function nameOf(error: unknown): string {
  if (error instanceof LocalDirectoryError) return error.message;
  const { code, name } = Object(error) as { readonly code?: unknown; readonly name?: unknown };
  return [code, name].map(String).find((text) => text !== "undefined" && /^\w{1,64}$/.test(text)) ?? "Error";
}
