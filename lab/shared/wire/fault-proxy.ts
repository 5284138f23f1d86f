import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, connect as tlsConnect } from "node:tls";
import type { Certificate } from "../certificate.ts";
import { now } from "../now.ts";
import { ByteReader } from "./byte-reader.ts";
import { HTTP } from "./http.ts";
import type { Protocol, WireOperation, WireRequest } from "./protocol.ts";
import { WireFaults } from "./wire-faults.ts";

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
export class FaultProxy extends WireFaults implements AsyncDisposable {
  readonly port: number;
  /** What the client is about, where its requests do not say. */
  stage: WireOperation = "acquire";
  readonly #upstream: Upstream;
  readonly #server: Server | undefined;
  readonly #isSecret: boolean;
  readonly #bytesLateMs: number | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #requests: WireRequest[] = [];
  readonly #doneAt = new Map<WireOperation, number>();
  #idle: Far[] = [];
  #isCut = false;
  /** Requests that are under way, and how many there were. */
  #open = 0;
  #come = 0;

  private constructor(upstream: Upstream, server: Server | undefined, options: ProxyOptions) {
    const { protocol = HTTP, certificate, bytesLateMs } = options;
    super(protocol);
    this.#upstream = upstream;
    this.#server = server;
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

  /** The network fails: connections end, and there is no server to connect to, until `mend()`. */
  override cut(): void {
    this.#isCut = true;
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
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
    this.stopWaiting();
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
    while (await requests.take((bytes) => this.protocol.requestLength(bytes))) this.#come += 1;
  }

  async #serve(near: Socket): Promise<void> {
    const requests = new ByteReader(near);
    const own = this.protocol.isStateless ? undefined : this.#connect();
    own?.socket.on("close", () => near.destroy());
    for (;;) {
      const request = await requests.take((bytes) => this.protocol.requestLength(bytes));
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
    const read = this.protocol.read(request, this.stage);
    this.#requests.push(read);
    return this.through(request, read.operation, () => this.#forward(request, read.operation, own));
  }

  async #forward(request: Buffer, operation: WireOperation, own: Far | undefined): Promise<Buffer | undefined> {
    const far = own ?? this.#takeIdle() ?? this.#connect();
    const sentAt = now();
    far.socket.write(request);
    const answer = await far.answers.take((bytes) => this.protocol.answerLength(bytes, request));
    if (answer && this.protocol.isDone(answer)) this.#doneAt.set(operation, sentAt);
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
}

/** A request of this process takes a few turns of its event loop from the decision to send it to its arrival here. */
const QUIET_TURNS = 10;
const QUIET_TURN_MS = 5;
/** A service closes connections that are idle for some seconds. Azurite: 5 s. */
const REUSED_WITHIN_MS = 1_000;
