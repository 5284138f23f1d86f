import { mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, it, type TestContext } from "vitest";
import { startEmulator } from "../../../src/testing/emulator.ts";
import { Cli } from "../cli.ts";
import { PROJECT } from "../sources.ts";
import { newDirectory } from "../state-place.ts";
import { type MessageServer, PASSWORD } from "./server.ts";

/** An address in a variable, and commands whose working directory has one client package. */
class Office {
  readonly key = crypto.randomUUID();
  readonly #test: TestContext;
  readonly #env: Record<string, string>;
  readonly #cwd: string;
  readonly #runs: Cli[] = [];

  constructor(test: TestContext, connectionString: string, url: string, client: string) {
    this.#test = test;
    this.#cwd = newDirectory(test);
    const place = join(this.#cwd, "node_modules", client);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(join(PROJECT, "node_modules", client), place);
    this.#env = {
      AZURE_STORAGE_CONNECTION_STRING: connectionString,
      AZURE_LOG_LEVEL: "info",
      AZMUTEX_WAKE_UPS: url,
      TMPDIR: this.#cwd,
    };
  }

  run(script: string): Cli {
    const cli = new Cli(this.#test, ["run", this.key, "--verbose", "--", "sh", "-c", script], {
      env: this.#env,
      cwd: this.#cwd,
      input: "open",
    });
    this.#runs.push(cli);
    return cli;
  }

  /** All that the commands have printed, and the command lines of their processes. */
  get seen(): string {
    return this.#runs.map(({ out, err, pid }) => [out, err, ...commandLinesBelow(pid)].join("\n")).join("\n");
  }
}

/** The command lines of a process and of all that it started. */
function commandLinesBelow(pid: number): string[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name)))
    parents.set(Number(entry), Number(/^PPid:\s*(\d+)/m.exec(read(`/proc/${entry}/status`))?.[1]));
  const isBelow = (one: number | undefined): boolean =>
    one === pid || (one !== undefined && one > 1 && isBelow(parents.get(one)));
  return [...parents.keys()].filter(isBelow).map((one) => read(`/proc/${one}/cmdline`));
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // It has ended.
    return "";
  }
}

type Start = () => Promise<MessageServer>;
type Emulator = Awaited<ReturnType<typeof startEmulator>>;

/** Within so many turns one is woken, however slow the machine is. */
const MOST_TURNS = 10;

/** What a test of commands has of a server, and of a service, which it starts. */
function startedForTests(start: Start) {
  const started = {} as { server: MessageServer; emulator: Emulator };
  beforeAll(async () => {
    [started.server, started.emulator] = await Promise.all([start(), startEmulator()]);
  });
  afterAll(async () => {
    await started.server?.[Symbol.asyncDispose]();
    await started.emulator?.close();
  });
  return started;
}

/** Commands that tell each other of releases over a server, by these client packages. */
export function describeWokenCommands(name: string, start: Start, clients: readonly string[]): void {
  const started = startedForTests(start);
  describe.concurrent(`commands whose channel goes over ${name}`, () => {
    it.for(clients)("are woken, and let no password be seen: %s", async (client, test) => {
      const office = new Office(test, started.emulator.connectionString, started.server.url, client);
      let holder = office.run("echo begun; read line");
      await holder.printed(/begun/);
      // One whose release comes before the holder has answered it may poll first.
      for (let turns = 0, isWoken = false; !isWoken; turns += 1) {
        test.expect(turns).toBeLessThan(MOST_TURNS);
        const waiter = office.run("echo begun; read line");
        await waiter.printed(/azmutex: waiting for/);
        test.expect(office.seen).not.toContain(PASSWORD);
        holder.type("\n");
        const [how] = await waiter.printed(/: acquired after .*\n/);
        isWoken = how.endsWith(", woken by a message\n");
        test.expect((await holder.ended).code).toBe(0);
        await waiter.printed(/begun/);
        holder = waiter;
      }
      holder.type("\n");
      test.expect((await holder.ended).code).toBe(0);
      test.expect(office.seen).not.toContain(PASSWORD);
      test.expect(office.seen).not.toContain("no wake-ups");
    });
  });
}

/** The same when the server is killed. */
export function describeCommandsInOutage(name: string, start: Start, clients: readonly string[]): void {
  const started = startedForTests(start);
  describe(`commands whose channel went over ${name}`, () => {
    it.for(clients)("wait and run without it when it dies, and say so in one line: %s", async (client, test) => {
      const office = new Office(test, started.emulator.connectionString, started.server.url, client);
      const holder = office.run("echo begun; read line");
      await holder.printed(/begun/);
      await started.server.kill();
      try {
        const waiter = office.run("echo begun; read line");
        await waiter.printed(/azmutex: no wake-ups from 127\.0\.0\.1:\d+ \(\w+\): azmutex polls meanwhile\n/);
        await waiter.printed(/azmutex: waiting for/);
        holder.type("\n");
        await waiter.printed(/begun/);
        waiter.type("\n");
        for (const { ended } of [holder, waiter]) test.expect((await ended).code).toBe(0);
        test.expect(waiter.err).toMatch(/: acquired after \d+ ms, found free by a poll\n/);
        for (const { err } of [holder, waiter]) test.expect(err.match(/no wake-ups/g)).toHaveLength(1);
        test.expect(office.seen).not.toContain(PASSWORD);
      } finally {
        await started.server.start();
      }
    });
  });
}
