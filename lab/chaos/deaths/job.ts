// The job of `azmutex run` in a chaos of deaths. That it runs is all that it knows of the lock: as long as one of its
// two processes runs, nothing else may have it. Both ignore SIGTERM.
import { fork } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { LockLostError } from "azmutex";
import { kill } from "../../shared/child-process.ts";
import { between, seeded } from "../../shared/seeded.ts";
import { Journal } from "../journal.ts";
import { MachineClock } from "../machine-clock.ts";
import type { Job, Report } from "../messages.ts";
import { LOOK_EVERY_MS, Work } from "../work.ts";

const LASTS_MS = [300, 5_000] as const;
const OTHER = "other";

process.on("SIGTERM", () => undefined);
const { CHAOS_JOB = "", AZMUTEX_TOKEN = "" } = process.env;
const job = JSON.parse(CHAOS_JOB) as Job & { readonly epoch: string };
const clock = new MachineClock(BigInt(job.epoch));
const journal = new Journal(job.journal);
const [actor] = job.actors;
if (!actor) throw new Error("a job has an actor");

if (process.argv[2] === OTHER) await runBeside();
else await run(actor.key, actor.name);

/** The second process of the job, which works until it is killed. */
async function runBeside(): Promise<never> {
  for (;;) {
    journal.append({ kind: "held", hold: `${job.worker}.${job.incarnation}/1`, at: clock.now() });
    await sleep(LOOK_EVERY_MS);
  }
}

async function run(key: string, name: string): Promise<void> {
  let other: ReturnType<typeof fork> | undefined;
  const tell = (report: Report): void => {
    if (report.kind === "in") other = fork(fileURLToPath(import.meta.url), [OTHER], { stdio: "ignore" });
    process.stdout.write(`${JSON.stringify(report)}\n`);
  };
  const random = seeded(job.seed, `${job.worker} ${job.incarnation}`);
  const work = new Work(job, journal, clock, tell, new AbortController().signal);
  work.lingerUntil = clock.now() + between(...LASTS_MS, random);
  const holding = {
    isHeld: true,
    signal: new AbortController().signal as AbortSignal & { readonly reason: LockLostError },
    release: async () => other && (await kill(other)),
  };
  const taken = { holding, key, token: Number(AZMUTEX_TOKEN), isShared: false };
  await work.under(name, taken, clock.now(), random);
}
