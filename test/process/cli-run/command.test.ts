import { randomUUID } from "node:crypto";
import { ContainerClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import { describe, it } from "vitest";
import { CLI, type CliOptions } from "../../support/cli.ts";
import { emulator, inShell, runShell, start } from "./run.ts";

const container = new ContainerClient(
  `${emulator.url}/locks`,
  new StorageSharedKeyCredential(emulator.accountName, emulator.accountKey),
  {
    retryOptions: { maxTries: 1 },
  },
);

describe.concurrent("azmutex run", () => {
  it.for([
    { script: "exit 0", code: 0 },
    { script: "exit 255", code: 255 },
    { script: "kill -KILL $$", code: 137 },
  ])("ends with $code for a job that does: $script", async ({ script, code }, test) => {
    test.expect(await runShell(test, script).ended).toMatchObject({ code, signal: null, out: "", err: "" });
  });

  it("tells the command its key, a token that grows and the id of the lease", async (test) => {
    const key = randomUUID();
    const script = 'echo "$AZMUTEX_KEY $AZMUTEX_TOKEN $AZMUTEX_LEASE_ID"';
    const first = await runShell(test, script, { args: [key] }).ended;
    const second = runShell(test, `${script}; read -r _`, { args: [key], input: "open" });
    const facts = (out: string): string[] => out.trim().split(" ");
    const [itsKey, token, id = ""] = facts((await second.printed(/^(?!azmutex:).*\n/m))[0]);
    test.expect(itsKey).toBe(key);
    test.expect(Number(token)).toBeGreaterThan(Number(facts(first.out)[1]));

    // The service knows it: with this id it accepts a write, and with another it does not.
    const blob = container.getBlockBlobClient(key);
    await blob.setHTTPHeaders({}, { conditions: { leaseId: id } });
    await test
      .expect(blob.setHTTPHeaders({}, { conditions: { leaseId: randomUUID() } }))
      .rejects.toMatchObject({ statusCode: 412 });
    second.type("\n");
    test.expect(await second.ended).toMatchObject({ code: 0 });
  });

  it("tells the command its slot, and nothing of a lock around it", async (test) => {
    const script = "env | grep ^AZMUTEX_ | cut -d= -f1 | sort | xargs";
    const inner = (options: string): string =>
      `"${process.execPath}" "${CLI}" run ${options} ${randomUUID()} -- sh -c '${script}'`;
    const permit = runShell(test, `${script}; ${inner("")}`, { args: ["--semaphore", "2", randomUUID()] });
    const lock = runShell(test, `${script}; ${inner("--read")}`);
    test
      .expect((await permit.ended).out)
      .toMatch(
        new RegExp(
          String.raw`^AZMUTEX_JOB AZMUTEX_KEY AZMUTEX_SLOT AZMUTEX_TOKEN\nAZMUTEX_JOB AZMUTEX_KEY ` +
            String.raw`AZMUTEX_LEASE_ID AZMUTEX_TOKEN\n$`,
        ),
      );
    test
      .expect((await lock.ended).out)
      .toMatch(/^AZMUTEX_JOB AZMUTEX_KEY AZMUTEX_LEASE_ID AZMUTEX_TOKEN\nAZMUTEX_JOB AZMUTEX_KEY( AZMUTEX_TOKEN)?\n$/);
  });

  it("takes a key that begins with a dash after a -- of its own, as the other commands do", async (test) => {
    const key = `-${randomUUID()}`;
    const ran = await start(test, [
      "run",
      "--try",
      "--",
      key,
      "--",
      "sh",
      "-c",
      'echo "$AZMUTEX_KEY" "$@"',
      "sh",
      "--",
      "-x",
    ]).ended;
    test.expect(ran).toMatchObject({ code: 0, out: `${key} -- -x\n`, err: "" });
    const [status, ls] = await Promise.all([
      start(test, ["status", "--", key]).ended,
      start(test, ["ls", "--json", "--", key]).ended,
    ]);
    test
      .expect([status.out, ls.out])
      .toEqual([test.expect.stringMatching(`^${key}: free`), test.expect.stringContaining(`"key": "${key}"`)]);
  });

  it("leaves the soft limit of open files to a shell within, as Node raises its own", async (test) => {
    const limited = (script: string): CliOptions => ({ through: inShell(`ulimit -Sn 100; ulimit -Hn 200; ${script}`) });
    const raised = runShell(test, "ulimit -Sn", limited('exec "$@"'));
    test.expect(await raised.ended).toMatchObject({ code: 0, out: "200\n" });
    const script = `exec "$1" "$2" run "$4" -- sh -c "ulimit -Sn $(ulimit -Sn); exec sh -c 'ulimit -Sn; ulimit -Hn'"`;
    const kept = runShell(test, "", limited(script));
    test.expect(await kept.ended).toMatchObject({ code: 0, out: "100\n200\n" });
  });
});
