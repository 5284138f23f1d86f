// One worker of the chaos: takes locks, adds one to numbers under them, and notes by true time what it believed to
// hold.
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { AzureMutex, isMutexError } from "azmutex";
import { between, seeded } from "../shared/seeded.ts";
import { Journal } from "./journal.ts";
import { MachineClock } from "./machine-clock.ts";
import type { ActorSpec, Fate, Job, Order, Report } from "./messages.ts";
import type { Reading } from "./register.ts";
import { RegisterClient } from "./register-client.ts";
import { type Taken, takerOf } from "./takers.ts";

/** While it holds something a worker looks at `isHeld` so often, and notes it. */
const LOOK_EVERY_MS = 100;
const WORK_MS = [20, 150] as const;
const REST_MS = [50, 600] as const;
/** So many of those who wait have only so much patience. */
const IMPATIENT = { share: 0.1, ms: [500, 5_000] as const };
/** A write that is not answered by then is left to itself. */
const ANSWER_WITHIN_MS = 3_000;

const job = await receiveJob();
const journal = new Journal(job.journal);
const register = new RegisterClient(job.registerPort);
const mutex = new AzureMutex({ connectionString: job.connectionString, containerName: job.containerName, log });
const finishing = new AbortController();
const clock = await startTogether();
let lingerUntil = 0;
let fate: Fate | undefined;
let holds = 0;
let requests = 0;

process.on("message", (order: Order) => {
  if (order.kind === "linger") lingerUntil = Math.max(lingerUntil, order.until);
  if (order.kind === "fate") fate = order.fate;
  if (order.kind === "finish") finishing.abort();
});
// No process is left that judges what it does.
process.once("disconnect", () => process.exit());

await Promise.all(job.actors.map(act));
journal.close();
process.disconnect();

function log(message: string): void {
  journal.append({ kind: "log", at: clock.now(), message });
}

async function act(actor: ActorSpec): Promise<void> {
  const random = seeded(job.seed, `${actor.name} ${job.incarnation}`);
  const take = takerOf(actor, mutex, { leaseSeconds: job.leaseSeconds, holder: job.worker }, random);
  while (!finishing.signal.aborted) {
    await sleep(between(...REST_MS, random));
    const askedAt = clock.now();
    try {
      const isImpatient = random() < IMPATIENT.share;
      const taken = await take({
        signal: finishing.signal,
        ...(isImpatient && { timeoutMs: between(...IMPATIENT.ms, random) }),
      });
      await hold(actor.name, taken, askedAt, random);
    } catch (error) {
      if (finishing.signal.aborted) return;
      const code = isMutexError(error) ? error.code : "UNEXPECTED";
      journal.append({ kind: "refused", actor: actor.name, at: clock.now(), code, message: String(error) });
    }
  }
}

async function hold(actor: string, taken: Taken, askedAt: number, random: () => number): Promise<void> {
  const { holding, key, token, isShared } = taken;
  holds += 1;
  const id = `${job.worker}.${job.incarnation}/${holds}`;
  const at = clock.now();
  const { isHeld } = holding;
  journal.append({ kind: "entered", hold: id, actor, key, isShared, token, askedAt, at, isHeld });
  if (isHeld) tell({ kind: "in", actor });
  /** Also notes that it was so at this moment, which counts for all the time before. */
  const isStillHeld = (): boolean => {
    const now = clock.now();
    if (!holding.isHeld) return false;
    journal.append({ kind: "held", hold: id, at: now });
    return true;
  };
  const looking = setInterval(isStillHeld, LOOK_EVERY_MS);
  const stay = async (ms: number): Promise<boolean> => {
    await sleep(ms);
    return isStillHeld();
  };
  /** The call is noted before it is sent, and the answer when it is read: a killed process leaves an open request. */
  const send = async (what: { kind: "read" } | { kind: "write"; base: Reading }): Promise<Reading | null> => {
    requests += 1;
    const request = requests;
    const base = what.kind === "write" ? what.base.fenced.version : undefined;
    const asked = { key, token: token ?? 0, op: what.kind, base };
    journal.append({ kind: "asked", request, hold: id, at: clock.now(), ...asked });
    const sent = { hold: id, key, token: token ?? 0, ...what };
    const reading = await register.send(sent, AbortSignal.timeout(ANSWER_WITHIN_MS));
    journal.append({ kind: "answered", request, at: clock.now(), version: reading?.fenced.version ?? null });
    return reading;
  };
  const increment = async (): Promise<boolean> => {
    if (isShared || token === undefined) return stay(between(...WORK_MS, random));
    const base = await send({ kind: "read" });
    if (!base || !(await stay(between(...WORK_MS, random)))) return false;
    if (fate) meet(fate);
    await send({ kind: "write", base });
    return isStillHeld();
  };

  let isOn = isHeld;
  for (let left = 1 + Math.floor(random() * 3); isOn && (left > 0 || clock.now() < lingerUntil); left -= 1) {
    // A write without an answer is still under way: nothing more is done on top of it.
    isOn = await increment().catch(() => false);
    if (finishing.signal.aborted) break;
  }
  clearInterval(looking);
  tell({ kind: "out", actor });
  const wasHeld = isStillHeld();
  await holding.release().catch(() => {});
  const how = holding.signal.aborted ? holding.signal.reason.why : wasHeld ? "released" : "expired";
  journal.append({ kind: "left", hold: id, at: clock.now(), how });
}

function tell(report: Report): void {
  // No process hears it when the channel is closed.
  if (process.connected) process.send?.(report);
}

function meet(met: Fate): void {
  fate = undefined;
  process.kill(process.pid, met === "stop" ? "SIGSTOP" : "SIGKILL");
}

async function startTogether(): Promise<MachineClock> {
  const started = once(process, "message");
  tell({ kind: "ready" });
  const [order] = (await started) as [Order];
  if (order.kind !== "go") throw new Error(`the start comes next, not ${order.kind}`);
  return new MachineClock(BigInt(order.epoch));
}

async function receiveJob(): Promise<Job> {
  const [order] = (await once(process, "message")) as [Order];
  if (order.kind !== "job") throw new Error(`a job comes first, not ${order.kind}`);
  return order.job;
}
