import { shownDuration } from "../options/duration.ts";
import { every, machineMs } from "../time.ts";
import { terminal } from "./terminal.ts";

const EVERY_MS = 1_000;

/** The answer. On a terminal each second without one shows what the command waits for, and leaves nothing behind. */
export async function awaited<T>(service: string, answer: Promise<T>): Promise<T> {
  const since = machineMs();
  let isShown = false;
  const stop = every(EVERY_MS, () => {
    isShown = true;
    terminal.show(`waiting for ${service} (${shownDuration(machineMs() - since)})`);
  });
  try {
    return await answer;
  } finally {
    stop();
    if (isShown) terminal.show("");
  }
}
