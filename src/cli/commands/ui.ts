import { once } from "node:events";
import { Command, Option } from "commander";
import type { BreakListener } from "../../ui/status-page.ts";
import { type ConnectionOptions, openMutex, placeOf, withConnection } from "../connection/connection.ts";
import { CommandError, EXIT } from "../exit-codes.ts";
import { failureOf } from "../failure.ts";
import { Interruption } from "../interruption.ts";
import { operator } from "../operator.ts";
import { wholeNumber } from "../options/whole-number.ts";
import { breakLogLine } from "../output/break-text.ts";
import { terminal } from "../terminal/terminal.ts";
import { machineMs, wallMs } from "../time.ts";

/** LOCK, on a telephone. */
const DEFAULT_PORT = 5625;
const HIGHEST_PORT = 65_535;

interface UiOptions extends ConnectionOptions {
  readonly port: number;
  readonly allowBreak?: boolean;
}

export function uiCommand(): Command {
  const command = new Command("ui")
    .summary("show locks and their history on a page in the browser")
    .description(
      "Serves a page to the browsers of this machine that shows all locks, who waits for them, and who held " +
        "them since it was started. Prints its link, and runs until it is interrupted. Asks the service only " +
        "while the page is open.",
    )
    .addOption(
      new Option("--port <number>", "port to listen on, at 127.0.0.1 only; 0: any free port")
        .default(DEFAULT_PORT, String(DEFAULT_PORT))
        .argParser(wholeNumber(0, HIGHEST_PORT)),
    )
    .addOption(new Option("--allow-break", "let the page break locks, after the key was typed"));
  return withConnection(command).action((options: UiOptions) => ui(options));
}

async function ui({ port, allowBreak: mayBreak = false, ...connection }: UiOptions): Promise<void> {
  // Loaded only here: no other command has use for it.
  const { serve } = await import("../../ui/serve.ts");
  const { container } = connection;
  const mutex = await openMutex(connection);
  const onDefect = (error: unknown): void => terminal.say(`azmutex: ${failureOf(error).line}`);
  const breaker = operator();
  const onBreak: BreakListener = (key, terms, result) => {
    const line = breakLogLine(key, terms, result, { name: breaker, by: "the status page" }, wallMs(), placeOf(mutex));
    if (line !== undefined) terminal.say(`azmutex: ${line}`);
  };
  const account = mutex.address?.account;
  const serving = serve({
    mutex,
    account,
    container,
    port,
    mayBreak,
    breaker,
    wallMs,
    elapsedMs: machineMs,
    onDefect,
    onBreak,
  });
  const page = await serving.catch(({ code }: NodeJS.ErrnoException) => {
    const what = code === "EADDRINUSE" ? "taken" : `refused (${code})`;
    throw new CommandError(`port ${port} is ${what}: say --port with another, or --port 0`, EXIT.usage);
  });
  const interruption = new Interruption();
  try {
    terminal.print(`${page.link}\n`);
    terminal.say(
      `azmutex: this link lets its user see the locks${mayBreak ? ", and break them" : ""}; end with Ctrl-C`,
    );
    await once(interruption.signal, "abort");
  } finally {
    interruption.end();
    await page.close();
  }
  // It has done what it was started for.
  process.exitCode = 0;
}
