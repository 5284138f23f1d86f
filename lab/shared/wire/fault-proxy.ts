import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, connect as tlsConnect } from "node:tls";
import type { Certificate } from "../certificate.ts";
import { now } from "../now.ts";
import { ByteReader } from "./byte-reader.ts";
import { HTTP } from "./http.ts";
import type { Protocol, WireOperation, WireRequest } from "./protocol.ts";

/** Which requests a fault is about, besides their operation. */
export interface WireScope {
  /** How many go well before. Default: 0. */
  after?: number;
  /** How many are struck then. Default: all, until `heal()`. */
  times?: number;
  /** Asked of each request that would be struck. Default: yes. */
  when?: () => boolean;
  /** Answers that a fault of answers lets pass, and that do not count for it. Default: none. */
  spares?: (answer: Buffer) => boolean;
}

/** Ends one fault and leaves the others. Connections that hang by it are cut. */
export interface EndOfFault {
  (): void;
  /** Resolves when it happens for the first time. */
  readonly struck: Promise<void>;
}

/** The service behind the proxy. It may come back on another port. */
export interface Upstream {
  readonly port: number;
  readonly url?: string;
  readonly connectionString?: string;
}

export interface ProxyOptions {
  /** Default: HTTP. */
  readonly protocol?: Protocol | undefined;
  /** With one, TLS is spoken on both sides. */
  readonly certificate?: Certificate | undefined;
  /** Where it listens on the loopback interface. Default: on a free port. */
  readonly port?: number | undefined;
  /**
   * Bytes pass as they come, and those of requests arrive so much later. Requests that are sent without waiting for
   * answers stay so; no fault strikes. Default: one request after the other.
   */
  readonly bytesLateMs?: number | undefined;
}

export type WireOperations = WireOperation | readonly WireOperation[] | "all";

/** For so many milliseconds, or until something has happened. */
export type WireDelay = number | Promise<unknown>;

type Forward = () => Promise<Buffer | undefined>;

/** What happens to a request; `undefined` for an answer means that the connection is cut. */
type Trouble = (forward: Forward, fault: WireFault, request: Buffer) => Promise<Buffer | undefined>;

interface WireFault {
  readonly operations: WireOperations;
  readonly trouble: Trouble;
  readonly scope: WireScope;
  /** What cuts each connection that hangs by it. */
  readonly stuck: Set<() => void>;
  readonly strike: () => void;
  after: number;
  times: number;
}

/** A connection of the proxy's own to the service, for one request after the other. */
interface Far {
  readonly socket: Socket;
  readonly answers: ByteReader;
  readonly port: number;
  idleSince: number;
}

/**
 * A proxy in front of a storage that counts requests and does to them what networks do. Bytes pass unchanged, so shared
 * keys and SAS work through it. A request that was read is forwarded even if its client has gone: aborting does not
 * undo.
 *
 * Where any connection will do for any request, one of the proxy's own that the service closes for being idle cuts no
 * client's, and none is used again that has been idle for long: a client sees no reset but those that it is to see.
 */
export class FaultProxy implements AsyncDisposable {
  readonly port: number;
  /** What the client is about, where its requests do not say. */
  stage: WireOperation = "acquire";
  readonly #upstream: Upstream;
  readonly #server: Server | undefined;
  readonly #protocol: Protocol;
  readonly #isSecret: boolean;
  readonly #bytesLateMs: number | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #requests: WireRequest[] = [];
  readonly #doneAt = new Map<WireOperation, number>();
  readonly #unstruck = new Set<WireFault>();
  #idle: Far[] = [];
  #faults: WireFault[] = [];
  #latencyMs = 0;
  #isCut = false;
  /** Requests that are under way, and how many there were. */
  #open = 0;
  #come = 0;

