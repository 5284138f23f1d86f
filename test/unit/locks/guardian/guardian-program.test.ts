import { EventEmitter } from "node:events";
import { StringDecoder } from "node:string_decoder";
import { describe, expect, it } from "vitest";
import { GUARDIAN_PROGRAM, type GuardianNews } from "../../../../src/locks/guardian/guardian-program.ts";
import { FakeClock, MemoryLeaseStore } from "../../../../src/testing/index.ts";
import type { Timer } from "../../../../src/time/clock.ts";

const PARENT = { pid: 4_711, startedAt: 1_234_567 };
const REAPER = 1;
const OWN_PID = 17;
/** Longer than any rest between two looks, and the tries of a release. In milliseconds. */
const SOON_MS = 3_000;
const LEASE_MS = 30_000;

/** The id of a lease, by the one letter of its key. */
const idOf = (key: string): string => `000000${key.charCodeAt(0).toString(16)}-0000-4000-8000-000000000000`;
const NEXT = "00000000-0000-4000-8000-000000000001";

/** The program in this very process: with a clock, a parent and a service that the test has at hand. */
class ProgramRun {
  readonly clock = new FakeClock();
  readonly store = new MemoryLeaseStore({ clock: this.clock, containerExists: true });
  readonly stdin = Object.assign(new EventEmitter(), { setEncoding: () => this.stdin });
  /** On Linux the program reads the pipe itself: where the next part of it goes. */
  #read: { readonly into: Buffer; readonly done: (error: object | null, size: number) => void } | undefined;
  /** What each release was answered with. */
  readonly answers: (number | "none")[] = [];
  /** How many more requests are not answered. */
  failures = 0;
  hasExited = false;
  /** What the system says. */
  platform = "linux";
  ppid: number = PARENT.pid;
  kill: "exists" | "ESRCH" | "EPERM" = "exists";
  /** Of the parent, as /proc has it; undefined where it has nothing. */
  stat: { state: string; threads: number; startedAt: number } | undefined = {
    state: "S",
    threads: 11,
    startedAt: PARENT.startedAt,
  };

  constructor(system: Partial<Pick<ProgramRun, "platform" | "ppid" | "kill" | "stat">> = {}) {
    Object.assign(this, system);
    const setTimer = (callback: () => void, ms: number): Timer => this.clock.setTimer(ms, callback);
    const cancel = (timer?: Timer): void => timer?.cancel();
    const performance = { now: () => this.clock.now() };
    new Function("process", "performance", "setTimeout", "clearTimeout", GUARDIAN_PROGRAM)(
      this.#process(),
      performance,
      setTimer,
      cancel,
    );
  }

  tell(news: Partial<GuardianNews>): void {
    this.#input(`${JSON.stringify({ stand: [], gone: [], ...news })}\n`);
  }

  /** The service grants the lease, and the program is told of it. */
  async lease(key: string, ms: number | null = LEASE_MS, { isUnsure = false } = {}): Promise<void> {
    const id = idOf(key);
    await this.store.create(key, {});
    if (!isUnsure) await this.store.acquire(key, id, ms === null ? "infinite" : ms / 1_000);
    const stand = [{ id, request: { url: `http://service/${key}`, headers: { id } }, ms, isUnsure }];
    this.tell({ parent: PARENT, stand });
  }

  /** The parent is dead, as Linux tells it. */
  die(): void {
    this.ppid = REAPER;
    this.kill = "ESRCH";
    this.stat = undefined;
    this.endInput();
  }

  endInput(): void {
    if (this.#read) this.#input("");
    else this.stdin.emit("end");
  }

  /** Its next part; the last one is empty. */
  #input(text: string): void {
    if (!this.#read) {
      this.stdin.emit("data", text);
      return;
    }
    const { into, done } = this.#read;
    this.#read = undefined;
    done(null, into.write(text));
  }

