import { Command, Option } from "commander";
import type { Diagnosis, DiagnosisProgress } from "../../index.ts";
import { type ConnectionOptions, openMutex, withConnection } from "../connection/connection.ts";
import { identityTaken } from "../connection/identity.ts";
import { EXIT } from "../exit-codes.ts";
import { Interruption } from "../interruption.ts";
import { CHECK_TITLES, diagnosisLines } from "../output/diagnosis-text.ts";
import { printJson } from "../output/json.ts";
import { terminal } from "../terminal/terminal.ts";

interface DoctorOptions extends ConnectionOptions {
  readonly readOnly?: boolean;
  readonly long?: boolean;
  readonly contract?: boolean;
  readonly withNames?: boolean;
  readonly json?: boolean;
}

const EXIT_CODES: Readonly<Record<Diagnosis["verdict"], number>> = Object.freeze({
  sound: 0,
  findings: 1,
  unreachable: EXIT.unreachable,
  denied: EXIT.denied,
});

export function doctorCommand(): Command {
  const command = new Command("doctor")
    .summary("say whether locks hold on this account")
    .description(
      "Checks on the account what locks need, and says what each finding means: credentials, permissions, the " +
        "rules of leases, clocks, features of the account, speed and runtime. What it makes is below " +
        ".azmutex/doctor/, and is deleted at the end.",
    )
    .addOption(new Option("--read-only", "only read and list: write, lease and delete nothing"))
    .addOption(new Option("--long", "also measure when leases end, which takes half a minute more"))
    .addOption(
      new Option(
        "--contract",
        "also run the tests that each store has to pass, in containers that it creates and deletes; takes minutes",
      ),
    )
    .addOption(new Option("--with-names", "leave the names of account and container in the report"))
    .addOption(new Option("--json", "print one JSON object"));
  return withConnection(command).action((options: DoctorOptions) => doctor(options));
}

async function doctor(options: DoctorOptions): Promise<void> {
  const { json = false, verbose = false, readOnly, long, contract, withNames } = options;
  const interruption = new Interruption();
  let left: readonly string[] = [];
  const onLeft = (names: readonly string[]): void => {
    left = names;
    terminal.say(`azmutex: made, and could not be deleted again: ${names.join(", ")}`);
  };
  try {
    const mutex = await openMutex(options, { needsLogin: false });
    const credentialSource = identityTaken();
    const diagnosis = await mutex.diagnose({
      ...{ readOnly, long, contract, withNames, credentialSource, onProgress, onLeft },
      signal: interruption.signal,
    });
    terminal.show("");
    if (json) printJson(diagnosis);
    else terminal.print(`${diagnosisLines(diagnosis, { all: verbose, columns: terminal.columns }).join("\n")}\n`);
    process.exitCode = EXIT_CODES[diagnosis.verdict];
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    if (left.length === 0) terminal.say("azmutex: stopped, and what was made is deleted");
  } finally {
    terminal.show("");
    interruption.end();
  }
}

function onProgress({ check, done, of }: DiagnosisProgress): void {
  terminal.show(`${CHECK_TITLES[check]} (${done + 1} of ${of})`);
}
