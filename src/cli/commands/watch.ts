import { Command, Option } from "commander";
import { BreaksSeen } from "../../facts/breaking.ts";
import { changesBetween, type LocksSeen } from "../../facts/lock-changes.ts";
import type { LockStatus } from "../../index.ts";
import { type ConnectionOptions, openMutex, withConnection } from "../connection/connection.ts";
import type { Duration } from "../duration.ts";
import { printJsonLine } from "../facts/json.ts";
import { changeLine } from "../facts/lock-change-text.ts";
import { lockTable } from "../facts/lock-table.ts";
import { noLocks, shownTime } from "../facts/lock-words.ts";
import { Interruption } from "../interruption.ts";
import { terminal } from "../terminal.ts";
import { wallMs } from "../time.ts";
import { everyOption } from "../watching/look-every.ts";
import { keepLooking, type Lookout, sayOutages } from "../watching/lookout.ts";
import { Screen } from "../watching/screen.ts";

interface WatchOptions extends ConnectionOptions {
  readonly every: Duration;
  readonly json?: boolean;
}

export function watchCommand(): Command {
  const command = new Command("watch")
    .summary("show locks and what happens to them")
    .description(
      "Looks again and again, until it is interrupted. On a terminal it shows the table of azmutex ls; elsewhere, and with --json, it " +
        "prints a line for each lock as it is, and then one for each change. Goes on while the service does not answer.",
    )
    .argument("[prefix]", "only keys that begin with this")
    .addOption(everyOption())
    .addOption(new Option("--json", "print a JSON object on each line"));
  return withConnection(command).action((prefix: string | undefined, options: WatchOptions) => watch(prefix, options));
}

async function watch(prefix: string | undefined, options: WatchOptions): Promise<void> {
  const mutex = await openMutex(options);
  const interruption = new Interruption();
  const view =
    terminal.isOutput && process.env.TERM !== "dumb" && !options.json
      ? new TableView(options, prefix)
      : new LineView(options.json ?? false);
  const look = async (signal: AbortSignal): Promise<LocksSeen> => {
    const locks = new Map<string, LockStatus>();
    for await (const lock of mutex.list({ prefix: prefix ?? "", signal })) locks.set(lock.key, lock);
    return locks;
  };
  try {
    await keepLooking({
      everyMs: options.every.ms,
      signal: interruption.signal,
      look,
      onSeen: (locks) => view.onSeen(locks),
      onSilence: (error) => view.onSilence(error),
      onAnswer: () => view.onAnswer(),
    });
  } finally {
    view.end();
    interruption.end();
  }
}

interface View extends Pick<Lookout<LocksSeen>, "onSeen" | "onSilence" | "onAnswer"> {
  end(): void;
}

/** A line for each change. */
class LineView implements View {
  readonly onSilence = sayOutages.onSilence;
  readonly onAnswer = sayOutages.onAnswer;
  readonly #isJson: boolean;
  #before: LocksSeen | undefined;

  constructor(isJson: boolean) {
    this.#isJson = isJson;
  }

  onSeen(locks: LocksSeen): void {
    const now = wallMs();
    for (const change of changesBetween(this.#before, locks)) {
      if (this.#isJson) printJsonLine({ at: new Date(now).toISOString(), event: change.event, ...change.status });
      else terminal.print(`${changeLine(change, now)}\n`);
    }
    this.#before = locks;
  }

  end(): void {}
}

/** All locks as they are, in place of what was shown before. */
class TableView implements View {
  readonly #screen = new Screen();
  readonly #breaks = new BreaksSeen();
  readonly #about: string;
  readonly #nothing: string;
  #locks: readonly LockStatus[] | undefined;
  #trouble: string | undefined;

  constructor({ container, every }: WatchOptions, prefix: string | undefined) {
    this.#about = `container ${container}, every ${every.text}`;
    this.#nothing = noLocks(container, prefix);
  }

  onSeen(locks: LocksSeen): void {
    this.#locks = [...locks.values()];
    this.#breaks.note(this.#locks, wallMs());
    this.#draw();
  }

  onSilence({ message }: Error): void {
    this.#trouble = `since ${shownTime(wallMs())}: ${message}`;
    this.#draw();
  }

  onAnswer(): void {
    this.#trouble = undefined;
  }

  end(): void {
    this.#screen.end();
  }

  #draw(): void {
    const now = wallMs();
    const [head, ...lines] = this.#locks ? lockTable(this.#locks, now, this.#breaks) : [];
    const about = terminal.paint("dim", `${shownTime(now)}, ${this.#about}`);
    this.#screen.draw({
      head: [about, ...(this.#trouble ? [terminal.paint("red", this.#trouble)] : []), ...(head === undefined ? [] : [head])],
      lines: lines.length > 0 || !this.#locks ? lines : [this.#nothing],
    });
  }
}
