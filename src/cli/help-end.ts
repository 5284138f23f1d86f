import type { Command } from "commander";
import { EXIT, type ExitName } from "./exit-codes.ts";

/** What an exit code means, in half a line. */
const MEANINGS: Readonly<Record<ExitName, string>> = Object.freeze({
  notHeld: "with --exit-code: nothing is held, or there is no leader",
  usage: "the command line or a variable is wrong, or a package is missing",
  unreachable: "no answer from storage, or from the login to Azure",
  internal: "a defect of azmutex",
  system: "no file descriptor, process or memory left on this machine",
  unwritable: "standard output could not be written",
  held: "another holds the lock; of break: nothing was changed",
  refused: "storage refuses, and would again: the line says why",
  denied: "the credentials or their permissions were refused",
  lost: "the lock was lost, or held for --max: the command was stopped",
  timedOut: "not free within --timeout",
  notExecutable: "the command could not be started",
  notFound: "there is no such command",
  signalled: "ended by a signal: 128 and its number",
});

interface HelpEnd {
  /** Lines of a shell. */
  readonly examples: readonly string[];
  /** Those beside 0. */
  readonly codes: readonly ExitName[];
  /** What some of them mean for this command alone. */
  readonly means?: Readonly<Partial<Record<ExitName, string>>>;
  /** Whether it ends with the code of what it runs. */
  readonly runsJob?: boolean;
  /** What its own codes mean, below those of all commands. Default: that 0 is done. */
  readonly own?: readonly string[];
  /** What comes last. */
  readonly note?: string;
}

const SECRETS = `There is no option for an account key, a SAS or a connection string: other
users can list the command lines of processes. Set AZURE_STORAGE_CONNECTION_STRING;
or AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN; or
AZURE_STORAGE_ACCOUNT alone, with a login to Azure (managed identity, az login).`;
const ACCOUNTS = "Which variables name the account and its key: azmutex --help.";
const DURATIONS = "A duration is a number with its unit: 250ms, 30s, 5m, 1h.";

const ASKING: readonly ExitName[] = ["usage", "unreachable", "internal", "system", "unwritable", "refused", "denied"];
const RUNNING: readonly ExitName[] = [
  "usage",
  "unreachable",
  "internal",
  "system",
  "refused",
  "denied",
  "notExecutable",
  "notFound",
  "signalled",
];

