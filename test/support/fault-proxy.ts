import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Emulator } from "../../src/testing/emulator.ts";
import { operationOf, type WireOperation } from "./wire-operation.ts";

/** Which requests a fault is about, besides their operation. */
export interface WireScope {
  /** How many go well before. Default: 0. */
  after?: number;
  /** How many are struck then. Default: all, until `heal()`. */
  times?: number;
}

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

/** What happens to a request; `undefined` for an answer means that the connection is cut. */
type Trouble = (forward: () => Promise<Answer | undefined>) => Promise<Answer | undefined>;

interface WireFault {
  readonly operations: WireOperations;
  readonly trouble: Trouble;
  after: number;
  times: number;
}

/**
 * An HTTP proxy in front of an emulator that counts requests and does to them what networks do. Bytes that are signed pass
 * unchanged, so shared keys and SAS work through it. A request that was read is forwarded even if its client has gone:
 * aborting does not undo.
 */
export class FaultProxy implements AsyncDisposable {
  readonly #emulator: Emulator;
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #stuck = new Set<() => void>();
  readonly #requests: WireRequest[] = [];
  #faults: WireFault[] = [];
  #latencyMs = 0;
  #closed = false;

  private constructor(emulator: Emulator) {
    this.#emulator = emulator;
    this.#server = createServer({ keepAliveTimeout: 600_000 }, (incoming, outgoing) => void this.#serve(incoming, outgoing));
  }

  /** On a free port of the loopback interface. */
  static async start(emulator: Emulator): Promise<FaultProxy> {
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
    return operation === undefined ? this.#requests.length : this.#requests.filter((sent) => sent.operation === operation).length;
  }

  forgetRequests(): void {
    this.#requests.length = 0;
  }

  /** Every request takes `ms` milliseconds more to arrive, until it is set anew. */
  latency(ms: number): void {
    this.#latencyMs = ms;
  }

  /** The request arrives `ms` milliseconds late, even if its client has gone by then. */
  delay(operations: WireOperations, ms: number, scope?: WireScope): void {
    this.#add(operations, scope, async (forward) => {
      await this.#pause(ms);
      return forward();
    });
  }

  /** The request arrives at once, and its answer `ms` milliseconds late. */
  delayAnswer(operations: WireOperations, ms: number, scope?: WireScope): void {
    this.#add(operations, scope, async (forward) => {
      const answer = await forward();
      await this.#pause(ms);
      return answer;
    });
  }

  /** The request never arrives, and the connection stays open until `heal()` or `close()` cuts it. */
  hang(operations: WireOperations, scope?: WireScope): void {
    this.#add(operations, scope, () => this.#never());
  }

  /** The request arrives, and the connection stays open without an answer until `heal()` or `close()` cuts it. */
  hangAfter(operations: WireOperations, scope?: WireScope): void {
    this.#add(operations, scope, async (forward) => {
      await forward();
      return this.#never();
    });
  }

  /** The connection is cut before the request arrives. */
  reset(operations: WireOperations, scope?: WireScope): void {
    this.#add(operations, scope, async () => undefined);
  }

  /** The connection is cut once the request was carried out: the answer is lost. */
  dropAnswer(operations: WireOperations, scope?: WireScope): void {
    this.#add(operations, scope, async (forward) => {
      await forward();
      return undefined;
    });
  }

  /** A 503 ServerBusy instead of the request, with `Retry-After` if it is given. */
  serverBusy(operations: WireOperations, { retryAfterSeconds, ...scope }: WireScope & { retryAfterSeconds?: number } = {}): void {
    this.#add(operations, scope, async () => serverBusy(retryAfterSeconds));
  }

  /** Ends all faults and the latency. Connections that hang are cut. */
  heal(): void {
    this.#faults = [];
    this.#latencyMs = 0;
    for (const free of [...this.#stuck]) free();
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

  #add(operations: WireOperations, { after = 0, times = Infinity }: WireScope = {}, trouble: Trouble): void {
    this.#faults.push({ operations, trouble, after, times });
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const answer = await this.#answer(incoming).catch(() => undefined);
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
      next = () => fault.trouble(forward);
    }
    if (this.#latencyMs > 0) await this.#pause(this.#latencyMs);
    return next();
  }

  /** The faults that concern the next request of this kind, which counts for them. */
  #struckBy(operation: WireOperation): WireFault[] {
    return this.#faults.filter((fault) => {
      const { operations } = fault;
      if (operations !== "all" && operations !== operation && !(typeof operations === "object" && operations.includes(operation)))
        return false;
      if (fault.after > 0) {
        fault.after -= 1;
        return false;
      }
      if (fault.times <= 0) return false;
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
    for (const [name, value] of pairs(rawHeaders)) if (!HOP_BY_HOP.has(name.toLowerCase())) upstream.appendHeader(name, value);
    upstream.end(body);
    const [response] = (await once(upstream, "response")) as [IncomingMessage];
    const headers = pairs(response.rawHeaders).filter(([name]) => !HOP_BY_HOP.has(name.toLowerCase()));
    return { status: response.statusCode ?? 500, headers: headers.flat(), body: await bodyOf(response) };
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, ms);
      this.#timers.add(timer);
    });
  }

  #never(): Promise<undefined> {
    return new Promise((resolve) => {
      const free = (): void => {
        this.#stuck.delete(free);
        resolve(undefined);
      };
      this.#stuck.add(free);
    });
  }
}

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
  const body = Buffer.from('<?xml version="1.0" encoding="utf-8"?><Error><Code>ServerBusy</Code><Message>Made to be.</Message></Error>');
  const headers = ["Content-Type", "application/xml", "x-ms-error-code", "ServerBusy"];
  if (retryAfterSeconds !== undefined) headers.push("Retry-After", String(retryAfterSeconds));
  return { status: 503, headers, body };
}