  #process(): object {
    const system = this;
    const builtins: Record<string, object> = {
      "node:fs": {
        readFileSync: (file: string) => system.#readFile(file),
        read: (
          _: number,
          into: Buffer,
          ...rest: [number, number, null, (error: object | null, size: number) => void]
        ) => {
          system.#read = { into, done: rest[3] };
        },
      },
      "node:string_decoder": { StringDecoder },
      "node:http": {
        Agent: class {
          destroy(): void {}
        },
        request: this.#request,
      },
    };
    return {
      on: () => undefined,
      pid: OWN_PID,
      versions: {},
      stdin: this.stdin,
      getBuiltinModule: (name: string) => builtins[name],
      get platform() {
        return system.platform;
      },
      get ppid() {
        return system.ppid;
      },
      kill(pid: number, signal: number | string) {
        if (pid === OWN_PID && signal === "SIGKILL") {
          system.hasExited = true;
          return;
        }
        expect([pid, signal]).toEqual([PARENT.pid, 0]);
        if (system.kill !== "exists") throw Object.assign(new Error(system.kill), { code: system.kill });
      },
      exit: () => {
        system.hasExited = true;
      },
    };
  }

  #readFile(file: string): string {
    const rest = (state: string, parent: number, threads: number, startedAt: number) =>
      `17 (a ) name) ${state} ${parent} 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 ${threads} 0 ${startedAt} 0`;
    if (this.platform === "linux" && file === "/proc/self/stat") return rest("S", this.ppid, 7, 5);
    if (this.platform === "linux" && this.stat) {
      const { state, threads, startedAt } = this.stat;
      return rest(state, REAPER, threads, startedAt);
    }
    throw Object.assign(new Error("ENOENT"), { code: "ENOENT" });
  }

  /** As `request` of `node:http`. */
  readonly #request = (url: string, { headers }: { headers: { id: string } }, onAnswer: (answer: object) => void) => {
    const sent = Object.assign(new EventEmitter(), {
      destroy: () => undefined,
      end: async () => {
        if (this.failures > 0) {
          this.failures -= 1;
          this.answers.push("none");
          sent.emit("error", new Error("reset"));
          return;
        }
        const { kind } = await this.store.release(new URL(url).pathname.slice(1), headers.id);
        const statusCode = kind === "released" ? 200 : 409;
        this.answers.push(statusCode);
        onAnswer({ statusCode, headers: { "x-ms-request-id": "1" }, resume: () => undefined });
      },
    });
    return sent;
  };
}

const LIVES = { state: "S", threads: 11, startedAt: PARENT.startedAt };

