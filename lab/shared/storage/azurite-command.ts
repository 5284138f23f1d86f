import type { ChildProcess } from "node:child_process";

/** What Azurite's command line is told in any case: a free port of loopback, and no check of the SDK's version. */
export const AZURITE_SWITCHES: readonly string[] = [
  ...["--blobHost", "127.0.0.1", "--blobPort", "0"],
  ...["--silent", "--skipApiVersionCheck", "--disableTelemetry"],
];

/** The port that it says it listens on. Rejects if it ends before. */
export function portSaid(child: ChildProcess): Promise<number> {
  let said = "";
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        const [, port] = /successfully listens on https?:\/\/127\.0\.0\.1:(\d+)/.exec(said) ?? [];
        if (port !== undefined) resolve(Number(port));
      });
    }
    child.once("exit", () => reject(new Error(`Azurite does not start:\n${said}`)));
  });
}