  private constructor(upstream: Upstream, server: Server | undefined, options: ProxyOptions) {
    const { protocol = HTTP, certificate, bytesLateMs } = options;
    this.#upstream = upstream;
    this.#server = server;
    this.#protocol = protocol;
    this.#bytesLateMs = bytesLateMs;
    this.#isSecret = certificate !== undefined;
    this.port = (server?.address() as AddressInfo | undefined)?.port ?? 0;
    server?.on(this.#isSecret ? "secureConnection" : "connection", (near: Socket) => this.accept(near));
  }

  /** Rejects if the port is taken. */
  static async start(upstream: Upstream, options: ProxyOptions = {}): Promise<FaultProxy> {
    const { certificate, port = 0 } = options;
    const server = (certificate ? createTlsServer(certificate) : createServer()).listen(port, "127.0.0.1");
    await once(server, "listening");
    return new FaultProxy(upstream, server, options);
  }

  /** Without a port: {@link accept} is called with each connection. */
  static behindGate(upstream: Upstream, options: ProxyOptions = {}): FaultProxy {
    return new FaultProxy(upstream, undefined, options);
  }

  /** The emulator's blob endpoint, by way of the proxy. */
  get url(): string {
    return this.#byWayOfThis(this.#upstream.url);
  }

  /** The emulator's connection string, by way of the proxy. */
  get connectionString(): string {
    return this.#byWayOfThis(this.#upstream.connectionString);
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

  /** How many requests have arrived whole, whether they are forgotten or not. */
  get arrived(): number {
    return this.#come;
  }

  /** Whether each fault there was has happened, once at least. */
  get hasStruck(): boolean {
    return this.#unstruck.size === 0;
  }

  /** When the last request of these kinds was sent on that the service carried out; NaN if there was none. */
  doneAt(...operations: readonly WireOperation[]): number {
    const times = operations.flatMap((operation) => this.#doneAt.get(operation) ?? []);
    return times.length === 0 ? Number.NaN : Math.max(...times);
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
    return this.#before(operations, scope, async (forward) => {
      await this.#pause(by);
      return forward();
    });
  }

  /** The request arrives at once, and its answer so much later. */
  delayAnswer(operations: WireOperations, by: WireDelay, scope?: WireScope): EndOfFault {
    return this.#after(operations, scope, async (answer) => {
      await this.#pause(by);
      return answer;
    });
  }

  /** The request never arrives, and the connection stays open until `heal()` or `close()` cuts it. */
  hang(operations: WireOperations, scope?: WireScope): EndOfFault {
    return this.#before(operations, scope, (_, fault) => this.#never(fault));
  }

  /** The request arrives, and the connection stays open without an answer until `heal()` or `close()` cuts it. */
  hangAfter(operations: WireOperations, scope?: WireScope): EndOfFault {
    return this.#after(operations, scope, (_, fault) => this.#never(fault));
  }

  /** The connection is cut before the request arrives. */
  reset(operations: WireOperations, scope?: WireScope): EndOfFault {
    return this.#before(operations, scope, async () => undefined);
  }

  /** The connection is cut once the request was carried out: the answer is lost. */
  dropAnswer(operations: WireOperations, scope?: WireScope): EndOfFault {
    return this.#after(operations, scope, async () => undefined);
  }

  /** The request arrives, is answered, and arrives once more so much later. The second answer is not sent on. */
  duplicate(operations: WireOperations, after: WireDelay, scope?: WireScope): EndOfFault {
    return this.#after(operations, scope, async (answer, _, forward) => {
      void this.#pause(after)
        .then(forward)
        .catch(() => {});
      return answer;
    });
  }

  /** The service's "not now" instead of the request: a 503 ServerBusy, with `Retry-After` if it is given. */
  serverBusy(
    operations: WireOperations,
    { retryAfterSeconds, ...scope }: WireScope & { retryAfterSeconds?: number } = {},
  ): EndOfFault {
    return this.#before(operations, scope, async (_, __, request) => this.#protocol.busy(request, retryAfterSeconds));
  }

  /** A page of a gateway's own instead of the request: nothing in it shows to be the service's. */
  gateway(operations: WireOperations, status: number, scope?: WireScope): EndOfFault {
    return this.#before(operations, scope, async (_, __, request) => this.#protocol.gateway(request, status));
  }

  /** With the request, the network fails as by {@link cut}. */
  cutBy(operations: WireOperations, scope?: WireScope): EndOfFault {
    return this.#before(operations, scope, async () => {
      this.cut();
      return undefined;
    });
  }

  /** The network fails: connections end, and there is no server to connect to, until `mend()`. */
  cut(): void {
    this.#isCut = true;
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends all faults and the latency. Connections that hang are cut. */
  heal(): void {
    this.#latencyMs = 0;
    for (const fault of this.#faults) this.#end(fault);
  }

  /** As `heal()`; and the network is there again. */
  async mend(): Promise<void> {
    this.heal();
    this.#isCut = false;
    if (!this.#server || this.#server.listening) return;
    this.#server.listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
  }

  /** Cuts every connection. Closing twice does nothing. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    const closed = this.#server?.listening ? once(this.#server, "close") : undefined;
    this.cut();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Leads a connection to the service. */
  accept(near: Socket): void {
    this.#note(near);
    if (this.#isCut) near.destroy();
    else if (this.#bytesLateMs === undefined) void this.#serve(near);
    else this.#passBytes(near, this.#bytesLateMs);
  }

  #byWayOfThis(address = ""): string {
    return address.replace(`:${this.#upstream.port}`, `:${this.port}`);
  }

  #before(operations: WireOperations, scope: WireScope | undefined, trouble: Trouble): EndOfFault {
    return this.#add(operations, scope, (forward, fault, request) => {
      fault.strike();
      return trouble(forward, fault, request);
    });
  }

  #after(
    operations: WireOperations,
    scope: WireScope | undefined,
    trouble: (answer: Buffer | undefined, fault: WireFault, forward: Forward) => Promise<Buffer | undefined>,
  ): EndOfFault {
    return this.#add(operations, scope, async (forward, fault) => {
      const answer = await forward();
      if (answer && fault.scope.spares?.(answer)) {
        fault.times += 1;
        return answer;
      }
      fault.strike();
      return trouble(answer, fault, forward);
    });
  }

  #add(operations: WireOperations, scope: WireScope = {}, trouble: Trouble): EndOfFault {
    const { after = 0, times = Infinity } = scope;
    let strike = (): void => {};
    const struck = new Promise<void>((resolve) => {
      strike = () => {
        this.#unstruck.delete(fault);
        resolve();
      };
    });
    const fault: WireFault = { operations, trouble, scope, stuck: new Set(), strike, after, times };
    this.#faults.push(fault);
    this.#unstruck.add(fault);
    return Object.assign(() => this.#end(fault), { struck });
  }

  #end(fault: WireFault): void {
    this.#faults = this.#faults.filter((other) => other !== fault);
    for (const free of fault.stuck) free();
    fault.stuck.clear();
  }

  /** The whole delay is put on the request: a client cannot tell. */
  #passBytes(near: Socket, lateMs: number): void {
    const far = this.#dial();
    void this.#countRequests(new ByteReader(near));
    // Timers of one length fire in the order in which they were set.
    near.on("data", (chunk: Buffer) => setTimeout(() => void (far.destroyed || far.write(chunk)), lateMs));
    far.on("data", (chunk: Buffer) => void (near.destroyed || near.write(chunk)));
    near.on("close", () => setTimeout(() => far.destroy(), lateMs));
    far.on("close", () => near.destroy());
  }

  async #countRequests(requests: ByteReader): Promise<void> {
    while (await requests.take((bytes) => this.#protocol.requestLength(bytes))) this.#come += 1;
  }

  async #serve(near: Socket): Promise<void> {
    const requests = new ByteReader(near);
    const own = this.#protocol.isStateless ? undefined : this.#connect();
    own?.socket.on("close", () => near.destroy());
    for (;;) {
      const request = await requests.take((bytes) => this.#protocol.requestLength(bytes));
      if (!request) break;
      this.#come += 1;
      this.#open += 1;
      const answer = await this.#answer(request, own).catch(() => undefined);
      this.#open -= 1;
      if (!answer) {
        near.destroy();
        break;
      }
      if (!near.destroyed) near.write(answer);
    }
    own?.socket.destroy();
  }

  async #answer(request: Buffer, own: Far | undefined): Promise<Buffer | undefined> {
    const read = this.#protocol.read(request, this.stage);
    this.#requests.push(read);
    let next: Forward = () => this.#forward(request, read.operation, own);
    for (const fault of this.#struckBy(read.operation).reverse()) {
      const forward = next;
      next = () => fault.trouble(forward, fault, request);
    }
    if (this.#latencyMs > 0) await this.#pause(this.#latencyMs);
    return next();
  }

  /** The faults that concern the next request of this kind, which counts for them. */
  #struckBy(operation: WireOperation): WireFault[] {
    return this.#faults.filter((fault) => {
      if (fault.operations !== "all" && ![fault.operations].flat().includes(operation)) return false;
      if (fault.after > 0) {
        fault.after -= 1;
        return false;
      }
      if (fault.times <= 0 || fault.scope.when?.() === false) return false;
      fault.times -= 1;
      return true;
    });
  }

  async #forward(request: Buffer, operation: WireOperation, own: Far | undefined): Promise<Buffer | undefined> {
    const far = own ?? this.#takeIdle() ?? this.#connect();
    const sentAt = now();
    far.socket.write(request);
    const answer = await far.answers.take((bytes) => this.#protocol.answerLength(bytes, request));
    if (answer && this.#protocol.isDone(answer)) this.#doneAt.set(operation, sentAt);
    far.idleSince = now();
    if (answer && !own) this.#idle.push(far);
    return answer;
  }

  #takeIdle(): Far | undefined {
    const isFit = ({ socket, port, idleSince }: Far): boolean =>
      socket.readable && socket.writable && port === this.#upstream.port && now() - idleSince < REUSED_WITHIN_MS;
    for (let far = this.#idle.pop(); far; far = this.#idle.pop()) {
      if (isFit(far)) return far;
      far.socket.destroy();
    }
    return undefined;
  }

  #connect(): Far {
    const socket = this.#dial();
    return { socket, answers: new ByteReader(socket), port: this.#upstream.port, idleSince: now() };
  }

  #dial(): Socket {
    const at = { host: "127.0.0.1", port: this.#upstream.port };
    const socket = this.#isSecret ? tlsConnect({ ...at, rejectUnauthorized: false }) : connect(at);
    this.#note(socket);
    return socket;
  }

  #note(socket: Socket): void {
    socket.setNoDelay(true);
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    // An error is followed by "close".
    socket.on("error", () => undefined);
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
/** A service closes connections that are idle for some seconds. Azurite: 5 s. */
const REUSED_WITHIN_MS = 1_000;
