import type { AzureMutex } from "../index.ts";
import { LockPoller, type LockPollerOptions } from "./lock-poller.ts";
import { type BreakListener, StatusPage } from "./status-page.ts";

export interface ServeOptions extends Omit<LockPollerOptions, "look"> {
  readonly mutex: Pick<AzureMutex, "list" | "break">;
  readonly port: number;
  /** The folder of the page's files. Default: `page/` beside this file, where the package has it. */
  readonly assets?: URL;
  onDefect(error: unknown): void;
  /** Called with the result of each break that a page asked for. Default: no call. */
  readonly onBreak?: BreakListener | undefined;
}

/** Serves the page of a mutex's container. Rejects with the error of Node where the port is taken. */
export async function serve({
  mutex,
  port,
  assets = new URL("./page/", import.meta.url),
  ...options
}: ServeOptions): Promise<StatusPage> {
  const page = new StatusPage({
    poller: new LockPoller({ look: (signal, onNoContainer) => mutex.list({ signal, onNoContainer }), ...options }),
    assets,
    breakLock: options.mayBreak ? (key, how) => mutex.break(key, how) : undefined,
    onDefect: options.onDefect,
    onBreak: options.onBreak,
  });
  await page.listen(port);
  return page;
}
