import { Command, Option } from "commander";
import type { LockStatus } from "../../index.ts";
import { BreaksSeen } from "../../status/breaking.ts";
import { isInUse } from "../../status/holders.ts";
import { changesBetween } from "../../status/lock-changes.ts";
import { type LocksLook, lookAtLocks } from "../../status/locks-look.ts";
import { type IsAwaiting, type LocksSeen, RecordsSeen } from "../../status/records-seen.ts";
import {
  answered,
  type ConnectionOptions,
  openMutex,
  placeJson,
  placeOf,
  withConnection,
} from "../connection/connection.ts";
import { Interruption } from "../interruption.ts";
import type { Duration } from "../options/duration.ts";
import { everyOption } from "../options/every-option.ts";
import { heldOption } from "../options/held-option.ts";
import { type PlaceJson, printJsonLine } from "../output/json.ts";
import { changeLine } from "../output/lock-change-text.ts";
import { noLocks, shownTime } from "../output/lock-labels.ts";
import { lockTable, totalsLine } from "../output/lock-table.ts";
import { cutTo } from "../terminal/columns.ts";
import { isDumb, terminal } from "../terminal/terminal.ts";
import { wallMs } from "../time.ts";
import { Keys } from "../watching/keys.ts";
import { Screen, type Scroll } from "../watching/screen.ts";
import { pollStatus, type StatusPolling, sayOutages } from "../watching/status-poller.ts";

interface WatchOptions extends ConnectionOptions {
  readonly held?: boolean;
  readonly every: Duration;
  readonly json?: boolean;
}

export function watchCommand(): Command {
  const command = new Command("watch")
    .summary("show locks and what happens to them")
    .description(
      "Looks again and again, until it is interrupted. On a terminal it shows the table of azmutex ls; " +
        "elsewhere, and with --json, it " +
        "prints a line for each lock as it is, and then one for each change. Goes on while the service does " +
        "not answer.",
    )
    .argument("[prefix]", "only keys that begin with this")
    .addOption(everyOption())
    .addOption(heldOption())
    .addOption(new Option("--json", "print a JSON object on each line"));
  return withConnection(command).action((prefix: string | undefined, options: WatchOptions) => watch(prefix, options));
}

async function watch(prefix: string | undefined, options: WatchOptions): Promise<void> {
  const mutex = await openMutex(options);
  const interruption = new Interruption();
  const records = new RecordsSeen();
  const view =
    terminal.isOutput && !isDumb() && !options.json
      ? new TableView(options, placeOf(mutex), prefix, interruption.quit)
      : new LineView(options, records.isAwaiting, placeJson(mutex));
  if (view instanceof LineView && !options.json) terminal.say(`azmutex: watching ${placeOf(mutex)}`);
  const look = async (signal: AbortSignal): Promise<LocksLook> => {
    const seen = await lookAtLocks((onNoContainer) => mutex.list({ prefix: prefix ?? "", signal, onNoContainer }));
    return { ...seen, locks: records.note(seen.locks, wallMs()) };
  };
  try {
    await pollStatus({
      everyMs: options.every.ms,
      signal: interruption.signal,
      look: (signal) => answered(mutex, look(signal)),
      onSeen: (seen) => view.onSeen(seen),
      onOutage: (error) => view.onOutage(error),
      onAnswer: () => view.onAnswer(),
    });
  } finally {
    view.end();
    interruption.end();
  }
}

interface View extends Pick<StatusPolling<LocksLook>, "onSeen" | "onOutage" | "onAnswer"> {
  end(): void;
}

/** A line for each change. */
class LineView implements View {
  readonly onOutage = sayOutages.onOutage;
  readonly onAnswer = sayOutages.onAnswer;
  readonly #options: Pick<WatchOptions, "json" | "held">;
  readonly #isAwaiting: IsAwaiting;
  readonly #place: PlaceJson;
  #before: LocksSeen | undefined;

  constructor(options: Pick<WatchOptions, "json" | "held">, isAwaiting: IsAwaiting, place: PlaceJson) {
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
class TableView implements View {
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

  constructor({ every, held = false }: WatchOptions, place: string, prefix: string | undefined, quit: () => void) {
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
