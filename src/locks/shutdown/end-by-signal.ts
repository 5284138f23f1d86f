import { constants } from "node:os";
import type { Clock } from "../../time/clock.ts";
import { deciders, type EndingProcess, type EndingSignal, isEnding, listening } from "./ending-process.ts";

/** How long listeners that end the process once they are alone, as signal-exit's do, have for it, in milliseconds. */
const ALONE_MS = 100;

/**
 * Ends the process by the signal, as it would have ended without azmutex: its parent sees by what. Where that does not
 * end it, it exits after `leftMs`, if other listeners are left, or soon.
 */
export function endBySignal(host: EndingProcess, clock: Clock, name: EndingSignal, leftMs: number): void {
  const left = listening(host, name);
  // The other shutdown has something to release yet, and ends the process then.
  if (left.own.some(isEnding)) return;
  // On Windows it would end the process before any listener hears of it.
  if (host.platform !== "win32") sendSignal(host, name);
  // A shutdown that has not begun yet has now heard its first signal, and ends the process.
  if (left.own.length > 0) return;
  const exit = (): unknown => host.exit(128 + (constants.signals[name] ?? 0));
  const others = deciders(left);
  // Process 1 of a container does not die of its own signals, neither of this one nor of signal-exit's.
  if (others + left.signalExits === 0) clock.nextTurn(exit);
  else clock.setTimer(others === 0 && host.pid === 1 ? ALONE_MS : Math.max(ALONE_MS, leftMs), exit);
}

function sendSignal(host: EndingProcess, name: EndingSignal): void {
  try {
    host.kill(host.pid, name);
  } catch {
    // This system may not be able to send the signal.
  }
}
