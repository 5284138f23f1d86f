import { Command, Option } from "commander";
import { type LocksLook, lookAtLocks } from "../../status/locks-look.ts";
import { RecordsSeen } from "../../status/records-seen.ts";
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
import { isDumb, terminal } from "../terminal/terminal.ts";
import { wallMs } from "../time.ts";
import { ChangeLines } from "../watching/change-lines.ts";
import { LiveTable } from "../watching/live-table.ts";
import { pollStatus } from "../watching/status-poller.ts";

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
        "elsewhere, and with --json, it prints a line for each lock as it is, and then one for each change. " +
        "Goes on while the service does not answer.",
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
      ? new LiveTable(options, placeOf(mutex), prefix, interruption.quit)
      : new ChangeLines(options, records.isAwaiting, placeJson(mutex));
  if (view instanceof ChangeLines && !options.json) terminal.say(`azmutex: watching ${placeOf(mutex)}`);
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
