import { accessSync, constants, existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { shown } from "../../errors.ts";
import type { MutexContext } from "../../lease/mutex-context.ts";
import type { RequestGate } from "../../lease/requests.ts";
import { inRootContext } from "../../time/root-context.ts";
import type { LeaseState } from "./lease-state.ts";

const OTHERS_MAY_WRITE = 0o002;
const NO_DIRECTORY = "it is no directory";

/**
 * The absolute path of a state directory, which is made for its owner alone where it is not there. Throws `TypeError`
 * for what is no such directory, or cannot be used as one.
 */
export function checkStateDirectory(stateDirectory: unknown): string | undefined {
  if (stateDirectory === undefined) return undefined;
  if (typeof stateDirectory !== "string" || stateDirectory === "" || stateDirectory.includes("\0"))
    throw new TypeError(`stateDirectory must be the path of a directory, not ${shown(stateDirectory)}`);
  const path = resolve(stateDirectory);
  const wrong = whatIsWrong(path);
  if (wrong !== undefined)
    throw new TypeError(
      `stateDirectory must be a directory that this process may write to, not ${shown(stateDirectory)}: ${wrong}`,
    );
  return path;
}

function whatIsWrong(path: string): string | undefined {
  try {
    make(path);
    const found = statSync(path);
    if (!found.isDirectory()) return NO_DIRECTORY;
    const { uid, mode } = found;
    // Another user could put a socket there that makes a living process look dead.
    if (process.geteuid && uid !== process.geteuid() && (mode & OTHERS_MAY_WRITE) !== 0)
      return "every user may write to it, and it is another user's; name a directory below it";
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "EEXIST" || code === "ENOTDIR" ? NO_DIRECTORY : (code ?? message);
  }
}

/** Node's own way to make the directories above, too, never ends below /proc. */
function make(path: string): void {
  if (existsSync(path)) return;
  make(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

/**
 * What a mutex with a state directory does before its requests: at the first it releases what dead processes have left
 * there; and each lease is written down before it is asked for.
 */
export function beforeRequests(mutex: MutexContext, directory: string, requestTimeoutMs: number): RequestGate {
  let state: LeaseState | undefined;
  let starting: Promise<void> | undefined;
  const start = async (): Promise<void> => {
    try {
      const { LeaseState } = await import("./lease-state.ts");
      state = await LeaseState.begin({ mutex, directory, requestTimeoutMs });
    } catch (error) {
      mutex.log(`nothing is kept in ${directory}: ${String(error)}`);
    }
    starting = undefined;
  };
  let hasBegun = false;
  return (operation, { name }) => {
    // Releases wait for nothing: the first ones are of what dead processes have left.
    if (operation === "release") return undefined;
    if (!hasBegun) starting = inRootContext(start);
    hasBegun = true;
    return starting ?? state?.before(operation, name);
  };
}
