import { spawnSync } from "node:child_process";
import { chownSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it, type TestContext } from "vitest";
import { FaultProxy } from "../../lab/shared/wire/fault-proxy.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import { run, type Script } from "../support/script.ts";
import { newDirectory } from "../support/state-place.ts";

const emulator = await startEmulator();
afterAll(() => emulator.close());

/** A waiter that has the lock before that was told of its release. */
const IDLE_POLL_MS = 300_000;
/** Longer than a waiter ever pauses that nothing wakes. */
const USUAL_POLL_MS = 1_500;
const OTHER_USER = 65_534;

/** Processes that lock one key and have a directory in common. */
class Room {
  readonly directory: string;
  readonly key = crypto.randomUUID();
  readonly test: TestContext;

  constructor(test: TestContext) {
    this.test = test;
    this.directory = newDirectory(test);
  }

  /** Runs the module with `own`, a mutex with the channel, `locker` and `channel` at hand. */
  process(code: string, connectionString: string = emulator.connectionString): Script {
    const options = { containerName: "locks", idlePollMs: IDLE_POLL_MS };
    const script = run(
      connectionString,
      `import { localWakeUps } from "azmutex";
      const channel = localWakeUps({ directory: ${JSON.stringify(this.directory)} });
      const options = { connectionString: process.env.STORAGE, ...${JSON.stringify(options)} };
      const own = new AzureMutex({ ...options, wakeUps: channel, log: (line) => console.log(line) });
      const locker = own.locker(${JSON.stringify(this.key)});
      const told = (text) => new Promise((resolve) => process.on("SIGUSR2", resolve)).then(() => console.log(text));
      ${code}`,
    );
    this.test.onTestFinished(() => void script.child.kill("SIGKILL"));
    return script;
  }

  /** Holds the lock until SIGUSR2, and ends by itself. */
  holder(connectionString?: string): Script {
    return this.process(
      `const lock = await locker.lock(); const stay = setInterval(() => undefined, 1_000);
      console.log("held"); await told("releases"); await lock.release(); clearInterval(stay);`,
      connectionString,
    );
  }

  /** Waits for the lock, says what brought it, and ends by itself once it had it. */
  waiter(connectionString?: string): Script {
    return this.process(
      `locker.on("acquired", ({ wokenBy, gapMs }) => console.log("by", wokenBy, gapMs));
      await locker.run(() => console.log("took it"));`,
      connectionString,
    );
  }

  /** Waits until these, and no others, have a socket and a topic there. */
  async hasOnly(...scripts: readonly Script[]): Promise<void> {
    const pids = scripts.map(({ child }) => child.pid).sort();
    const listening = (): number[] =>
      readdirSync(this.directory).map((id) =>
        readdirSync(join(this.directory, id)).length === 2 ? Number.parseInt(id, 10) : 0,
      );
    await this.test.expect.poll(() => quietly(listening)?.sort()).toEqual(pids);
  }
}

/** Undefined while a directory goes or comes. */
function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

/** Resolves once no waiter has polled for so long as none pauses whose holder has not answered. */
async function idle(proxy: FaultProxy): Promise<number> {
  for (let polls = -1; polls !== proxy.count("acquire"); ) {
    polls = proxy.count("acquire");
    await new Promise((resolve) => setTimeout(resolve, USUAL_POLL_MS));
  }
  return proxy.count("acquire");
}

