import { readFileSync } from "node:fs";
import { join } from "node:path";
import { allSucceed, names, type Show } from "./show.ts";

interface Note {
  readonly event: "begins" | "ends";
  /** In milliseconds, by the machine's clock. */
  readonly at: number;
}

/** How long the lock lay idle between two turns, in milliseconds, shortest first. Throws if two overlap. */
export function gapsIn(file: string): number[] {
  const notes: Note[] = readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const wrong = notes.find(({ event }, index) => event !== (index % 2 === 0 ? "begins" : "ends"));
  if (wrong) throw new Error(`two workers had the lock at once, at ${wrong.at}`);
  const gaps = notes.flatMap(({ event, at }, index) =>
    event === "begins" && index > 0 ? at - (notes[index - 1]?.at ?? at) : [],
  );
  return gaps.sort((a, b) => a - b);
}

export const turns: Show = {
  summary: "workers of one machine take turns; told by the one before, they begin sooner than by polling",
  async play({ folder, say, start }) {
    const medians: string[] = [];
    for (const told of ["told", "not"] as const) {
      const file = join(folder, `${told}.log`);
      await allSucceed(names(told, 4).map((name) => start("turns", name, { args: [told, file] })));
      const gaps = gapsIn(file);
      const median = `${Math.round(gaps[Math.floor(gaps.length / 2)] ?? 0)} ms`;
      say(`${gaps.length + 1} turns; in the median the next one began ${median} after the last one was done`);
      medians.push(median);
    }
    const [toldMedian, otherMedian] = medians;
    return `the lock lay idle for ${toldMedian} between two turns when told, and for ${otherMedian} when polled for`;
  },
};
