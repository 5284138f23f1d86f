import { setTimeout as sleep } from "node:timers/promises";
import { allSucceed, names, type Show } from "./show.ts";

const READ_EVERY_MS = 1_000;

export const config: Show = {
  summary: "`ReaderWriterLock`: two files that belong together, read by many and rewritten by one",
  notice: "no reader sees servers of one version with shares of another; `cached` where no write came since",
  async play({ folder, signal, say, start }) {
    const add = (name: string, server: string) => start("config", name, { args: ["add", server, folder] });
    const readers = names("reader", 4).map((name) =>
      start("config", name, { args: ["read", folder], env: { READ_EVERY_MS: String(READ_EVERY_MS) } }),
    );
    const all = (pattern: RegExp) => Promise.all(readers.map((reader) => reader.printed(pattern)));
    await all(/^version 0/);
    await allSucceed(names("writer", 3).map((name, index) => add(name, `server-${index + 1}`)));
    await all(/^version 3/);
    await all(/^version 3.*\(cached\)/);

    const killed = add("writer-4", "server-4");
    await killed.printed(/^wrote servers\.json/);
    killed.kill("SIGKILL");
    say("writer-4 is killed between its two files; its guardian gives the lock back, and all see what is half-written");
    await all(/^still at version 3: half-written/);
    await allSucceed([add("writer-5", "server-5")]);
    await all(/^version 5/);
    await sleep(2 * READ_EVERY_MS, undefined, { signal });
    for (const reader of readers) reader.kill("SIGTERM");
    await allSucceed(readers);
    const reads = readers.flatMap(({ lines }) => lines.filter((line) => line.startsWith("version")));
    const cached = reads.filter((line) => line.endsWith("(cached)")).length;
    return (
      `${reads.length} reads, ${cached} of them from the cache, none of them half-written; ` +
      "the killed writer's half was never taken for whole"
    );
  },
};
