import { readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

const LOOK_EVERY_MS = 20;
/** It costs nothing where things go well, and a busy machine takes its time. */
const PATIENCE_MS = 120_000;

/** Whether a process runs, by Linux's own books. One that has died and that its parent never asked for does not. */
export function isRunning(pid: number): boolean {
  const { state } = statOf(pid) ?? { state: "X" };
  return state !== "Z" && state !== "X";
}

export function isStopped(pid: number): boolean {
  return statOf(pid)?.state === "T";
}

/** Whether it has said by now what it does at this signal. */
export function catches(pid: number, signal: NodeJS.Signals): boolean {
  const [, caught = "0"] = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return ((BigInt(`0x${caught}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}

/** The watchdog of a run of the command that has a job. */
export async function watchdogOf(wrapper: number): Promise<number> {
  let found: string | undefined;
  const isThere = (): boolean => {
    found = childrenOf(wrapper).find((pid) => commandLineOf(pid).includes("watchdog-main.js"));
    return found !== undefined;
  };
  // In the moment in which it becomes another program a process has no command line.
  await until(isThere, `process ${wrapper} has a watchdog`);
  return Number(found);
}

/** The guardians of a process, by their title. */
export function guardiansOf(parent: number): number[] {
  return runningChildrenOf(parent).filter((pid) => commandLineOf(`${pid}`).startsWith("azmutex guardian"));
}

/** The guardian of a process, once it runs. */
export async function guardianOf(parent: number): Promise<number> {
  await until(() => guardiansOf(parent).length === 1, `process ${parent} has a guardian`);
  return Number(guardiansOf(parent)[0]);
}

/**
 * The memory of a process, in kilobytes: all that is resident; the same with what is shared divided among those who
 * share it; what no other process has; and what is no file.
 */
export function memoryOf(pid: number): { residentKb: number; sharedOutKb: number; privateKb: number; ownKb: number } {
  const memory = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const kb = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(memory)?.[1]);
  return {
    residentKb: kb("Rss"),
    sharedOutKb: kb("Pss"),
    privateKb: kb("Private_Clean") + kb("Private_Dirty"),
    ownKb: kb("Anonymous"),
  };
}

/** Processes with this text in their command line. */
export function runningWith(text: string): number[] {
  const pids = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
  return pids.filter((pid) => commandLineOf(pid).includes(text) && isRunning(Number(pid))).map(Number);
}

/** The processes that this one has started and that run. */
export function runningChildrenOf(pid: number): number[] {
  return childrenOf(pid).map(Number).filter(isRunning);
}

/** Looks again and again until it is so. */
export async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const began = performance.now();
  while (!(await isSo())) {
    if (performance.now() - began > PATIENCE_MS) throw new Error(`${what}: not within ${PATIENCE_MS} ms`);
    await sleep(LOOK_EVERY_MS);
  }
}

/** Resolves when they are all gone. */
export function gone(pids: readonly number[]): Promise<void> {
  return until(() => !pids.some(isRunning), `processes ${pids.join(", ")} end`);
}

function statOf(pid: number): { state: string; parent: number } | undefined {
  try {
    const [state = "", parent] = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return { state, parent: Number(parent) };
  } catch {
    return undefined;
  }
}

function childrenOf(parent: number): string[] {
  return readdirSync("/proc").filter((entry) => /^\d+$/.test(entry) && statOf(Number(entry))?.parent === parent);
}

function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