describe.concurrent("processes with local wake-ups", () => {
  it("hand a lock on by messages, end by themselves, and leave nothing behind", async (test) => {
    const room = new Room(test);
    const proxy = await FaultProxy.start(emulator);
    test.onTestFinished(() => proxy.close());
    // To the same address: what they talk about has its name.
    const holder = room.holder(proxy.connectionString);
    await holder.printed("held");
    const waiter = room.waiter(proxy.connectionString);
    await room.hasOnly(holder, waiter);
    for (const name of readdirSync(room.directory))
      expect(statSync(join(room.directory, name)).mode & 0o777, name).toBe(0o700);
    const polls = await idle(proxy);
    const toldAt = performance.now();
    holder.child.kill("SIGUSR2");
    await waiter.printed("took it");
    const [, by, gap] = /^by (\w+) (\S+)$/m.exec(waiter.output()) ?? [];
    // After a first message that came too early, a poll may be quicker than the second.
    expect(by).toMatch(/^(?:message|poll)$/);
    if (gap !== "undefined") {
      expect(Number(gap)).toBeGreaterThan(0);
      expect(Number(gap)).toBeLessThan(performance.now() - toldAt);
    }
    expect(proxy.count("acquire") - polls).toBeLessThanOrEqual(2);
    for (const { ended } of [holder, waiter]) expect(await ended).toMatchObject({ code: 0 });
    expect(readdirSync(room.directory)).toEqual([]);
  });

  it("go on without those that are killed or stopped, and find each other again in a new directory", async (test) => {
    const room = new Room(test);
    const holder = room.holder();
    await holder.printed("held");
    const killed = room.waiter();
    await room.hasOnly(holder, killed);
    killed.child.kill("SIGKILL");
    const [stopped, waiter] = [room.waiter(), room.waiter()];
    await room.hasOnly(holder, stopped, waiter);
    rmSync(room.directory, { recursive: true });
    await room.hasOnly(holder, stopped, waiter);
    stopped.child.kill("SIGSTOP");
    holder.child.kill("SIGUSR2");
    await waiter.printed("took it");
    for (const { ended } of [holder, waiter]) expect(await ended).toMatchObject({ code: 0 });
    stopped.child.kill("SIGCONT");
    await stopped.printed("took it");
    expect(await stopped.ended).toMatchObject({ code: 0 });
    expect(readdirSync(room.directory)).toEqual([]);
  });

  it("are not kept alive by one that reads nothing", async (test) => {
    const room = new Room(test);
    const deaf = room.process(
      `await channel.subscribe("0f".repeat(32), () => undefined); setInterval(() => undefined, 1_000);
      console.log("listens");`,
    );
    await deaf.printed("listens");
    deaf.child.kill("SIGSTOP");
    const speaker = room.process(
      `for (let turns = 0; turns < 60; turns += 1) {
        await Promise.all(Array.from({ length: 50 }, () => channel.publish("0f".repeat(32), "~".repeat(200))));
        await new Promise((resolve) => setImmediate(resolve));
      }
      console.log("said");`,
    );
    await speaker.printed("said");
    expect(await speaker.ended).toMatchObject({ code: 0 });
  });

  it("say once of a directory that is refused what is wrong with it, and poll", async (test) => {
    const room = new Room(test);
    rmSync(room.directory, { recursive: true });
    const script = room.process(`
      import { symlinkSync } from "node:fs";
      symlinkSync("/tmp", ${JSON.stringify(room.directory)});
      for (let turn = 0; turn < 3; turn += 1) await locker.run(() => console.log("took it"));`);
    await script.ended;
    const line = `the channel of wake-ups fails (${room.directory}: it is a symbolic link): waiters poll meanwhile`;
    expect(script.output().split("\n").sort()).toEqual(["", line, "took it", "took it", "took it"]);
  });
});

/** Only root can be another user. */
describe.runIf(process.geteuid?.() === 0)("another user", () => {
  it("can neither listen nor speak, nor have a directory that is taken for this user's", async (test) => {
    const room = new Room(test);
    const listener = room.process(
      `await channel.subscribe("0f".repeat(32), (message) => console.log("heard", message));
      console.log("listens"); setInterval(() => undefined, 1_000);`,
    );
    await listener.printed("listens");
    const [id = ""] = readdirSync(room.directory);
    const stranger = spawnSync(
      process.execPath,
      [
        "--eval",
        `const { connect, createServer } = require("node:net");
        const { mkdirSync, readdirSync } = require("node:fs");
        const say = (error) => console.log(error?.code ?? "done");
        const attempt = (act) => { try { act(); say(); } catch (error) { say(error); } };
        attempt(() => readdirSync(process.env.DIRECTORY));
        attempt(() => mkdirSync(process.env.DIRECTORY + "/1-0123456789abcdef"));
        connect(process.env.MEMBER + "/socket").on("error", say).on("connect", () => say());
        createServer().on("error", say).on("listening", () => say()).listen(process.env.MEMBER + "/mine");`,
      ],
      {
        env: { DIRECTORY: room.directory, MEMBER: join(room.directory, id) },
        uid: OTHER_USER,
        gid: OTHER_USER,
        cwd: "/",
        encoding: "utf8",
      },
    );
    expect(stranger.stdout.trim().split("\n")).toEqual(["EACCES", "EACCES", "EACCES", "EACCES"]);
    listener.child.kill("SIGKILL");
    chownSync(room.directory, OTHER_USER, OTHER_USER);
    const refused = room.process(
      `await channel.publish("0f".repeat(32), "released").catch(({ message }) => console.log(message));`,
    );
    await refused.ended;
    expect(refused.output()).toBe(`${room.directory}: it belongs to another user\n`);
  });
});
