import { setTimeout as sleep } from "node:timers/promises";
import type { Program } from "./program.ts";
import { endedBy, names, type Show, type Stage } from "./show.ts";

const LOOK_EVERY_MS = 100;

/** What a probe sees. */
export async function statusOf(replica: Program, path: string, signal?: AbortSignal): Promise<number> {
  const line = await replica.printed(/^listening at \d+$/);
  const { status } = await fetch(`http://127.0.0.1:${line.split(" ").at(-1)}${path}`, { ...(signal && { signal }) });
  return status;
}

/** The replica that a Service would find, once there is one. */
export async function readyOne(replicas: readonly Program[], { signal }: Pick<Stage, "signal">): Promise<Program> {
  for (;;) {
    for (const replica of replicas) if ((await statusOf(replica, "/readyz", signal)) === 200) return replica;
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}

export const leader: Show = {
  summary: "`LeaderElection`: three replicas as in Kubernetes, of which only the leader is ready",
  notice: "the leader is told to end, and another is ready after it",
  async play({ signal, say, start }) {
    const replicas = names("pod", 3).map((name) => start("leader", name, { env: { POD_NAME: name, PORT: "0" } }));
    const first = await readyOne(replicas, { signal });
    say(`${first.name} leads, and is ready`);
    first.kill("SIGTERM");
    await endedBy(first, "SIGTERM");
    const others = replicas.filter((replica) => replica !== first);
    const next = await readyOne(others, { signal });
    say(`${next.name} leads, and is ready`);
    const statuses = await Promise.all(others.map((replica) => statusOf(replica, "/livez", signal)));
    if (statuses.some((status) => status !== 200)) throw new Error(`not all are alive: ${statuses}`);
    for (const replica of others) replica.kill("SIGTERM");
    for (const replica of others) await endedBy(replica, "SIGTERM");
    return "one leader after the other was ready, and all ended by SIGTERM";
  },
};
