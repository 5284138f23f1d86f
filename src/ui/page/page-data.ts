import type { HoldView, LockView, Loss, ServiceProblem, Snapshot } from "../snapshot.ts";
import { elapsedMs } from "./time.ts";

/** The age at which the last look is stale: while looks follow each other, it is younger. */
const STALE_MS = 10_000;

/** All that the page has received from its server so far. */
export class PageData {
  /** Grows with each change. */
  version = 0;
  readonly locks = new Map<string, LockView>();
  readonly losses = new Map<number, Loss>();
  readonly #holds = new Map<number, HoldView>();
  readonly #holdsOf = new Map<string, Map<number, HoldView>>();
  #snapshot: Snapshot | undefined;
  #receivedAt = 0;

  /** Undefined before the first answer. */
  get latest(): Snapshot | undefined {
    return this.#snapshot;
  }

  get problem(): ServiceProblem | undefined {
    return this.#snapshot?.problem;
  }

  /** The time by the clock of the server. The browser may run on a machine with another time. */
  now(): number {
    return this.#snapshot ? this.#snapshot.at + elapsedMs() - this.#receivedAt : 0;
  }

  /**
   * The time up to which the page knows what is held: now while looks follow each other, otherwise the last look.
   *
   * @param isLive - Whether the server and the service answered the last time.
   */
  seenUntil(isLive: boolean): number {
    const { lookedAt = 0 } = this.#snapshot ?? {};
    const now = this.now();
    return isLive && now - lookedAt <= STALE_MS ? now : lookedAt;
  }

  holdsOf(key: string): HoldView[] {
    return [...(this.#holdsOf.get(key)?.values() ?? [])];
  }

  apply(snapshot: Snapshot): void {
    const { isWhole, locks, gone, holds, losses, forgottenBefore } = snapshot;
    if (isWhole) this.#forget();
    for (const lock of locks) this.locks.set(lock.key, lock);
    for (const key of gone) this.locks.delete(key);
    for (const hold of holds) this.#keep(hold);
    for (const loss of losses) this.losses.set(loss.id, loss);
    if (forgottenBefore > (this.#snapshot?.forgottenBefore ?? 0)) this.#forgetBefore(forgottenBefore);
    if (isWhole || [locks, gone, holds, losses].some(({ length }) => length > 0)) this.version += 1;
    this.#snapshot = snapshot;
    this.#receivedAt = elapsedMs();
  }

  #keep(hold: HoldView): void {
    this.#holds.set(hold.id, hold);
    const others = this.#holdsOf.get(hold.key);
    if (others) others.set(hold.id, hold);
    else this.#holdsOf.set(hold.key, new Map([[hold.id, hold]]));
  }

  #forget(): void {
    this.locks.clear();
    this.losses.clear();
    this.#holds.clear();
    this.#holdsOf.clear();
  }

  #forgetBefore(forgottenBefore: number): void {
    for (const { id, key, to } of this.#holds.values()) {
      if (to === undefined || to >= forgottenBefore) continue;
      this.#holds.delete(id);
      this.#holdsOf.get(key)?.delete(id);
    }
  }
}
