import type { Clock } from "../../time/clock.ts";
import type { WakeUpMessage } from "./message.ts";
import type { SafeChannel } from "./safe-channel.ts";

/** When a key was last released, as a message said that came over a channel whose users share a clock. */
export class ReleaseTime {
  readonly #channel: Pick<SafeChannel, "sharedNow">;
  readonly #clock: Clock;
  #releasedAt = Number.NEGATIVE_INFINITY;

  constructor(channel: Pick<SafeChannel, "sharedNow">, clock: Clock) {
    this.#channel = channel;
    this.#clock = clock;
  }

  /** The time that all share, as it is sent, in microseconds. Undefined where the channel has none. */
  get nowText(): string | undefined {
    const { sharedNow } = this.#channel;
    return sharedNow !== undefined && sharedNow >= 0 && sharedNow < Number.MAX_SAFE_INTEGER / 1_000
      ? Math.floor(sharedNow * 1_000).toString()
      : undefined;
  }

  /** A message may say when it was released, or that another process has it since. */
  heard({ word, at }: Pick<WakeUpMessage, "word" | "at">): void {
    if (word !== "released" && word !== "taken") return;
    // One that is not past by the clock that all share does not count.
    const agoMs = (this.#channel.sharedNow ?? Number.NaN) - Number(at) / 1_000;
    this.#releasedAt = agoMs >= 0 ? this.#clock.now() - agoMs : Number.NEGATIVE_INFINITY;
  }

  /** By the clock of this process. Undefined if it is not known that it was since then. */
  since(ms: number): number | undefined {
    return this.#releasedAt >= ms ? this.#releasedAt : undefined;
  }
}
