import { readFileSync } from "node:fs";
import { join } from "node:path";
import { allSucceed, names, type Show } from "./show.ts";

interface Note {
  readonly event: "begins" | "ends";
  /** In milliseconds, by the machine's clock. */
  readonly at: number;
}

/** How long the lock lay idle between two turns, in milliseconds. Throws if two overlap. */
export function gapsIn(file: string): number[] {
  const notes: Note[] = readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const wrong = notes.find(({ event }, index) => event !== (index % 2 === 0 ? "begins" : "ends"));
  if (wrong) throw new Error(`two workers had the lock at once, at ${wrong.at}`);
  return notes.flatMap(({ event, at }, index) =>
    event === "begins" && index > 0 ? at - (notes[index - 1]?.at ?? at) : [],
  );
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export const turns: Show = {
  summary: "`localWakeUps`, `fair`: workers of one machine take turns; the one that is done tells the next",
  notice: "how often each worker asks for a turn, and how long the lock is idle: when told, and when not",
  async play({ folder, say, start }) {
    const results: string[] = [];
    for (const told of ["told", "not"] as const) {
      const file = join(folder, `${told}.log`);
      const workers = names(told, 3).map((name) => start("turns", name, { args: [told, file] }));
      await allSucceed(workers);
      const asks = workers.flatMap(({ lines }) => lines.map((line) => Number(/asked (\d+) times/.exec(line)?.[1])));
      const idle = Math.round(median(gapsIn(file)));
      const result = `it asked ${median(asks)} times for a turn, and the lock was idle for ${idle} ms before it`;
      say(`${asks.length} turns; in the median ${result}`);
      results.push(result);
    }
    return `a worker that is told: ${results.join("; one that is not: ")}`;
  },
};
