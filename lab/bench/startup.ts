import { spawn } from "node:child_process";
import { once } from "node:events";

/** What a user writes who has nothing but the SDK: the key is its argument. */
const BARE = `
import { ContainerClient } from "@azure/storage-blob";
const container = new ContainerClient(process.env.AZURE_STORAGE_CONNECTION_STRING, "locks");
const lease = container.getBlobClient(process.argv[1]).getBlobLeaseClient();
await lease.acquireLease(15);
await lease.releaseLease();
`;

/** Where commands run, and what they find there. */
export interface Surroundings {
  /** The folder of the project. */
  readonly project: string;
  readonly connectionString: string;
}

/** A command, as arguments of Node.js. */
export type Command = readonly string[];

/** The SDK alone takes the lease of a key and gives it back. The blob has to be there. */
export function bareCycle(key: string): Command {
  return ["--input-type=module", "--eval", BARE, key];
}

/** Ours does, around a command that does nothing. */
export function ourCycle(cli: string, key: string): Command {
  return [cli, "run", key, "--", "true"];
}

/** How long the command takes from its start to its end, in milliseconds. Rejects if it fails. */
export async function timeOf(command: Command, { project, connectionString }: Surroundings): Promise<number> {
  const { PATH = "" } = process.env;
  const began = performance.now();
  const child = spawn(process.execPath, command, {
    cwd: project,
    env: { PATH, AZURE_STORAGE_CONNECTION_STRING: connectionString },
    stdio: "ignore",
  });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`node ${command.join(" ")} ended with ${code}`);
  return performance.now() - began;
}

/** The same of several commands, in turns: what slows the machine down slows all of them down. */
export async function timesOf<Name extends string>(
  commands: Readonly<Record<Name, Command>>,
  { rounds, ...surroundings }: Surroundings & { readonly rounds: number },
): Promise<Readonly<Record<Name, readonly number[]>>> {
  const names = Object.keys(commands) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) times[name].push(await timeOf(commands[name], surroundings));
  }
  return times;
}
