import { hostname, userInfo } from "node:os";
import { type ContainerClient, ContainerSASPermissions } from "@azure/storage-blob";
import { afterAll, expect, type TestContext } from "vitest";
import { FaultProxy } from "../../../lab/shared/wire/fault-proxy.ts";
import type { PlaceJson } from "../../../src/cli/output/json.ts";
import type { AzureMutex } from "../../../src/index.ts";
import { Cli, type CliEnd, type CliOptions } from "../../support/cli.ts";
import { CommandProcess, type LineEnd } from "../../support/command-lines.ts";
import { onTerminal, type TerminalOptions } from "../../support/pseudo-terminal.ts";
import { Storage } from "../../support/storage.ts";

export const storage = await Storage.start();
/** Where commands say what they find, if that does not depend on the process in which they do. */
const facts = new CommandProcess();
afterAll(async () => {
  facts[Symbol.dispose]();
  await storage[Symbol.asyncDispose]();
});

export const TIME = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ";
export const SINCE = `${TIME} \\(\\d+ s ago\\)`;
export const ISO: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
export const TOKEN: unknown = expect.any(Number);
export const ESCAPE = "\u001b";

/** A container and a way to it of its own, with a mutex in this process, and the command in others. */
export class Place {
  readonly test: TestContext;
  readonly container: ContainerClient;
  readonly proxy: FaultProxy;
  readonly mutex: AzureMutex;

  private constructor(test: TestContext, container: ContainerClient, proxy: FaultProxy) {
    this.test = test;
    this.container = container;
    this.proxy = proxy;
    this.mutex = storage.mutex(container.containerName, { connectionString: proxy.connectionString });
  }

  static async open(test: TestContext): Promise<Place> {
    const proxy = await FaultProxy.start(storage.emulator);
    test.onTestFinished(() => proxy.close());
    return new Place(test, await storage.newContainer(), proxy);
  }

  start(command: string, args: readonly string[] = [], { env, ...options }: CliOptions = {}): Cli {
    return new Cli(this.test, this.#args(command, args), { env: { ...this.#account, ...env }, ...options });
  }

  end(command: string, args: readonly string[] = [], options: CliOptions = {}): Promise<CliEnd> {
    return this.start(command, args, options).ended;
  }

  /** How a command ends that needs no process of its own. */
  said(command: string, args: readonly string[] = [], { env }: CliOptions = {}): Promise<LineEnd> {
    return facts.run({ args: this.#args(command, args), env: { ...this.#account, ...env } });
  }

  /** Account and container, as every command names them. */
  get name(): string {
    return `${this.where.account}/${this.where.container}`;
  }

  /** The same, as `--json` prints them. */
  get where(): PlaceJson {
    return { account: this.proxy.url.replace("http://", ""), container: this.container.containerName };
  }

  /** What a command prints that ends well and says nothing else, without the line that says where the locks are. */
  async out(command: string, args: readonly string[] = []): Promise<string> {
    const { code, out, err } = await this.said(command, args);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    if (args.includes("--json") || !["status", "ls", "leader"].includes(command)) return out;
    const where = command === "ls" ? `${this.name}\n` : (/^ {2}in .*\n/m.exec(out)?.[0] ?? "");
    expect(where).toMatch(/\S/);
    expect(out.startsWith(where) || where.trim().split(/ +/).at(-1)).toBe(command === "ls" || this.name);
    return out.replace(where, "");
  }

  /** What a break prints, and its line for the log: who broke which lock, when, and whose it was. */
  async broken(
    args: readonly string[],
    { what = args[0], whose }: { what?: string | undefined; whose: string },
  ): Promise<string> {
    const { code, out, err } = await this.said("break", [...args, "--yes"]);
    const line =
      `^azmutex: ${TIME} ${userInfo().username}@${hostname()} broke ${what} in ${this.name} by azmutex ` +
      `break; it was held by (.*), and is free in \\d+ s\n$`;
    expect({ code, whose: new RegExp(line).exec(err)?.[1] ?? err }).toEqual({ code: 0, whose });
    return out;
  }

  async json<T>(command: string, args: readonly string[] = []): Promise<T> {
    return JSON.parse(await this.out(command, [...args, "--json"])) as T;
  }

  onTerminal(command: string, args: readonly string[] = [], { env, ...options }: TerminalOptions = {}): Cli {
    return onTerminal(this.test, this.#args(command, args), { env: { ...this.#account, ...env }, ...options });
  }

  /** A job under a lock, once it runs. */
  async job(args: readonly string[]): Promise<Cli> {
    const run = this.start("run", [...args, "--", "sh", "-c", "echo runs; exec sleep 600"]);
    await run.printed(/runs/);
    return run;
  }

  /** What the SAS with these permissions lets in. */
  async sas(permissions: string): Promise<CliOptions> {
    const expiresOn = new Date(Date.now() + 86_400_000);
    const url = new URL(
      await this.container.generateSasUrl({ expiresOn, permissions: ContainerSASPermissions.parse(permissions) }),
    );
    return { env: { AZURE_STORAGE_CONNECTION_STRING: "", AZURE_STORAGE_SAS_TOKEN: url.search } };
  }

  /** The requests that there were, but for those that keep what is held. */
  requests(): string[] {
    return this.proxy.requests.map(({ operation }) => operation).filter((operation) => operation !== "renew");
  }

  get #account(): Readonly<Record<string, string>> {
    return { AZURE_STORAGE_CONNECTION_STRING: this.proxy.connectionString };
  }

  #args(command: string, args: readonly string[]): string[] {
    return [command, "--container", this.container.containerName, ...args];
  }
}

export const own = (name: string) => ({ name, host: hostname(), pid: process.pid });
export const ownNamed = (name: string): string => `${name} (host ${hostname()}, pid ${process.pid})`;
export const linesOf = (text: string): string[] => text.split("\n").filter((line) => line !== "");
