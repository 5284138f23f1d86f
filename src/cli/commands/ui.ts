import { Command, Option } from "commander";
import { type ConnectionOptions, openMutex, withConnection } from "../connection/connection.ts";
import { CommandError, EXIT } from "../exit-codes.ts";
import { failureOf } from "../failure.ts";
import { onSignals } from "../signals.ts";
import { terminal } from "../terminal.ts";
import { machineMs, wallMs } from "../time.ts";
import { wholeNumber } from "../whole-number.ts";

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
      "Serves a page to the browsers of this machine that shows all locks, who waits for them, and who held them since it was started. " +
        "Prints its link, and runs until it is interrupted. Asks the service only while the page is open.",
    )
    .addOption(
      new Option("--port <number>", "where it listens, on 127.0.0.1 alone; 0: any free port")
        .default(DEFAULT_PORT, String(DEFAULT_PORT))
        .argParser(wholeNumber(0, HIGHEST_PORT)),
    )
    .addOption(new Option("--allow-break", "locks can be broken from the page; whoever does has to type the key"));
  return withConnection(command).action((options: UiOptions) => ui(options));
}

async function ui({ port, allowBreak = false, ...connection }: UiOptions): Promise<void> {
  // Loaded only here: no other command has use for it.
  const { Lookout, StatusPage } = await import("../../ui/index.ts");
  const mutex = await openMutex(connection);
  const onDefect = (error: unknown): void => terminal.say(`azmutex: ${failureOf(error).line}`);
  const { container } = connection;
  const look = (signal: AbortSignal) => mutex.list({ signal });
  const lookout = new Lookout({ look, wallMs, elapsedMs: machineMs, container, mayBreak: allowBreak, onDefect });
  const page = new StatusPage({
    lookout,
    assets: new URL("../ui/", import.meta.url),
    breakLock: allowBreak ? (key, options) => mutex.break(key, options) : undefined,
    onDefect,
  });
  await page.listen(port).catch((error: NodeJS.ErrnoException) => {
    throw portError(error, port);
  });
  terminal.print(`${page.link}\n`);
  terminal.say("azmutex: whoever has this link sees the locks; end with Ctrl-C");
  await interrupted();
  await page.close();
}

async function interrupted(): Promise<void> {
  let end = (): void => undefined;
  try {
    await new Promise<void>((resolve) => {
      end = onSignals(["SIGINT", "SIGTERM", "SIGHUP"], () => resolve());
    });
  } finally {
    end();
  }
}

function portError(error: NodeJS.ErrnoException, port: number): Error {
  const { code } = error;
  if (code === "EADDRINUSE") return new CommandError(`port ${port} is taken: say --port with another, or --port 0`, EXIT.usage);
  if (code === "EACCES") return new CommandError(`port ${port} is not for everybody: say --port with one above 1023`, EXIT.usage);
  return error;
}
