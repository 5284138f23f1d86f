import { programCommand } from "./release-program.ts";

/** A signal that asks a process to end, and does end it if nothing listens to it. */
export type EndingSignal = "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGQUIT" | "SIGBREAK" | "SIGUSR2";

// biome-ignore lint/complexity/noBannedTypes: as Node has it
type Listener = Function;

/** A process, as far as signals end it. */
export interface EndingProcess {
  readonly pid: number;
  readonly platform: string;
  prependListener(name: EndingSignal, listener: () => void): unknown;
  on(name: "exit" | "newListener", listener: (...args: unknown[]) => void): unknown;
  off(name: EndingSignal | "exit" | "newListener", listener: (...args: unknown[]) => void): unknown;
  /** All listeners to a signal. One added by `once` is a wrapper, whose `listener` is the listener itself. */
  rawListeners(name: EndingSignal): readonly Listener[];
  kill(pid: number, name: EndingSignal): unknown;
  exit(code: number): unknown;
  /**
   * Runs a program, given as text, in a process of its own with that standard input, and waits until it has ended.
   * Returns its exit code, or null if it could not be run or took longer. May throw.
   */
  runNode(program: string, input: string, longestMs: number): number | null;
  /** How many of its listeners to any one signal belong to the package signal-exit. */
  readonly signalExits: number;
}

/** Marks a listener of azmutex, of this copy of the package or of another. */
const OURS: unique symbol = Symbol.for("azmutex.Shutdown");

/** A listener of azmutex. */
export interface OwnListener {
  (): void;
  readonly [OURS]: { isEnding: boolean };
}

export function ownListener(listener: () => void, state: { isEnding: boolean }): OwnListener {
  return Object.assign(listener, { [OURS]: state });
}

/** Whether its shutdown has begun. */
export function isEnding(listener: OwnListener): boolean {
  return listener[OURS].isEnding;
}

export function isOwn(listener: unknown): listener is OwnListener {
  return typeof listener === "function" && OURS in listener;
}

/** The listeners to a signal. */
export interface Listening {
  readonly own: readonly OwnListener[];
  /** How many belong to signal-exit. They end the process, by the signal, as soon as nothing else listens. */
  readonly signalExits: number;
  /** How many others listen with `on`. One that is gone was removed by its owner, which is done. */
  readonly lasting: number;
  /** How many others listen with `once`. One that is gone has heard the signal, and may still be at work on it. */
  readonly once: number;
}

export function listening(host: EndingProcess, name: EndingSignal): Listening {
  const all = host.rawListeners(name);
  const own = all.filter(isOwn);
  const others = all.filter((listener) => !isOwn(listener));
  const once = others.filter((listener) => "listener" in listener).length;
  // signal-exit does not listen to SIGBREAK.
  const signalExits = name === "SIGBREAK" ? 0 : Math.min(host.signalExits, others.length - once);
  return { own, signalExits, lasting: others.length - once - signalExits, once };
}

/** How many listeners decide by themselves when the process ends. */
export function deciders({ lasting, once }: Pick<Listening, "lasting" | "once">): number {
  return lasting + once;
}

/**
 * signal-exit counts its listeners in two global places, so that its versions find each other: since 4.0, and before.
 */
const SIGNAL_EXIT_4: unique symbol = Symbol.for("signal-exit emitter");
const SIGNAL_EXIT_3 = "__signal_exit_emitter__";

function countOf(place: object, name: string | symbol): number {
  const count: unknown = Reflect.get(Object(Reflect.get(place, name)), "count");
  return typeof count === "number" ? count : 0;
}

function runNode(program: string, input: string, longestMs: number): number | null {
  const command = programCommand(program);
  if (command === undefined) return null;
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  return spawnSync(command.file, command.args, {
    input,
    env: command.env,
    stdio: ["pipe", "ignore", "ignore"],
    timeout: longestMs,
    killSignal: "SIGKILL",
    windowsHide: true,
  }).status;
}

/** This process. */
export const thisProcess: EndingProcess = Object.freeze({
  pid: process.pid,
  platform: process.platform,
  prependListener: (name: EndingSignal, listener: () => void) => process.prependListener(name, listener),
  on: (name: string, listener: (...args: unknown[]) => void) => process.on(name, listener),
  off: (name: string, listener: (...args: unknown[]) => void) => process.off(name, listener),
  rawListeners: (name: EndingSignal) => process.rawListeners(name),
  kill: (pid: number, name: EndingSignal) => process.kill(pid, name),
  exit: (code: number) => process.exit(code),
  runNode,
  get signalExits() {
    return countOf(globalThis, SIGNAL_EXIT_4) + countOf(process, SIGNAL_EXIT_3);
  },
});
