import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Emulator } from "../../../src/testing/emulator.ts";
import { operationOf, type WireOperation } from "./wire-operation.ts";

/** Which requests a fault is about, besides their operation. */
export interface WireScope {
  /** How many go well before. Default: 0. */
  after?: number;
  /** How many are struck then. Default: all, until `heal()`. */
  times?: number;
  /** Asked of each request that would be struck. Default: yes. */
  when?: () => boolean;
}

/** Ends one fault and leaves the others. Connections that hang by it are cut. */
export type EndOfFault = () => void;

/** The service behind the proxy. It may come back on another port. */
export type Upstream = Pick<Emulator, "url" | "port" | "connectionString">;

export type WireOperations = WireOperation | readonly WireOperation[] | "all";

export interface WireRequest {
  readonly operation: WireOperation;
  readonly method: string;
  /** Path and query, as sent. */
  readonly path: string;
}

interface Answer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** For so many milliseconds, or until something has happened. */
export type WireDelay = number | Promise<unknown>;

/** What happens to a request; `undefined` for an answer means that the connection is cut. */
type Trouble = (forward: () => Promise<Answer | undefined>, fault: WireFault) => Promise<Answer | undefined>;

interface WireFault {
  readonly operations: WireOperations;
  readonly trouble: Trouble;
  readonly when: () => boolean;
  /** What cuts each connection that hangs by it. */
  readonly stuck: Set<() => void>;
  after: number;
  times: number;
}

/**
 * An HTTP proxy in front of an emulator that counts requests and does to them what networks do. Bytes that are signed
 * pass unchanged, so shared keys and SAS work through it. A request that was read is forwarded even if its client has
 * gone: aborting does not undo.
 */
export class FaultProxy implements AsyncDisposable {
  readonly #emulator: Upstream;
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #requests: WireRequest[] = [];
  #faults: WireFault[] = [];
  #latencyMs = 0;
  #closed = false;
  /** Requests that are under way, and how many there were. */
  #open = 0;
  #come = 0;

