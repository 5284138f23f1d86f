import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname, userInfo } from "node:os";
import { afterAll, describe, expect, it, type TestContext } from "vitest";
import type { Snapshot } from "../../src/ui/snapshot.ts";
import { Cli, type CliEnd } from "../support/cli.ts";
import { Storage } from "../support/storage.ts";

const storage = await Storage.start();
afterAll(() => storage[Symbol.asyncDispose]());
const { proxy, emulator } = storage;

const LINK = /^(http:\/\/127\.0\.0\.1:\d+)\/#token=([\w-]{43})\n$/;

/** The page of a container of its own, seen as the page itself sees it. */
class Page {
  readonly container: string;
  readonly cli: Cli;
  #origin = "";
  #headers: Record<string, string> = {};

  private constructor(container: string, cli: Cli) {
    this.container = container;
    this.cli = cli;
  }

  static async open(test: TestContext, args: readonly string[] = []): Promise<Page> {
    const { containerName } = await storage.newContainer();
    const env = { AZURE_STORAGE_CONNECTION_STRING: proxy.connectionString };
    const page = new Page(
      containerName,
      new Cli(test, ["ui", "--port", "0", "--container", containerName, ...args], { env }),
    );
    const [, origin = "", token = ""] = await page.cli.printed(LINK);
    page.#origin = origin;
    page.#headers = { origin, "x-azmutex-token": token, "content-type": "application/json" };
    const session = await page.ask("/session", {});
    page.#headers.cookie = (session.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    return page;
  }

  ask(path: string, sent?: object): Promise<Response> {
    return fetch(
      `${this.#origin}${path}`,
      sent ? { method: "POST", headers: this.#headers, body: JSON.stringify(sent) } : { headers: this.#headers },
    );
  }

  async look(): Promise<Snapshot> {
    return (await (await this.ask("/locks")).json()) as Snapshot;
  }

  /** Its requests: those of a holder are others. */
  get requests(): number {
    return proxy.requests.filter(({ path, operation }) => operation === "list" && path.includes(this.container)).length;
  }

  async stop(signal: NodeJS.Signals): Promise<CliEnd> {
    this.cli.kill(signal);
    return await this.cli.ended;
  }
}

describe.concurrent("azmutex ui", () => {
  it.for(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "prints its link and nothing else, and ends with 0 on %s",
    async (signal, test) => {
      const page = await Page.open(test);
      const { code, out, err } = await page.stop(signal);
      expect([code, err]).toEqual([0, "azmutex: this link lets its user see the locks; end with Ctrl-C\n"]);
      expect(out).toMatch(LINK);
    },
  );

  it("shows the locks of the container with one request a look, and asks nothing while none looks", async (test) => {
    const page = await Page.open(test);
    await storage.mutex(page.container).locker("nightly", { holder: "web-3", purpose: "schema 42" }).lock();
    const before = page.requests;
    const { locks, account, container, mayBreak } = await page.look();
    expect(page.requests - before).toBe(1);
    const where = { account: emulator.url.replace(/^.*:\d+/, new URL(proxy.url).host), container: page.container };
    expect({ account, container, mayBreak }).toEqual({ ...where, mayBreak: false });
    expect(locks).toMatchObject([{ key: "nightly", state: "held", holder: { name: "web-3" }, purpose: "schema 42" }]);
    // It has no timer that could: a whole look's time later there is still the one.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(page.requests - before).toBe(1);
  });

  it("breaks a lock only with --allow-break", async (test) => {
    const [without, allowed] = [await Page.open(test), await Page.open(test, ["--allow-break"])];
    for (const page of [without, allowed]) await storage.mutex(page.container).acquire("k", 60);
    const request = { key: "k", typed: "k", part: { kind: "lock" }, atOnce: false };
    expect((await without.ask("/break", request)).status).toBe(404);
    const broken = await allowed.ask("/break", request);
    expect([broken.status, await broken.json()]).toMatchObject([200, { outcome: "broken" }]);
    const line = new RegExp(
      String.raw`^azmutex: \S+Z (\S+) broke k in \S+ by the status page; it was held by an unnamed holder, ` +
        String.raw`and is free in \d+ s$`,
      "m",
    );
    expect((await allowed.cli.printed(line))[1]).toBe(`${userInfo().username}@${hostname()}`);
    expect(without.cli.err).not.toContain("broke");
    expect([(await without.look()).locks[0]?.lease, (await allowed.look()).locks[0]?.lease]).toEqual([
      "leased",
      "breaking",
    ]);
  });

  it("says in one line that its port is taken", async (test) => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    test.onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    const { code, out, err } = await new Cli(test, ["ui", "--emulator", "--port", String(port)]).ended;
    expect({ code, out, err }).toEqual({
      code: 64,
      out: "",
      err: `azmutex: port ${port} is taken: say --port with another, or --port 0\n`,
    });
  });

  it.for([["65536"], ["x"], ["-1"]])("refuses %s for a port", async ([port], test) => {
    const { code, err } = await new Cli(test, ["ui", "--emulator", "--port", port ?? ""]).ended;
    expect(code).toBe(64);
    expect(err).toMatch(/^azmutex: .*--port.*whole number from 0 to 65535/);
  });

  it("says on the page who refused it what, and never with which key", async (test) => {
    const wrong = Buffer.from("a wrong key that may not be seen").toString("base64");
    const env = { AZURE_STORAGE_CONNECTION_STRING: proxy.connectionString.replace(emulator.accountKey, wrong) };
    const cli = new Cli(test, ["ui", "--port", "0"], { env });
    const [, origin = "", token = ""] = await cli.printed(LINK);
    const headers = { origin, "x-azmutex-token": token };
    const session = await fetch(`${origin}/session`, { method: "POST", headers });
    const cookie = (session.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    const text = await (await fetch(`${origin}/locks`, { headers: { ...headers, cookie } })).text();
    expect(JSON.parse(text)).toMatchObject({ locks: [], problem: { kind: "denied" } });
    for (const secret of [wrong, emulator.accountKey, token]) expect(text).not.toContain(secret);
    expect(cli.err).not.toContain(wrong);
  });
});
