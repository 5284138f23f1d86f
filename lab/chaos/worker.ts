// One worker of the chaos: takes locks, adds one to numbers under them, and notes by true time what it believed to
// hold.
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { AzureMutex, isMutexError, releaseOnExit } from "azmutex";
import { between, seeded } from "../shared/seeded.ts";
import { closePipes } from "./deaths/pipes.ts";
import { Journal } from "./journal.ts";
import { MachineClock } from "./machine-clock.ts";
import type { ActorSpec, Job, Order, Report } from "./messages.ts";
import { takerOf } from "./takers.ts";
import { wayIn } from "./way-in.ts";
import { Work } from "./work.ts";

const REST_MS = [50, 600] as const;
/** So many of those who wait have only so much patience. */
const IMPATIENT = { share: 0.1, ms: [500, 5_000] as const };

const job = await receiveJob();
const journal = new Journal(job.journal);
const finishing = new AbortController();
const clock = await startTogether();
const work = new Work(job, journal, clock, tell, finishing.signal);
const { onExit = false, ...releases } = job.protection ?? {};
const mutex = new AzureMutex({ ...wayIn(job), log, ...releases });
if (onExit) releaseOnExit(mutex);

process.on("message", (order: Order) => {
  if (order.kind === "linger") work.lingerUntil = Math.max(work.lingerUntil, order.until);
  if (order.kind === "fate") work.fate = order.fate;
  if (order.kind === "closePipes") closePipes();
  if (order.kind === "end") end(order.how);
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
      await work.under(actor.name, taken, askedAt, random);
    } catch (error) {
      if (finishing.signal.aborted) return;
      const code = isMutexError(error) ? error.code : "UNEXPECTED";
      journal.append({ kind: "refused", actor: actor.name, at: clock.now(), code, message: String(error) });
    }
  }
}

function end(how: "throws" | "exits"): void {
  if (how === "exits") process.exit(1);
  throw new Error("nothing catches this");
}

function tell(report: Report): void {
  // No process hears it when the channel is closed.
  if (process.connected) process.send?.(report);
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
