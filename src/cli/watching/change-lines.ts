import { isInUse } from "../../status/holders.ts";
import { changesBetween } from "../../status/lock-changes.ts";
import type { LocksLook } from "../../status/locks-look.ts";
import type { IsAwaiting, LocksSeen } from "../../status/records-seen.ts";
import { type PlaceJson, printJsonLine } from "../output/json.ts";
import { changeLine } from "../output/lock-change-text.ts";
import { terminal } from "../terminal/terminal.ts";
import { wallMs } from "../time.ts";
import { sayOutages } from "./status-poller.ts";
import type { WatchView } from "./watch-view.ts";

export interface ChangeLinesOptions {
  readonly json?: boolean;
  readonly held?: boolean;
}

/** A line for each change. */
export class ChangeLines implements WatchView {
  readonly onOutage: WatchView["onOutage"] = sayOutages.onOutage;
  readonly onAnswer: WatchView["onAnswer"] = sayOutages.onAnswer;
  readonly #options: ChangeLinesOptions;
  readonly #isAwaiting: IsAwaiting;
  readonly #place: PlaceJson;
  #before: LocksSeen | undefined;

  constructor(options: ChangeLinesOptions, isAwaiting: IsAwaiting, place: PlaceJson) {
    this.#options = options;
    this.#isAwaiting = isAwaiting;
    this.#place = place;
  }

  onSeen({ locks }: LocksLook): void {
    const now = wallMs();
    for (const change of changesBetween(this.#before, locks, this.#isAwaiting)) {
      // What becomes of a lock that was in use is told, also that it is free.
      if (this.#options.held && change.event === "seen" && !isInUse(change.status)) continue;
      const { event, status } = change;
      if (this.#options.json) printJsonLine({ at: new Date(now).toISOString(), event, ...this.#place, ...status });
      else terminal.print(`${changeLine(change, now)}\n`);
    }
    this.#before = locks;
  }

  end(): void {}
}
