import type { Wake } from "../../telemetry/wake.ts";
import { HolderContact } from "./holder-contact.ts";
import type { KeyTopic } from "./key-topic.ts";
import type { WakeUpMessage } from "./message.ts";
import { PlannedRest, type RestPlan } from "./planned-rest.ts";
import { PollLimit } from "./poll-limit.ts";

/** For how long messages do not count after one was missing, in milliseconds. */
const DISTRUST_MS = 30_000;

/** A request to release is answered within this time, where it is answered at all soon, in milliseconds. */
const RELEASED_WITHIN_MS = 1_000;

/** How a pause ended. */
interface RestEnd {
  /** Whether a message brought the poll that follows. */
  readonly isWoken: boolean;
  /** Whether a message is missing if that poll finds the lock free. */
  readonly isUnannounced: boolean;
}

/** P55. One task that waits for a key: what the holder says decides when it polls next. */
export abstract class KeyWait {
  protected readonly topic: KeyTopic;
  /** Under which others know it. */
  protected readonly id: string;
  protected readonly contact: HolderContact;
  protected readonly polls: PollLimit = new PollLimit();
  readonly #onEnd: () => void;
  #wake: Wake | undefined;
  #rest: PlannedRest | undefined;
  /** Whether the poll that is under way came though no message announced that the lock is free. */
  #isUnannounced = false;
  /** Whether others know that it waits no more. */
  #isTold = false;

  constructor(topic: KeyTopic, id: string, onEnd: () => void) {
    this.topic = topic;
    this.id = id;
    this.#onEnd = onEnd;
    this.contact = new HolderContact(topic, id);
  }

  /**
   * Pauses until the next poll, after one that was refused: for `usualMs` where no holder answers, for up to
   * `idlePollMs` while one does, and less when the lock is released. `bounded` says how much of a pause the caller's
   * timeout leaves. Rejects with the signal's reason.
   */
  abstract rest(usualMs: number, bounded: (ms: number) => number, signal: AbortSignal): Promise<void>;

  /** A message about the key, of any process. */
  abstract receive(message: WakeUpMessage): void;

  /** A poll found free what is waited for. */
  foundFree(): void {
    // If no message said so, the next one may be missing, too.
    if (this.#isUnannounced) this.topic.distrust(DISTRUST_MS);
    this.#isUnannounced = false;
  }

  /** It has what it waits for, and others are told. Returns the id under which they know this waiter. */
  granted(): string {
    this.foundFree();
    this.#isTold = true;
    return this.id;
  }

  /** What ended its last rest. Undefined until it has rested. */
  get wake(): Wake | undefined {
    return this.#wake;
  }

  /** Whether others may know that it waits. */
  get hasWaited(): boolean {
    return this.contact.hasAsked;
  }

  /** It waits no more. */
  end(): void {
    this.#onEnd();
    this.topic.line.remove(this.id);
    if (!this.#isTold && this.hasWaited) this.topic.publish({ word: "left", ids: [this.id] });
  }

  /** Pauses as `next` says. `onEnd` is told, and says how it ended. */
  protected pause(signal: AbortSignal, next: () => RestPlan, onEnd: (now: number) => RestEnd): Promise<void> {
    const since = this.topic.now;
    this.#rest = new PlannedRest(this.topic.sources.clock, signal, next, () => {
      const { now, releaseTime } = this.topic;
      this.polls.count(now);
      const { isWoken, isUnannounced } = onEnd(now);
      this.#isUnannounced = isUnannounced;
      // A release before it rested may not be the one that the poll finds. P59: but a poll may have been the quicker.
      const releasedAt = releaseTime.since(isWoken ? since - RELEASED_WITHIN_MS : since);
      this.#wake = { by: isWoken ? "message" : "poll", releasedAt };
      this.#rest = undefined;
    });
    return this.#rest.begin();
  }

  /** Something was heard that may bring the next poll forward, or put it off. */
  protected plan(): void {
    this.#rest?.plan();
  }

  /** A message says that the lock is free, or this waiter's. */
  protected announced(): void {
    this.#isUnannounced = false;
  }

  protected isIdle(now: number): boolean {
    return this.topic.isTrusted && this.contact.isHeldFor(now);
  }
}
