import type { LockStatus } from "../../index.ts";
import { BreaksSeen } from "../../status/breaking.ts";
import { isInUse } from "../../status/holders.ts";
import type { LocksLook } from "../../status/locks-look.ts";
import type { Duration } from "../options/duration.ts";
import { noLocks, shownTime } from "../output/lock-labels.ts";
import { lockTable, totalsLine } from "../output/lock-table.ts";
import { cutTo } from "../terminal/columns.ts";
import { terminal } from "../terminal/terminal.ts";
import { wallMs } from "../time.ts";
import { Keys } from "./keys.ts";
import { Screen, type Scroll } from "./screen.ts";
import type { WatchView } from "./watch-view.ts";

export interface LiveTableOptions {
  readonly every: Duration;
  readonly held?: boolean;
}

/** By the keys of less(1), and what terminals send for those with a name. */
const SCROLLS: Readonly<Record<string, Scroll>> = Object.freeze({
  k: "up",
  "\x1b[A": "up",
  "\x1bOA": "up",
  j: "down",
  "\x1b[B": "down",
  "\x1bOB": "down",
  b: "pageUp",
  "\x1b[5~": "pageUp",
  " ": "pageDown",
  "\x1b[6~": "pageDown",
  g: "top",
  "\x1b[H": "top",
  "\x1bOH": "top",
  "\x1b[1~": "top",
  G: "bottom",
  "\x1b[F": "bottom",
  "\x1bOF": "bottom",
  "\x1b[4~": "bottom",
});
const KEYS_HINT = "; arrows, PgUp, PgDn, Home, End; q ends";

/** All locks as they are, in place of what was shown before. */
export class LiveTable implements WatchView {
  readonly #screen = new Screen();
  readonly #breaks = new BreaksSeen();
  readonly #about: string;
  readonly #place: string;
  readonly #prefix: string | undefined;
  readonly #isHeldOnly: boolean;
  readonly #keys: Keys;
  #locks: readonly LockStatus[] | undefined;
  #isContainerMissing = false;
  #trouble: string | undefined;

  constructor({ every, held = false }: LiveTableOptions, place: string, prefix: string | undefined, quit: () => void) {
    this.#keys = new Keys((key) => (key === "q" ? quit() : this.#scroll(key)));
    this.#isHeldOnly = held;
    this.#about = `${place}, every ${every.text}`;
    this.#place = place;
    this.#prefix = prefix;
  }

  onSeen({ locks, isContainerMissing }: LocksLook): void {
    this.#locks = [...locks.values()];
    this.#isContainerMissing = isContainerMissing;
    this.#breaks.note(this.#locks, wallMs());
    this.#draw();
  }

  onOutage({ message }: Error): void {
    this.#trouble = `since ${shownTime(wallMs())}: ${message}`;
    this.#draw();
  }

  onAnswer(): void {
    this.#trouble = undefined;
  }

  end(): void {
    this.#keys.end();
    this.#screen.end();
  }

  #scroll(key: string): void {
    const step = SCROLLS[key];
    if (step) this.#screen.scroll(step);
  }

  #draw(): void {
    this.#keys.look();
    const now = wallMs();
    const locks = this.#locks;
    const about = `${shownTime(now)}, ${this.#about}`;
    this.#screen.draw((columns) => {
      const shown = this.#isHeldOnly ? locks?.filter(isInUse) : locks;
      const [head, ...lines] = shown ? lockTable(shown, now, { breaks: this.#breaks, columns }) : [];
      const title = locks && locks.length > 0 ? [about, totalsLine(locks)] : [about];
      const trouble = this.#trouble ? [terminal.paint("red", this.#trouble)] : [];
      return {
        head: [
          ...title.map((line) => terminal.paint("dim", cutTo(columns, line))),
          ...trouble,
          ...(head === undefined ? [] : [head]),
        ],
        lines: locks?.length === 0 ? [noLocks(this.#place, this.#prefix, this.#isContainerMissing)] : lines,
        hint: this.#keys.isReading ? KEYS_HINT : "",
      };
    });
  }
}
