import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { kill } from "../../shared/child-process.ts";
import { now } from "../../shared/now.ts";
import { guardianOf } from "../../shared/processes.ts";
import { PROJECT } from "../../shared/project.ts";
import { type Ending, LockingProcess, type Setup } from "./locking-process.ts";

/** A process that holds locks and is about to die. */
export interface Holder extends AsyncDisposable {
  /** Resolves with the time from which the next holder's wait counts, by `now()`. */
  die(): Promise<number>;
}

/** Starts a process, and resolves once it holds all of these locks. */
export type StartHolder = (address: string, keys: readonly string[]) => Promise<Holder>;

const CLI = fileURLToPath(new URL("dist/cli/main.js", PROJECT));
const RESTART_AFTER_MS = 1_000;
/** Two processes, one of which ignores SIGTERM. */
const JOB = "(trap '' TERM; echo started; exec sleep 600) & exec sleep 600";

/** A process that ends by itself, or that a signal ends. */
export function holderThat(dies: Ending | NodeJS.Signals, setup: Setup): StartHolder {
  return async (address, keys) => {
    const holder = await LockingProcess.start(address, setup);
    await holder.lock(keys);
    return {
      die: async () => (isSignal(dies) ? holder.signal(dies) : await holder.end(dies)),
      [Symbol.asyncDispose]: () => holder[Symbol.asyncDispose](),
    };
  };
}

/** A process that is killed together with its guardian. */
export const killedWithGuardian: StartHolder = async (address, keys) => {
  const holder = await LockingProcess.start(address, { options: { guardian: true } });
  await holder.lock(keys);
  const guardian = await guardianOf(holder.pid);
  return {
    die: async () => {
      process.kill(guardian, "SIGKILL");
      return holder.signal("SIGKILL");
    },
    [Symbol.asyncDispose]: () => holder[Symbol.asyncDispose](),
  };
};

/** A process that is killed, and started again on the same state directory: from then on the wait counts. */
export const killedAndRestarted: StartHolder = async (address, keys) => {
  const stateDirectory = await mkdtemp(join(tmpdir(), "azmutex-deaths-"));
  const setup = { options: { stateDirectory } };
  const holder = await LockingProcess.start(address, setup);
  await holder.lock(keys);
  let next: Promise<LockingProcess> | undefined;
  return {
    die: async () => {
      holder.signal("SIGKILL");
      await sleep(RESTART_AFTER_MS);
      const at = now();
      next = LockingProcess.start(address, setup).then(async (started) => {
        // Of the locks that it held it asks for none: the process that has waited gets them.
        await started.lock(keys.map((key) => `${key}-other`));
        return started;
      });
      return at;
    },
    [Symbol.asyncDispose]: async () => {
      await holder[Symbol.asyncDispose]();
      await (await next)?.[Symbol.asyncDispose]();
      await rm(stateDirectory, { recursive: true });
    },
  };
};

function isSignal(dies: Ending | NodeJS.Signals): dies is NodeJS.Signals {
  return dies.startsWith("SIG");
}

/** `azmutex run` with a job of two processes, killed by SIGKILL. */
export const commandKilled: StartHolder = async (address, [key = ""]) => {
  const child = spawn(process.execPath, [CLI, "run", key, "--quiet", "--", "sh", "-c", JOB], {
    env: { ...process.env, AZURE_STORAGE_CONNECTION_STRING: address },
    stdio: ["ignore", "pipe", "inherit"],
  });
  // The job's first word, or the end of everything.
  await once(child.stdout, "readable");
  if (child.stdout.read() === null) throw new Error("azmutex run ended before its job had started");
  return {
    die: async () => {
      const at = now();
      child.kill("SIGKILL");
      return at;
    },
    [Symbol.asyncDispose]: () => kill(child),
  };
};
