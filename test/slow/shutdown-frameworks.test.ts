import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { AccountSASPermissions, BlobServiceClient } from "@azure/storage-blob";
import { afterAll, describe, expect, it } from "vitest";
import { AzureMutex } from "../../src/locks/azure-mutex.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import { PROJECT } from "../support/sources.ts";

const emulator = await startEmulator();
afterAll(() => emulator.close());
const mutex = new AzureMutex({ connectionString: emulator.connectionString, containerName: "locks" });

interface Program {
  readonly child: ChildProcess;
  /** Resolves when it holds its lock and works. */
  readonly works: Promise<void>;
  /** Resolves with the signal that ended it, or its exit code, once its children have ended, too. */
  readonly ended: Promise<string | number>;
  output(): string;
}

let keys = 0;

/** One of the programs beside this file, each of which uses a package that listens to signals, as users have it. */
function start(name: string, env: Readonly<Record<string, string>> = {}): Program & { readonly key: string } {
  keys += 1;
  const key = `${name} ${keys}`;
  const child = spawn(process.execPath, [join(PROJECT, `test/slow/programs/${name}.mjs`)], {
    env: { ...process.env, STORAGE: emulator.connectionString, KEY: key, ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  let output = "";
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new Error("its output is not to be had");
  const ended = once(child, "close").then(([code, signal]) => signal ?? code);
  const works = new Promise<void>((resolve, reject) => {
    for (const stream of [stdout, stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        if (output.includes("at work")) resolve();
      });
    }
    ended.then(() => reject(new Error(`it ended before it worked:\n${output}`)));
  });
  return { key, child, works, ended, output: () => output };
}

/**
 * Sends it the signal once it works. It ends by that, and its lock is free at once, long before its lease would have
 * run out.
 */
async function expectEnd(program: ReturnType<typeof start>, signal: "SIGTERM" | "SIGINT" = "SIGTERM"): Promise<void> {
  await program.works;
  program.child.kill(signal);
  expect(await program.ended, program.output()).toBe(signal);
  expect(await mutex.inspect(program.key), program.output()).toMatchObject({ isHeld: false });
}

const whenWorkIsDone = "at work\nwork done, alone: true\nreleased\n";

describe("releaseOnSignals beside a framework", () => {
  it.each([
    ["nest", 50, 1_000],
    ["nest", 1_000, 2_000],
    ["terminus", 50, 1_000],
    ["terminus", 1_000, 2_000],
  ])(
    "%s that closes in %i ms ends when work of %i ms is done and its lock released",
    async (name, closesInMs, endsInMs) => {
      const program = start(name, { CLOSES_IN_MS: `${closesInMs}`, WORK_ENDS_IN_MS: `${endsInMs}` });
      await expectEnd(program);
      expect(program.output()).toBe("at work\nclosed\nwork done, alone: true\nreleased\n");
    },
  );

  it.each(["nest", "terminus"])("%s that takes longer than the work decides when the process ends", async (name) => {
    const program = start(name, { CLOSES_IN_MS: "2000", WORK_ENDS_IN_MS: "100" });
    await expectEnd(program, "SIGINT");
    expect(program.output()).toBe(`${whenWorkIsDone}closed\n`);
  });

  it("nest that is started after it", async () => {
    const program = start("nest", { FIRST: "azmutex", CLOSES_IN_MS: "1000", WORK_ENDS_IN_MS: "2000" });
    await expectEnd(program);
    expect(program.output()).toBe("at work\nclosed\nwork done, alone: true\nreleased\n");
  });
});

describe("releaseOnSignals beside signal-exit", () => {
  it.each([
    ["signal-exit", {}, `${whenWorkIsDone}closed null SIGTERM\n`],
    ["proper-lockfile", {}, whenWorkIsDone],
    ["proper-lockfile", { BOTH: "yes" }, `${whenWorkIsDone}closed null SIGTERM\n`],
  ])("in %s (%o) ends by the signal when everything is released", async (name, env, output) => {
    const program = start(name, { WORK_ENDS_IN_MS: "300", ...env });
    await expectEnd(program);
    expect(program.output()).toBe(output);
  });

  it("in execa ends by the signal, and execa ends its child", async () => {
    const program = start("execa", { WORK_ENDS_IN_MS: "300" });
    await expectEnd(program);
  });
});

describe("releaseOnSignals under pm2", () => {
  it("ends by SIGINT at its message, once everything is released", async () => {
    const program = start("pm2", { WORK_ENDS_IN_MS: "300" });
    await program.works;
    program.child.send("shutdown");
    expect(await program.ended, program.output()).toBe("SIGINT");
    expect(program.output()).toBe(whenWorkIsDone);
    expect(await mutex.inspect(program.key)).toMatchObject({ isHeld: false });
  });
});

describe("releaseOnSignals beside what calls process.exit while the work goes on", () => {
  /** Its lock is free at once, though its work had not ended. */
  async function expectExit(
    program: ReturnType<typeof start>,
    signal: "SIGTERM" | "SIGINT",
    code: number,
  ): Promise<void> {
    await program.works;
    program.child.kill(signal);
    expect(await program.ended, program.output()).toBe(code);
    const lock = await mutex.locker(program.key).tryLock();
    expect(lock, program.output()).toMatchObject({ isHeld: true });
    await lock?.release();
  }

  it.each([
    ["exit-hook", "SIGTERM", 143],
    ["exit-hook", "SIGINT", 130],
    ["close-with-grace", "SIGTERM", 0],
  ] as const)("%s ends by %s with its own code, %i, and the lock is free", async (name, signal, code) => {
    const program = start(name, { CLOSES_IN_MS: "300", WORK_ENDS_IN_MS: "60000" });
    await expectExit(program, signal, code);
    expect(program.output()).toBe("at work\nclosed\n");
  });

  it("close-with-grace that is sent the signal again exits at once with 1, and the lock is free", async () => {
    const program = start("close-with-grace", { CLOSES_IN_MS: "60000", WORK_ENDS_IN_MS: "60000" });
    await program.works;
    program.child.kill("SIGTERM");
    setTimeout(() => program.child.kill("SIGTERM"), 100);
    expect(await program.ended, program.output()).toBe(1);
    expect(await mutex.inspect(program.key)).toMatchObject({ isHeld: false });
  });

  it("a listener that exits at once ends the process with its code, and the lock is free", async () => {
    const program = start("process-exit", { WORK_ENDS_IN_MS: "60000" });
    await expectExit(program, "SIGTERM", 3);
    expect(program.output()).toBe("at work\nclosed 3\n");
  });

  it("a listener that throws ends the process with 1, and the lock is free", async () => {
    const program = start("process-exit", { WORK_ENDS_IN_MS: "60000" });
    await expectExit(program, "SIGINT", 1);
    expect(program.output()).toContain("a handler that fails");
    expect(program.output()).not.toContain("lapses by itself");
  });

  it("with a shared access signature, the lock is free as well", async () => {
    const service = BlobServiceClient.fromConnectionString(emulator.connectionString);
    const expiresOn = new Date(Date.now() + 3_600_000);
    const url = new URL(service.generateAccountSasUrl(expiresOn, AccountSASPermissions.parse("rwdlac"), "sco"));
    const program = start("process-exit", {
      WORK_ENDS_IN_MS: "60000",
      STORAGE: `BlobEndpoint=${emulator.url};SharedAccessSignature=${url.search.slice(1)}`,
    });
    await expectExit(program, "SIGTERM", 3);
    expect(program.output()).toBe("at work\nclosed 3\n");
  });

  it("where the service has gone, ends all the same within a few seconds, and says that the lock lapses", async () => {
    await using gone = await startEmulator();
    const program = start("process-exit", { WORK_ENDS_IN_MS: "60000", STORAGE: gone.connectionString });
    await program.works;
    await gone.close();
    program.child.kill("SIGTERM");
    expect(await program.ended, program.output()).toBe(3);
    const line = "log: SIGTERM: the process ends before everything is released; what is held lapses by itself";
    expect(program.output()).toBe(`at work\nclosed 3\n${line}\n`);
  });
});

describe("a framework whose hook closes the mutex", () => {
  it.each(["nest-hook", "terminus-hook", "fastify-hook"])(
    "%s ends by the signal with its lock released",
    async (name) => {
      const program = start(name);
      await expectEnd(program);
      expect(program.output()).toBe("at work\nclosed\n");
    },
  );
});
