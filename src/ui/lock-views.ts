import type { LockStatus } from "../index.ts";
import type { HoldHistory } from "./hold-history.ts";
import { lockViewOf } from "./lock-view.ts";
import type { LockView } from "./snapshot.ts";

const MOST_GONE = 10_000;

/** The locks as the page shows them, and what of them is new since a version. */
export class LockViews {
  readonly #views = new Map<string, { readonly view: LockView; readonly text: string; readonly version: number }>();
  /** Keys that are not listed any more, with the version since which they are not. */
  readonly #gone = new Map<string, number>();
  /** Up to which version `#gone` is not complete any more. */
  #goneForgotten = 0;

  /** Takes the look of this version. */
  update(locks: ReadonlyMap<string, LockStatus>, history: HoldHistory, version: number): void {
    for (const [key, status] of locks) {
      const view = lockViewOf(status, history);
      const text = JSON.stringify(view);
      if (this.#views.get(key)?.text !== text) this.#views.set(key, { view, text, version });
      this.#gone.delete(key);
    }
    for (const key of [...this.#views.keys()]) {
      if (locks.has(key)) continue;
      this.#views.delete(key);
      this.#gone.set(key, version);
    }
    for (const [key, oldest] of this.#gone) {
      if (this.#gone.size <= MOST_GONE) break;
      this.#gone.delete(key);
      this.#goneForgotten = oldest;
    }
  }

  /** Whether all that is new since a version can be told. */
  canTellSince(version: number): boolean {
    return version >= this.#goneForgotten;
  }

  changedSince(version: number): LockView[] {
    return [...this.#views.values()].filter((found) => found.version > version).map(({ view }) => view);
  }

  goneSince(version: number): string[] {
    return [...this.#gone].filter(([, since]) => since > version).map(([key]) => key);
  }
}