/** By the name of the command, or of the program. */
const ENDS: Readonly<Record<string, HelpEnd>> = Object.freeze({
  azmutex: {
    examples: ["azmutex run nightly -- ./job.sh", "azmutex run nightly --try -- ./job.sh", "azmutex status nightly"],
    codes: Object.keys(EXIT) as ExitName[],
    note: SECRETS,
  },
  run: {
    examples: [
      'azmutex run nightly --timeout 5m --purpose "deploy 42" -- ./job.sh --fast',
      "azmutex run nightly --try --held-exit-code 0 -- ./job.sh",
      "azmutex run partner-api --semaphore 5 -- ./crawl.sh",
      "azmutex run index --read -- ./report.sh",
      "azmutex run daily-report --once-per day -- ./job.sh",
    ],
    codes: [...RUNNING, "held", "lost", "timedOut"],
    means: { held: "with --try: another holds the lock" },
    runsJob: true,
  },
  hold: {
    examples: [
      "azmutex hold deploy --timeout 5m --purpose 'deploy 42'",
      "sleep 1800 | azmutex hold deploy --try --held-exit-code 200",
      "mkfifo lock.in lock.out; azmutex hold deploy --max 30m <lock.in >lock.out &",
    ],
    codes: [...ASKING, "held", "lost", "timedOut", "signalled"],
    means: {
      held: "with --try: another holds the lock; or input ended before it was free",
      lost: "the lock was lost, or held for --max: a step may still run",
    },
    own: ["0     standard input has ended, and the lock was released"],
  },
  once: {
    examples: [
      "azmutex once daily-report",
      "azmutex once daily-report --json | jq -r .once.state",
      "azmutex once daily-report --forget --yes",
    ],
    codes: [...ASKING, "held"],
    means: { held: "with --forget: the job runs, or you said no; nothing was changed" },
  },
  elect: {
    examples: [
      "azmutex elect scheduler -- ./schedule.sh",
      "azmutex elect primary --data http://10.0.0.7:8080 --fair -- ./serve.sh",
      "azmutex elect scheduler --candidate web-3 --lease 15s -- ./schedule.sh",
    ],
    codes: RUNNING,
    runsJob: true,
  },
  leader: {
    examples: [
      'azmutex leader primary --exit-code || echo "no leader"',
      "azmutex leader primary --json | jq -er .leader.data",
      "azmutex leader primary --watch",
    ],
    codes: [...ASKING, "notHeld", "signalled"],
    means: { notHeld: "with --exit-code: there is no leader" },
  },
  status: {
    examples: [
      "azmutex status nightly",
      'azmutex status nightly --exit-code || [ $? -ne 3 ] || echo "nightly is free"',
      "azmutex status nightly --json | jq -e .isHeld",
    ],
    codes: [...ASKING, "notHeld"],
    means: { notHeld: "with --exit-code: nothing is held" },
  },
  ls: {
    examples: [
      "azmutex ls",
      "azmutex ls deploy/ --held",
      "azmutex ls deploy/ --json | jq -r '.[] | select(.isHeld) | .key'",
    ],
    codes: ASKING,
  },
  watch: {
    examples: [
      "azmutex watch deploy/",
      "azmutex watch --held --every 10s",
      "azmutex watch --json | jq --unbuffered -r 'select(.event == \"breaking\") | .key'",
    ],
    codes: [...ASKING, "signalled"],
  },
  ui: {
    examples: ["azmutex ui", "azmutex ui --container jobs", "azmutex ui --container jobs --port 0 --allow-break"],
    codes: ASKING.filter((name) => name !== "refused"),
  },
  doctor: {
    examples: ["azmutex doctor", "azmutex doctor --read-only", "azmutex doctor --long --json > report.json"],
    codes: [...ASKING.filter((name) => name !== "refused"), "signalled"],
    own: ["0     sound", "1     something was found"],
  },
  break: {
    examples: [
      "azmutex break nightly",
      "azmutex break nightly --if-holder web-3:17 --yes",
      "azmutex break pool --permit 0",
    ],
    codes: [...ASKING, "held"],
    means: { held: "--if-holder names another, or you said no: nothing was changed" },
  },
  completion: {
    examples: [
      "source <(azmutex completion bash)",
      "mkdir -p ~/.zfunc && azmutex completion zsh > ~/.zfunc/_azmutex",
      "azmutex completion fish > ~/.config/fish/completions/azmutex.fish",
    ],
    codes: ["usage", "unwritable"],
  },
});

/** What follows the options in the help of a command: examples, and how it ends. */
export function helpEnd(command: Command): string {
  const { examples, codes, means, runsJob = false, ...more } = ENDS[command.name()] ?? { examples: [], codes: [] };
  const { own = runsJob ? ["0     and all others: as the command ended"] : ["0     done"] } = more;
  const rows = [...codes]
    .sort((one, other) => EXIT[one] - EXIT[other])
    .map((name) => {
      const code = `${EXIT[name]}${name === "signalled" ? "+" : ""}`;
      return `${code.padEnd(4)}  ${means?.[name] ?? MEANINGS[name]}`;
    });
  const takes = (what: string): boolean => command.options.some(({ flags }) => flags.includes(what));
  const { note = [takes("<duration>") && DURATIONS, takes("--account") && ACCOUNTS].filter(Boolean).join("\n") } = more;
  const end = `\nExamples:\n${indented(examples)}\n\nExit codes:\n${indented([...own, ...rows])}`;
  return note === "" ? end : `${end}\n\n${note}`;
}

const indented = (lines: readonly string[]): string => lines.map((line) => `  ${line}`).join("\n");
