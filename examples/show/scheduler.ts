import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { allSucceed, names, type Show } from "./show.ts";

const LOOK_EVERY_MS = 100;

/** What a leader leaves behind every second. */
export interface Tick {
  readonly term: number;
  readonly replica: string;
  /** By the machine's clock, in milliseconds since 1970. */
  readonly at: number;
}

export function ticksIn(file: string): Tick[] {
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  return lines.slice(0, -1).map((line) => JSON.parse(line));
}

export const scheduler: Show = {
  summary: "ten replicas, one leader: it is stopped, then the next one is killed",
  async play({ folder, signal, say, start }) {
    const file = join(folder, "ticks.log");
    const nextLeader = async (after: number): Promise<Tick> => {
      for (;;) {
        const last = ticksIn(file).at(-1);
        if (last && last.term > after) return last;
        await sleep(LOOK_EVERY_MS, undefined, { signal });
      }
    };
    let replicas = names("replica", 10).map((name, index) =>
      start("scheduler", name, { args: [file], env: { REPLICA: name, ADDRESS: `http://10.0.0.${index + 1}:8080` } }),
    );
    let leader = await nextLeader(0);
    for (const end of ["SIGTERM", "SIGKILL"] as const) {
      const { replica, term } = leader;
      await Promise.all(
        replicas.map((follower) => follower.printed(new RegExp(`^${replica} leads in term ${term}, at http://10`))),
      );
      const [led, others] = [
        replicas.filter(({ name }) => name === replica),
        replicas.filter(({ name }) => name !== replica),
      ];
      for (const program of led) program.kill(end);
      const fate = end === "SIGTERM" ? "told to stop and resigns" : "killed, and its lease of 15 s has to run out";
      say(`all know ${replica}; it is ${fate}`);
      const began = performance.now();
      leader = await nextLeader(term);
      say(`${leader.replica} took over after ${((performance.now() - began) / 1_000).toFixed(1)} s`);
      if (end === "SIGTERM") await allSucceed(led);
      replicas = others;
    }
    await Promise.all(
      replicas.map((follower) => follower.printed(new RegExp(`^${leader.replica} leads in term ${leader.term},`))),
    );
    say("all know it, and all are told to stop");
    for (const replica of replicas) replica.kill("SIGTERM");
    await allSucceed(replicas);

    const terms = ticksIn(file).map(({ term }) => term);
    if (terms.some((term, index) => term < (terms[index - 1] ?? 0)))
      throw new Error(`an earlier leader ticked after a later one: ${terms}`);
    return `${terms.length} ticks under ${new Set(terms).size} leaders, one after the other`;
  },
};
