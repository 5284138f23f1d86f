import { LONGEST_MS, SEND_RELEASES } from "../shutdown/release-program.ts";

/** What the guardian is told, as one line of JSON each. The requests are secret. */
export interface GuardianNews {
  /** The process that it watches: the first line alone has it. */
  readonly parent?: { readonly pid: number; readonly startedAt: number | undefined };
  readonly stand: readonly {
    readonly id: string;
    readonly request: object;
    /** How long the lease may stand, in milliseconds; null for ever. */
    readonly ms: number | null;
    /** Whether its acquire, or its release, is under way. */
    readonly isUnsure: boolean;
  }[];
  /** The lease ids of which there is nothing to release any more. */
  readonly gone: readonly string[];
}

/**
 * The program of the guardian: a process that releases by their ids the leases of its parent once that is dead. It is
 * told of them over its standard input, and ends with that, or soon after it.
 *
 * The end of its input proves nothing: a process may close it and live on. A child gets another parent as soon as no
 * thread of its own one can run, and not before. So that is asked first, and no pid that was given out again is taken
 * for it. What the kernel says of the pid has to agree: there is no such process, or one that was started at another
 * time, or one of which no thread is left. Where that cannot be told, nothing is released.
 */
export const GUARDIAN_PROGRAM: string = `"use strict";
process.title = "azmutex guardian";
for (const name of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"]) process.on(name, () => undefined);
${SEND_RELEASES}
const { read, readFileSync } = process.getBuiltinModule("node:fs");
const now = () => performance.now();
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const leases = new Map();
let parent = {};
let isChild = false;
let endedAt;
let deadAt;
let isReleasing = false;
let timer;
let isReading = false;
// A read that is under way would keep the process until the pipe ends.
const exit = () => (isReading ? process.kill(process.pid, "SIGKILL") : process.exit());

// State, parent, and so on: see proc_pid_stat(5), after the name.
const statOf = (pid) => {
  try {
    const text = readFileSync("/proc/" + pid + "/stat", "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
};
const hasParent = () => {
  // Windows names the parent of before.
  if (process.platform === "win32") return false;
  return Number(statOf("self")?.[1] ?? process.ppid) === parent.pid;
};
const isDead = () => {
  if (isChild && hasParent()) return false;
  try {
    process.kill(parent.pid, 0);
  } catch (error) {
    if (error.code === "ESRCH") return true;
  }
  const stat = parent.startedAt === undefined ? undefined : statOf(parent.pid);
  if (stat === undefined) return isChild;
  const [state, threads, startedAt] = [stat[0], Number(stat[17]), Number(stat[19])];
  return startedAt !== parent.startedAt || ((state === "Z" || state === "X") && threads <= 1);
};

const look = () => {
  timer = undefined;
  if (isReleasing) return;
  for (const [id, { until }] of leases) if (now() >= until) leases.delete(id);
  if (leases.size > 0 && isDead()) deadAt ??= now();
  // What the parent has written is read first, unless another process keeps the pipe open.
  if (deadAt !== undefined && (endedAt !== undefined || now() - deadAt > 500)) release();
  else if (leases.size > 0) plan();
  else if (endedAt !== undefined) exit();
};
const plan = () => {
  const isSoon = deadAt !== undefined || (endedAt !== undefined && now() - endedAt < 2000);
  timer ??= setTimeout(look, isSoon ? 20 : 1000);
};

const send = async (some) => {
  const requests = some.map(({ request }) => request);
  const failed = new Set(await sendReleases(requests, { timeout: ${LONGEST_MS} }));
  return some.filter(({ request, until }) => failed.has(request) && now() < until);
};
const release = async () => {
  isReleasing = true;
  const all = [...leases.values()];
  const unsure = all.filter(({ isUnsure }) => isUnsure);
  let left = await send(all);
  for (const ms of [100, 400, 1600]) {
    if (left.length === 0) break;
    await pause(ms);
    left = await send(left);
  }
  // An acquire that was on its way may have arrived after the release.
  if (unsure.length > 0) await pause(1000).then(() => send(unsure));
  exit();
};

const obey = (news) => {
  if (news.parent) {
    parent = news.parent;
    isChild = hasParent();
  }
  for (const id of news.gone) leases.delete(id);
  // A renewal may have arrived later than it was sent.
  for (const { id, ms, ...lease } of news.stand)
    leases.set(id, { ...lease, until: ms === null ? Infinity : now() + ms + 5000 });
};
let rest = "";
const onData = (text) => {
  const lines = (rest + text).split("\\n");
  rest = lines.pop();
  for (const line of lines) obey(JSON.parse(line));
  if (leases.size > 0) plan();
};
const onEnd = () => {
  endedAt ??= now();
  clearTimeout(timer);
  look();
};
// In Node process.stdin takes 2 MB more.
if (process.platform === "linux" && !process.versions.bun && !process.versions.deno) {
  const decoder = new (process.getBuiltinModule("node:string_decoder").StringDecoder)();
  const part = Buffer.allocUnsafeSlow(65536);
  const readOn = () => {
    isReading = true;
    read(0, part, 0, part.length, null, (error, size) => {
      isReading = false;
      if (error?.code === "EINTR") return readOn();
      if (error || size === 0) return onEnd();
      onData(decoder.write(part.subarray(0, size)));
      readOn();
    });
  };
  readOn();
} else process.stdin.setEncoding("utf8").on("data", onData).on("end", onEnd).on("error", onEnd);
`;
