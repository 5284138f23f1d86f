// A configuration in two files that belong together, read by many processes and rewritten by one at a time. Renaming
// makes the change of one file atomic; for two, readers and writers have to keep out of each other's way.
//
//   npm run example -- config                                readers and writers at once, one writer killed half-way
//   node build/examples/config.js read [folder]              reads every 5 s until SIGTERM or Ctrl-C; READ_EVERY_MS
//                                                            says otherwise
//   node build/examples/config.js add <server> [folder]      writes the next version
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AzureMutex, type Lock, ReaderWriterLock } from "azmutex";

interface Config {
  readonly version: number;
  readonly servers: readonly string[];
  /** What part of the requests each of the servers gets. */
  readonly shares: readonly number[];
}

const READ_EVERY_MS = Number(process.env.READ_EVERY_MS ?? 5_000);
/** Stands for the time that a real upload takes. */
const UPLOAD_MS = 500;

const connectionString = process.env.AZURE_STORAGE_CONNECTION_STRING ?? "UseDevelopmentStorage=true";
const [command, ...rest] = process.argv.slice(2);
// The guardian, a small process, gives the lock of a writer that is killed back at once.
const guardian = command === "add";
const mutex = new AzureMutex({ connectionString, containerName: "azmutex-examples", guardian });
const lock = new ReaderWriterLock(mutex, "config", { leaseSeconds: 15 });

const [server, folder = "."] = command === "add" ? rest : [undefined, ...rest];
if (command === "read") await keepReading();
else if (server) await lock.write.run((held) => add(server, held));
else {
  console.error("usage: config read [folder] | config add <server> [folder]");
  process.exitCode = 2;
}

async function keepReading(): Promise<void> {
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop.abort());
  const { signal } = stop;
  let cached: { readonly token: number | undefined; readonly config: Config } | undefined;
  while (!signal.aborted) {
    try {
      // What was read counts only once `run` has resolved: it rejects if the lock was lost meanwhile.
      const read = await lock.read.run(
        async ({ fencingToken: token }) => {
          // The token is that of the last write. No write came since: what we have is what is there.
          return cached && cached.token === token ? cached : { token, config: await load() };
        },
        { signal },
      );
      const { version, servers } = read.config;
      console.log(`version ${version}: ${servers.join(" ") || "no servers"}${read === cached ? " (cached)" : ""}`);
      cached = read;
    } catch (error) {
      if (!signal.aborted)
        console.error(
          `still at version ${cached?.config.version ?? "none"}: ${error instanceof Error ? error.message : error}`,
        );
    }
    await sleep(READ_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function load(): Promise<Config> {
  const [first, second] = await Promise.all([parse("servers.json"), parse("shares.json")]);
  // A lock keeps others away from a writer at work. It cannot finish the work of one that died.
  if (first.version !== second.version)
    throw new Error(`half-written: servers of version ${first.version}, shares of ${second.version}`);
  return { version: first.version, servers: first.servers, shares: second.shares };
}

/** Writes the next version. Builds on the first file alone, and so repairs what a writer who died has left. */
async function add(server: string, held: Lock): Promise<void> {
  const { version: last, servers: present } = await parse("servers.json");
  const version = last + 1;
  const servers = [...present, server];
  held.assertHeld();
  await replace("servers.json", { version, servers });
  console.log("wrote servers.json");
  await sleep(UPLOAD_MS, undefined, { signal: held.signal });
  held.assertHeld();
  await replace("shares.json", { version, shares: servers.map(() => 1 / servers.length) });
  console.log(`wrote version ${version} under token ${held.fencingToken}`);
}

/** Whole or not at all, if the writer dies. */
async function replace(name: string, content: Partial<Config>): Promise<void> {
  const draft = join(folder, `${name}.draft`);
  await writeFile(draft, JSON.stringify(content));
  await rename(draft, join(folder, name));
}

async function parse(name: string): Promise<Config> {
  const text = await readFile(join(folder, name), "utf8").catch((error) => {
    if (error.code === "ENOENT") return "{}";
    throw error;
  });
  return { version: 0, servers: [], shares: [], ...JSON.parse(text) };
}
