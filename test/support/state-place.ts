import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished, type TestContext } from "vitest";
import type { AzureMutex } from "../../src/locks/azure-mutex.ts";
import { type ProcessIdentity, thisProcessIdentity } from "../../src/locks/process-identity.ts";
import type { StateRecord } from "../../src/locks/restart/state-file.ts";

/** An empty directory, which goes with the test. Tests that run beside others say which one. */
export function newDirectory(test: Pick<TestContext, "onTestFinished"> = { onTestFinished }): string {
  const directory = mkdtempSync(join(tmpdir(), "azmutex-state-"));
  test.onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Gives back what it holds at the end of the test: on the machine's own clock it would be renewed in later tests. */
export function closedWithTest(mutex: AzureMutex): AzureMutex {
  onTestFinished(() => mutex.close());
  return mutex;
}

/** This process, as the machine names it. */
export function here(): ProcessIdentity {
  const identity = thisProcessIdentity();
  if (!identity) throw new Error("this machine does not name its processes");
  return identity;
}

/** A process that has ended, as this machine would name it: no other was forked at that tick. */
export const deadProcess = (): ProcessIdentity => ({ ...here(), startedAt: 1 });

/** What the first line of a state file says. */
export const ownerIn = (text: string): { readonly socket?: { readonly inode: string } } =>
  JSON.parse(text.split("\n")[0] || "{}");

/** The names of the blobs whose leases a state file has. */
export function blobsIn(text: string): readonly string[] {
  const names = new Map<string, string>();
  for (const line of text.split("\n").slice(1, -1)) {
    const [leaseId, name] = JSON.parse(line);
    if (name === undefined) names.delete(leaseId);
    else names.set(leaseId, name);
  }
  return [...names.values()].sort();
}

/** Everything that the files of a directory say, sockets aside. */
export function textsIn(directory: string): string {
  const files = readdirSync(directory).filter((name) => !name.includes(".sock"));
  return files.map((name) => readFileSync(join(directory, name), "utf8")).join("\n");
}

/** The socket of a process that is dead: the file is there, and nothing listens. */
export async function deadSocket(directory: string, name: string): Promise<void> {
  const path = join(directory, name);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.new`, resolve));
  renameSync(`${path}.new`, path);
  await new Promise((resolve) => server.close(resolve));
}

/** Leaves what a process would have left. Returns the name of the file. */
export function leave(directory: string, record: Partial<StateRecord>, changes: object = {}): string {
  const name = `azmutex-4123-${Math.trunc(performance.now() * 1_000)
    .toString(16)
    .padStart(8, "0")
    .slice(-8)}.state`;
  const { leases = [], ...owner } = record;
  const lines = [
    { version: 1, process: deadProcess(), ...owner, ...changes },
    ...leases.map(({ name: blob, leaseId }) => [leaseId, blob]),
  ];
  writeFileSync(join(directory, name), lines.map((line) => `${JSON.stringify(line)}\n`).join(""), { mode: 0o600 });
  return name;
}
