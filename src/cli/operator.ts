import { hostname, userInfo } from "node:os";
import { printable } from "../status/printable.ts";

/**
 * The user that runs this process, and the machine: `alice@build-7`. For a log, and no proof: a user can rename a
 * machine.
 */
export function operator(): string {
  return printable(`${userName()}@${hostname()}`);
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run as a number that has no name.
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}
