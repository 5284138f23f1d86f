import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { expect, it } from "vitest";
import { localWakeUps } from "../../src/index.ts";
import { newDirectory } from "../support/state-place.ts";

const PROCESSES = 200;
const TOPIC = "0f".repeat(32);
const MEMBER = `
import { localWakeUps } from "azmutex";
const channel = localWakeUps({ directory: process.env.DIRECTORY });
const end = await channel.subscribe(${JSON.stringify(TOPIC)}, (message) => {
  console.log(message);
  if (message === "end") end();
});
await channel.publish(${JSON.stringify(TOPIC)}, "joined");
console.log("listens");
const stay = setInterval(() => undefined, 1_000);
process.on("SIGTERM", () => process.exit());
`;

/** A process that prints what it hears. */
class Member {
  readonly child: ChildProcess;
  output = "";

  constructor(directory: string) {
    this.child = spawn(process.execPath, ["--max-old-space-size=32", "--input-type=module", "--eval", MEMBER], {
      env: { ...process.env, DIRECTORY: directory },
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.output += text));
  }

  hasHeard(message: string): boolean {
    return this.output.split("\n").includes(message);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const ended = once(this.child, "exit");
    this.child.kill(signal);
    await ended;
  }
}

const openFiles = (): number => readdirSync("/proc/self/fd").length;

it("200 processes that come at once hear each other, and leave nothing behind", async (test) => {
  const directory = newDirectory();
  const channel = localWakeUps({ directory });
  let joined = 0;
  const end = await channel.subscribe(TOPIC, () => (joined += 1));
  const before = openFiles();
  const members = Array.from({ length: PROCESSES }, () => new Member(directory));
  test.onTestFinished(() => {
    for (const { child } of members) child.kill("SIGKILL");
  });
  const all = (message: string): Promise<void> =>
    expect.poll(() => members.filter((member) => member.hasHeard(message)).length).toBe(PROCESSES);
  await all("listens");
  await expect.poll(() => joined).toBe(PROCESSES);
  expect(readdirSync(directory)).toHaveLength(PROCESSES + 1);
  await channel.publish(TOPIC, "released");
  await all("released");
  const killed = members.splice(0, PROCESSES / 2);
  await Promise.all([
    ...killed.map((member) => member.end("SIGKILL")),
    ...members.map((member) => member.end("SIGTERM")),
  ]);
  // The dead are found by the next message.
  await channel.publish(TOPIC, "left x");
  await expect.poll(() => readdirSync(directory)).toHaveLength(1);
  await channel.close();
  await expect.poll(openFiles).toBeLessThanOrEqual(before + 2 * PROCESSES);
  for (const { child } of [...killed, ...members]) child.stdout?.destroy();
  await expect.poll(openFiles).toBeLessThanOrEqual(before);
  end();
  await expect.poll(() => readdirSync(directory)).toEqual([]);
});