describe("a guardian", () => {
  it.each([
    ["is its parent still", {}],
    ["is its parent still, and stopped", { stat: { ...LIVES, state: "T" } }],
    ["is its parent still, and its first thread has ended", { stat: { ...LIVES, state: "Z", threads: 3 } }],
    ["is its parent still, whatever else is said", { kill: "ESRCH" as const, stat: undefined }],
    ["is its parent still, by another system's word", { platform: "darwin" }],
    ["is not its parent, and runs", { ppid: REAPER }],
    ["is not its parent, and has threads that run", { ppid: REAPER, stat: { ...LIVES, state: "Z", threads: 2 } }],
    ["is not its parent, and cannot be told from another one", { ppid: REAPER, stat: undefined }],
    ["exists on Windows, which names the parent of before", { platform: "win32", ppid: PARENT.pid }],
    ["exists on Windows, and is another user's", { platform: "win32", kill: "EPERM" as const }],
  ])("releases nothing while the process %s, though the pipe has ended", async (_, system) => {
    const run = new ProgramRun(system);
    await run.lease("a", null);
    run.endInput();
    await run.clock.advance(100_000);
    expect([run.answers, run.hasExited]).toEqual([[], false]);
  });

  it.each([
    ["there is no such process", { kill: "ESRCH" as const, stat: undefined }],
    ["there is a process of that pid which was started at another time", { stat: { ...LIVES, startedAt: 9_999_999 } }],
    ["it is a zombie without a thread", { stat: { ...LIVES, state: "Z", threads: 1 } }],
    ["it is dead", { stat: { ...LIVES, state: "X", threads: 0 } }],
    ["/proc is not for this user's eyes", { kill: "EPERM" as const, stat: undefined }],
  ])("releases when the parent is another one, and %s", async (_, system) => {
    const run = new ProgramRun();
    await run.lease("a", null);
    await run.clock.advance(SOON_MS);
    Object.assign(run, { ppid: REAPER, ...system });
    run.endInput();
    await run.clock.advance(0);
    expect([run.answers, run.hasExited]).toEqual([[200], true]);
  });

  it.each([
    ["darwin", { ppid: REAPER }],
    ["win32", { kill: "ESRCH" as const }],
  ])("releases on %s, too, by what there is to be asked", async (platform, dead) => {
    const run = new ProgramRun({ platform });
    await run.lease("a", null);
    await run.clock.advance(SOON_MS);
    Object.assign(run, dead);
    run.endInput();
    await run.clock.advance(0);
    expect([run.answers, run.hasExited]).toEqual([[200], true]);
  });

  it("releases where another process keeps the pipe open, and where the parent died before it was told", async () => {
    const open = new ProgramRun();
    await open.lease("a");
    Object.assign(open, { ppid: REAPER, kill: "ESRCH", stat: undefined });
    await open.clock.advance(SOON_MS);
    expect([open.answers, open.hasExited]).toEqual([[200], true]);
    const late = new ProgramRun({ ppid: REAPER, kill: "ESRCH", stat: undefined });
    await late.lease("a");
    late.endInput();
    await late.clock.advance(0);
    expect([late.answers, late.hasExited]).toEqual([[200], true]);
  });

  it("releases what stands at the death alone, and what it reads only then", async () => {
    const run = new ProgramRun();
    await run.lease("a");
    await run.lease("b");
    run.tell({ gone: [idOf("a")] });
    Object.assign(run, { ppid: REAPER, kill: "ESRCH", stat: undefined });
    await run.clock.advance(1_100);
    await run.lease("c");
    run.die();
    await run.clock.advance(SOON_MS);
    const states = await Promise.all(["a", "b", "c"].map((key) => run.store.read(key)));
    expect(states.map((found) => found.kind === "found" && found.blob.leaseState)).toEqual([
      "leased",
      "available",
      "available",
    ]);
    expect(run.hasExited).toBe(true);
  });

  it("tries again what is not answered, four times, while the lease can stand", async () => {
    const run = new ProgramRun();
    await run.lease("a");
    run.failures = 2;
    run.die();
    await run.clock.advance(SOON_MS);
    expect([run.answers, run.hasExited]).toEqual([["none", "none", 200], true]);
    const silent = new ProgramRun();
    await silent.lease("a");
    silent.failures = 99;
    silent.die();
    await silent.clock.advance(SOON_MS);
    expect([silent.answers.length, silent.hasExited]).toEqual([4, true]);
  });

  it("releases once more where an acquire was on its way", async () => {
    const run = new ProgramRun();
    await run.lease("a", LEASE_MS, { isUnsure: true });
    run.die();
    await run.clock.advance(500);
    expect([run.answers, run.hasExited]).toEqual([[409], false]);
    await run.store.acquire("a", idOf("a"), 30);
    await run.clock.advance(1_000);
    expect([run.answers, run.hasExited]).toEqual([[409, 200], true]);
  });

  it("never releases another's lease, however late it acts", async () => {
    const run = new ProgramRun();
    await run.lease("a", 15_000);
    await run.store.release("a", idOf("a"));
    await run.store.acquire("a", NEXT, 60);
    run.die();
    await run.clock.advance(SOON_MS);
    expect([run.answers, run.hasExited]).toEqual([[409], true]);
    expect(await run.store.read("a")).toMatchObject({ blob: { leaseState: "leased" } });
  });

  it("ends with the pipe when nothing is left, and when the leases have run out of a process that lives", async () => {
    const idle = new ProgramRun();
    idle.tell({ parent: PARENT });
    await idle.clock.advance(100_000);
    expect(idle.hasExited).toBe(false);
    idle.endInput();
    expect(idle.hasExited).toBe(true);
    const open = new ProgramRun();
    await open.lease("a", 15_000);
    open.endInput();
    await open.clock.advance(15_000);
    expect(open.hasExited).toBe(false);
    await open.clock.advance(10_000);
    expect([open.answers, open.hasExited]).toEqual([[], true]);
  });
});
