import { createHash } from "node:crypto";
import type { MutexContext } from "../../lease/mutex-context.ts";
import { KeyWakeUps } from "./key-wake-ups.ts";
import { SafeChannel } from "./safe-channel.ts";
import type { ResolvedWakeUps, WakeUps } from "./wake-ups.ts";

/** The wake-ups of one mutex, key by key. */
export class MutexWakeUps {
  readonly #context: MutexContext;
  readonly #channel: SafeChannel;
  readonly #idlePollMs: number;
  readonly #keys = new Map<string, KeyWakeUps>();

  constructor(context: MutexContext, wakeUps: WakeUps, { idlePollMs }: Pick<ResolvedWakeUps, "idlePollMs">) {
    this.#context = context;
    this.#channel = new SafeChannel(wakeUps, context.log);
    this.#idlePollMs = idlePollMs;
  }

  /** The wake-ups of the blob of this name. */
  of(name: string): KeyWakeUps {
    const known = this.#keys.get(name);
    if (known) return known;
    const options = {
      channel: this.#channel,
      topic: this.#topicOf(name),
      sources: this.#context,
      idlePollMs: this.#idlePollMs,
    };
    const made: KeyWakeUps = new KeyWakeUps(options, () => {
      if (this.#keys.get(name) === made) this.#keys.delete(name);
    });
    this.#keys.set(name, made);
    return made;
  }

  /** Ends all subscriptions, and closes the channel. */
  close(): void {
    for (const key of [...this.#keys.values()]) key.close();
    this.#channel.close();
  }

  /** Says nothing of account, container or key to those who do not know them. */
  #topicOf(name: string): string {
    const { account = "", container = "" } = this.#context.address ?? {};
    return createHash("sha256")
      .update(JSON.stringify([account, container, name]))
      .digest("hex");
  }
}
