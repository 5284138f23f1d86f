import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Block, parseDocument } from "./documents.ts";
import { PROJECT } from "./sources.ts";

// What a reader does who copies commands out of the documents and pastes them into a terminal.

/** A block of a page: under this heading, and with this text in it. */
export function copied(page: string, heading: string, containing: string): string {
  const text = readFileSync(join(PROJECT, page), "utf8");
  const under = text.split(/^#{2,3} /m).find((part) => part.startsWith(`${heading}\n`));
  if (under === undefined) throw new Error(`${page} has no heading "${heading}"`);
  const found = parseDocument(page, under).blocks.find(({ code }: Block) => code.includes(containing));
  if (!found) throw new Error(`${page} has nothing with "${containing}" under "${heading}"`);
  return found.code;
}

/** Packs the package as it would be published, into the folder. Returns the path of the file. */
export function pack(folder: string): string {
  const packed = spawnSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder], {
    cwd: PROJECT,
    encoding: "utf8",
  });
  if (packed.status !== 0) throw new Error(`npm pack: ${packed.stdout}${packed.stderr}`);
  return join(folder, readdirSync(folder).find((file) => file.endsWith(".tgz")) ?? "");
}

/** The commands of a page with the packed package in place of the one in the registry. */
export function installing(commands: string, tarball: string): string {
  const changed = commands.replace("npm install azmutex ", `npm install ${tarball} `);
  if (changed === commands) throw new Error(`this does not install azmutex:\n${commands}`);
  return changed;
}

/** A terminal that has been given commands. */
export interface Terminal {
  readonly pid: number | undefined;
  output(): string;
  /** With the exit code. */
  readonly ended: Promise<number | null>;
}

const TERMINALS = new Set<ChildProcess>();

const QUIET = {
  npm_config_audit: "false",
  npm_config_fund: "false",
  npm_config_prefer_offline: "true",
  npm_config_update_notifier: "false",
};

/** Pastes the commands into a new terminal. */
export function paste(commands: string, cwd: string, env: NodeJS.ProcessEnv = {}): Terminal {
  const child = spawn("sh", ["-e", "-c", commands], {
    cwd,
    env: { ...process.env, ...QUIET, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  TERMINALS.add(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const ended = once(child, "close").then(([code]) => {
    TERMINALS.delete(child);
    return code;
  });
  return { pid: child.pid, output: () => output, ended };
}

/** Kills what runs in any terminal. */
export async function closeTerminals(): Promise<void> {
  for (const { pid } of TERMINALS) if (pid !== undefined) process.kill(-pid, "SIGKILL");
  await Promise.all([...TERMINALS].map((child) => once(child, "close")));
}

const LOOK_EVERY_MS = 100;

/** Resolves when it is so; rejects when the terminal has ended before. The caller judges how long that took. */
export async function untilIn(place: Terminal, isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  let code: number | null | undefined;
  void place.ended.then((ended) => (code = ended));
  while (!(await isSo())) {
    if (code !== undefined) throw new Error(`${what}: not before it ended with ${code}:\n${place.output()}`);
    await sleep(LOOK_EVERY_MS);
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** Whether a server listens at this port of this machine. */
export const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
