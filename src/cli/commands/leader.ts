import { Command, Option } from "commander";
import { type AzureMutex, LeaderElection } from "../../index.ts";
import {
  answered,
  type ConnectionOptions,
  openMutex,
  placeJson,
  placeOf,
  withConnection,
} from "../connection/connection.ts";
import { EXIT } from "../exit-codes.ts";
import { Interruption } from "../interruption.ts";
import type { Duration } from "../options/duration.ts";
import { everyOption } from "../options/every-option.ts";
import { printJson, printJsonLine } from "../output/json.ts";
import { type LeaderSeen, LeadersSeen, leaderFacts, leaderLine, leaderLines } from "../output/leader-text.ts";
import { terminal } from "../terminal/terminal.ts";
import { wallMs } from "../time.ts";
import { pollStatus, sayOutages } from "../watching/status-poller.ts";

interface LeaderCommandOptions extends ConnectionOptions {
  readonly watch?: boolean;
  readonly every: Duration;
  readonly json?: boolean;
  readonly exitCode?: boolean;
}

export function leaderCommand(): Command {
  const command = new Command("leader")
    .summary("say who leads")
    .description("Shows the leader, its term, since when it leads, and the data that it publishes.")
    .argument("<name>", "name of the election")
    .addOption(
      new Option(
        "--watch",
        "go on, with a line for each change, until interrupted; also while the service does not answer",
      ),
    )
    .addOption(everyOption("with --watch, "))
    .addOption(new Option("--json", "print one JSON object; with --watch, one on each line"))
    .addOption(
      new Option("--exit-code", "end with 0 if there is a leader, with 3 if there is none").conflicts("watch"),
    );
  return withConnection(command).action((name: string, options: LeaderCommandOptions) => leader(name, options));
}

async function leader(name: string, options: LeaderCommandOptions): Promise<void> {
  const mutex = await openMutex(options);
  const election = new LeaderElection(mutex, name);
  if (options.watch) return await watchLeader(mutex, election, options);
  const seen = await answered(mutex, lookAtLeader(election));
  if (options.json) printJson({ ...placeJson(mutex), ...leaderFacts(seen) });
  else terminal.print(`${leaderLines(seen, wallMs(), terminal.columns, placeOf(mutex)).join("\n")}\n`);
  if (options.exitCode && !seen.leader) process.exitCode = EXIT.notHeld;
}

async function lookAtLeader(election: LeaderElection, signal?: AbortSignal): Promise<LeaderSeen> {
  let isContainerMissing = false;
  const onNoContainer = (): void => {
    isContainerMissing = true;
  };
  const leader = await election.leader({ signal, onNoContainer });
  return { name: election.key, leader, isContainerMissing };
}

async function watchLeader(
  mutex: AzureMutex,
  election: LeaderElection,
  { every: { ms: everyMs }, json }: LeaderCommandOptions,
): Promise<void> {
  const interruption = new Interruption();
  const before = new LeadersSeen();
  if (!json) terminal.say(`azmutex: watching ${placeOf(mutex)}`);
  const tell = (seen: LeaderSeen): void => {
    const now = wallMs();
    if (json) printJsonLine({ at: new Date(now).toISOString(), ...placeJson(mutex), ...leaderFacts(seen) });
    else terminal.print(`${leaderLine(seen, now)}\n`);
  };
  try {
    await pollStatus({
      everyMs,
      signal: interruption.signal,
      look: (signal) => answered(mutex, lookAtLeader(election, signal)),
      onSeen: (seen) => before.isNews(seen.leader) && tell(seen),
      ...sayOutages,
    });
  } finally {
    interruption.end();
  }
}
