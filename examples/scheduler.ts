// A scheduler among ten replicas: all of them run this, one of them ticks, and all know which one. SIGTERM makes the
// leader resign, and another leads a second or two later; if it dies, its lease of 15 s runs out first.
//
//   npm run example -- scheduler                    ten replicas; the leader is stopped, and the next one killed
//   node build/examples/scheduler.js [ticks.log]    one replica, until SIGTERM or Ctrl-C
//
// REPLICA and ADDRESS say who it is and where it can be reached. Default: host:pid and http://host:8080.
import { appendFileSync } from "node:fs";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { AzureMutex, LeaderElection, type Leadership } from "azmutex";

const TICK_MS = 1_000;
const connectionString = process.env.AZURE_STORAGE_CONNECTION_STRING ?? "UseDevelopmentStorage=true";
const { REPLICA = `${hostname()}:${process.pid}`, ADDRESS = `http://${hostname()}:8080` } = process.env;
const [ticks = "ticks.log"] = process.argv.slice(2);

const mutex = new AzureMutex({ connectionString, containerName: "azmutex-examples" });
const election = new LeaderElection(mutex, "scheduler", {
  candidate: REPLICA,
  data: ADDRESS,
  leaseSeconds: 15,
  // The next leader is not needed within milliseconds, and nine replicas ask day and night.
  poll: { quickForMs: 0, steadyMs: [1_000, 2_000] },
});

const stop = new AbortController();
const { signal } = stop;
for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop.abort());

try {
  await Promise.all([election.run(schedule, { signal, onError: complain }), follow()]);
} catch (error) {
  // Told to stop: leadership is being given back, and with that done nothing keeps this process.
  if (!signal.aborted) throw error;
}

/** What the leader does until it is told to stop or leads no longer. It returns then, and `run` does the rest. */
async function schedule(leadership: Leadership): Promise<void> {
  console.log(`leading in term ${leadership.term}`);
  while (!leadership.signal.aborted) {
    // By the clock: after a stall of this process the signal may be late.
    leadership.assertHeld();
    tick(leadership.term);
    await sleep(TICK_MS, undefined, { signal: leadership.signal }).catch(() => undefined);
  }
}

/**
 * Stands for the jobs that are due. Whatever they write to can refuse a term lower than one it saw: see fenced-row.ts.
 */
function tick(term: number): void {
  appendFileSync(ticks, `${JSON.stringify({ term, replica: REPLICA, at: Date.now() })}\n`);
}

/** Every replica knows who leads, and could send requests there. */
async function follow(): Promise<void> {
  for await (const leader of election.observe({ signal, everyMs: 5_000 })) {
    console.log(leader ? `${leader.candidate} leads in term ${leader.term}, at ${leader.data}` : "there is no leader");
  }
}

/** What went wrong while campaigning or leading. `run` goes on by itself, after a pause that grows. */
function complain(error: unknown): void {
  console.error(error instanceof Error ? error.message : error);
}