  private constructor(emulator: Upstream) {
    this.#emulator = emulator;
    this.#server = createServer(
      { keepAliveTimeout: 600_000 },
      (incoming, outgoing) => void this.#serve(incoming, outgoing),
    );
  }

  /** On a free port of the loopback interface. */
  static async start(emulator: Upstream): Promise<FaultProxy> {
    const proxy = new FaultProxy(emulator);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The emulator's blob endpoint, by way of the proxy. */
  get url(): string {
    return this.#emulator.url.replace(`:${this.#emulator.port}`, `:${this.port}`);
  }

  /** The emulator's connection string, by way of the proxy. */
  get connectionString(): string {
    return this.#emulator.connectionString.replace(this.#emulator.url, this.url);
  }

  /** Every request that was read, in order, those that were struck included. */
  get requests(): readonly WireRequest[] {
    return this.#requests;
  }

  /** How many requests there were, of one operation or of all. */
  count(operation?: WireOperation): number {
    return operation === undefined
      ? this.#requests.length
      : this.#requests.filter((sent) => sent.operation === operation).length;
  }

  /**
   * Resolves when nothing is under way, and nothing has come for a number of turns of the event loop: what goes on in
   * the background of this process is over then, however slowly it ran. Requests that are delayed, or hang, are under
   * way.
   */
  async quiet(): Promise<void> {
    for (let turns = 0; turns < QUIET_TURNS; turns += 1) {
      const come = this.#come;
      await new Promise((resolve) => setTimeout(resolve, QUIET_TURN_MS));
      if (this.#open > 0 || this.#come !== come) turns = 0;
    }
  }

  forgetRequests(): void {
    this.#requests.length = 0;
  }

  /** Every request takes `ms` milliseconds more to arrive, until it is set anew. */
  latency(ms: number): void {
    this.#latencyMs = ms;
  }

  /** The request arrives so much later, even if its client has gone by then. */
  delay(operations: WireOperations, by: WireDelay, scope?: WireScope): EndOfFault {
    return this.#add(operations, scope, async (forward) => {
      await this.#pause(by);
      return forward();
    });
  }

  /** The request arrives at once, and its answer so much later. */
  delayAnswer(operations: WireOperations, by: WireDelay, scope?: WireScope): EndOfFault {
    return this.#add(operations, scope, async (forward) => {
      const answer = await forward();
      await this.#pause(by);
      return answer;
    });
  }

  /** The request never arrives, and the connection stays open until `heal()` or `close()` cuts it. */
  hang(operations: WireOperations, scope?: WireScope): EndOfFault {
    return this.#add(operations, scope, (_, fault) => this.#never(fault));
  }

  /** The request arrives, and the connection stays open without an answer until `heal()` or `close()` cuts it. */
  hangAfter(operations: WireOperations, scope?: WireScope): EndOfFault {
    return this.#add(operations, scope, async (forward, fault) => {
      await forward();
      return this.#never(fault);
    });
  }

  /** The connection is cut before the request arrives. */
  reset(operations: WireOperations, scope?: WireScope): EndOfFault {
    return this.#add(operations, scope, async () => undefined);
  }

  /** The connection is cut once the request was carried out: the answer is lost. */
  dropAnswer(operations: WireOperations, scope?: WireScope): EndOfFault {
    return this.#add(operations, scope, async (forward) => {
      await forward();
      return undefined;
    });
  }

  /** The request arrives, is answered, and arrives once more so much later. The second answer is not sent on. */
  duplicate(operations: WireOperations, after: WireDelay, scope?: WireScope): EndOfFault {
    return this.#add(operations, scope, async (forward) => {
      const answer = await forward();
      void this.#pause(after)
        .then(forward)
        .catch(() => {});
      return answer;
    });
  }

  /** A 503 ServerBusy instead of the request, with `Retry-After` if it is given. */
  serverBusy(
    operations: WireOperations,
    { retryAfterSeconds, ...scope }: WireScope & { retryAfterSeconds?: number } = {},
  ): EndOfFault {
    return this.#add(operations, scope, async () => serverBusy(retryAfterSeconds));
  }

  /** A page of a gateway's own instead of the request: nothing in it shows to be the service's. */
  gateway(operations: WireOperations, status: number, scope?: WireScope): EndOfFault {
    const body = Buffer.from("<html><body>a page of the gateway's own</body></html>");
    return this.#add(operations, scope, async () => ({ status, headers: ["Content-Type", "text/html"], body }));
  }

  /** Ends all faults and the latency. Connections that hang are cut. */
  heal(): void {
    this.#latencyMs = 0;
    for (const fault of this.#faults) this.#end(fault);
  }

  /** Cuts every connection. Closing twice does nothing. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #add(
    operations: WireOperations,
    { after = 0, times = Infinity, when = () => true }: WireScope = {},
    trouble: Trouble,
  ): EndOfFault {
    const fault: WireFault = { operations, trouble, when, stuck: new Set(), after, times };
    this.#faults.push(fault);
    return () => this.#end(fault);
  }

  #end(fault: WireFault): void {
    this.#faults = this.#faults.filter((other) => other !== fault);
    for (const free of fault.stuck) free();
    fault.stuck.clear();
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    this.#come += 1;
    this.#open += 1;
    const answer = await this.#answer(incoming).catch(() => undefined);
    this.#open -= 1;
    if (!answer) {
      outgoing.destroy();
      return;
    }
    outgoing.writeHead(answer.status, [...answer.headers]);
    outgoing.end(answer.body);
  }

  async #answer(incoming: IncomingMessage): Promise<Answer | undefined> {
    const body = await bodyOf(incoming);
    const { method = "", url: path = "" } = incoming;
    const operation = operationOf(method, path, incoming.headers);
    this.#requests.push({ operation, method, path });

    let next = (): Promise<Answer | undefined> => this.#forward(incoming, body);
    for (const fault of this.#struckBy(operation).reverse()) {
      const forward = next;
      next = () => fault.trouble(forward, fault);
    }
    if (this.#latencyMs > 0) await this.#pause(this.#latencyMs);
    return next();
  }

  /** The faults that concern the next request of this kind, which counts for them. */
  #struckBy(operation: WireOperation): WireFault[] {
    return this.#faults.filter((fault) => {
      const { operations } = fault;
      if (
        operations !== "all" &&
        operations !== operation &&
        !(typeof operations === "object" && operations.includes(operation))
      )
        return false;
      if (fault.after > 0) {
        fault.after -= 1;
        return false;
      }
      if (fault.times <= 0 || !fault.when()) return false;
      fault.times -= 1;
      return true;
    });
  }

  async #forward({ method, url: path, rawHeaders }: IncomingMessage, body: Buffer): Promise<Answer> {
    const upstream = request({
      host: "127.0.0.1",
      port: this.#emulator.port,
      agent: this.#agent,
      setHost: false,
      ...(method && { method }),
      ...(path && { path }),
    });
    for (const [name, value] of pairs(rawHeaders))
      if (!HOP_BY_HOP.has(name.toLowerCase())) upstream.appendHeader(name, value);
    upstream.end(body);
    const [response] = (await once(upstream, "response")) as [IncomingMessage];
    const headers = pairs(response.rawHeaders).filter(([name]) => !HOP_BY_HOP.has(name.toLowerCase()));
    return { status: response.statusCode ?? 500, headers: headers.flat(), body: await bodyOf(response) };
  }

  async #pause(by: WireDelay): Promise<void> {
    if (typeof by !== "number") return void (await by);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, by);
      this.#timers.add(timer);
    });
  }

  /** Until the fault ends; not at all if it has ended meanwhile. */
  async #never(fault: WireFault): Promise<undefined> {
    if (!this.#faults.includes(fault)) return undefined;
    return new Promise((resolve) => fault.stuck.add(() => resolve(undefined)));
  }
}

/** A request of this process takes a few turns of its event loop from the decision to send it to its arrival here. */
const QUIET_TURNS = 10;
const QUIET_TURN_MS = 5;

/** What concerns one connection only, and not the message. */
const HOP_BY_HOP: ReadonlySet<string> = new Set(["connection", "keep-alive", "transfer-encoding"]);

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function pairs(rawHeaders: readonly string[]): [name: string, value: string][] {
  const found: [string, string][] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) found.push([rawHeaders[at] ?? "", rawHeaders[at + 1] ?? ""]);
  return found;
}

function serverBusy(retryAfterSeconds: number | undefined): Answer {
  const body = Buffer.from(
    '<?xml version="1.0" encoding="utf-8"?><Error><Code>ServerBusy</Code><Message>Made to be.</Message></Error>',
  );
  const headers = ["Content-Type", "application/xml", "x-ms-error-code", "ServerBusy"];
  if (retryAfterSeconds !== undefined) headers.push("Retry-After", String(retryAfterSeconds));
  return { status: 503, headers, body };
}
