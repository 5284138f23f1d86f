import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createServer as createTlsServer, connect as tlsConnect } from "node:tls";
import type { Certificate } from "../certificate.ts";
import { now } from "../now.ts";
import { ByteReader } from "./byte-reader.ts";
import type { Operation, Protocol } from "./protocol.ts";

/** What happens to a request on its way to the storage, or to the answer on its way back. */
export type Trouble =
  /** The request never arrives. The connection stays open, and silent. */
  | { readonly kind: "hang" }
  /** The storage says "not now" and does nothing. */
  | { readonly kind: "not now" }
  /** The request never arrives; something on the way answers it. */
  | { readonly kind: "answered"; readonly answer: () => Buffer }
  /** The request is carried out; instead of its answer the connection ends. */
  | { readonly kind: "answer lost" }
  /** The request is carried out, and its answer is late. */
  | { readonly kind: "answer late"; readonly byMs: number }
  /** The network fails with this request, until it is mended. */
  | { readonly kind: "cut" };

interface Rule {
  readonly operation: Operation;
  readonly trouble: Trouble;
  times: number;
  readonly struck: () => void;
}

/**
 * The way from one process to its storage, the same for blobs and for Redis: bytes pass unchanged, one request of a
 * connection after the other, unless something is to happen to them. A request that was read is carried out even if its
 * client has gone.
 */
export class Way implements AsyncDisposable {
  /** Where the storage is just now. */
  storagePort: number;
  /** What the process at the near end is about. */
  stage: Operation = "acquire";
  /** Where it begins; undefined behind a gate, which leads connections to it. */
  readonly port: number | undefined;
  readonly #server: Server | undefined;
  readonly #protocol: Protocol;
  readonly #isSecret: boolean;
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<Rule>();
  #rules: Rule[] = [];
  #keptAt = Number.NaN;
  #isCut = false;

  private constructor(server: Server | undefined, storagePort: number, protocol: Protocol, isSecret = false) {
    this.#server = server;
    this.#isSecret = isSecret;
    this.storagePort = storagePort;
    this.#protocol = protocol;
    this.port = (server?.address() as AddressInfo | undefined)?.port;
    server?.on(isSecret ? "secureConnection" : "connection", (near: Socket) => this.accept(near));
  }

  /** With a port of its own. With a certificate, TLS is spoken on both sides of it. */
  static async open(storagePort: number, protocol: Protocol, certificate?: Certificate): Promise<Way> {
    const server = (certificate ? createTlsServer(certificate) : createServer()).listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Way(server, storagePort, protocol, certificate !== undefined);
  }

  static behindGate(storagePort: number, protocol: Protocol): Way {
    return new Way(undefined, storagePort, protocol);
  }

  /** Leads a connection to the storage. */
  accept(near: Socket): void {
    if (this.#isCut) near.destroy();
    else void this.#serve(near);
  }

  /** When the last request that took or renewed the lock, and did so, was sent on. The lease is good from then. */
  get keptAt(): number {
    return this.#keptAt;
  }

  /** Whether everything that was to happen did, once at least. */
  get hasStruck(): boolean {
    return this.#waiting.size === 0;
  }

  /**
   * Lets it happen to the next requests of the kind; all of them, unless `times` says how many. Resolves with the
   * first.
   */
  strike(operation: Operation, trouble: Trouble, times = Infinity): Promise<void> {
    return new Promise((resolve) => {
      const rule: Rule = { operation, trouble, times, struck: resolve };
      this.#waiting.add(rule);
      this.#rules.push(rule);
    });
  }

  /** The network fails: connections end, and there is no server to connect to. */
  cut(): void {
    this.#isCut = true;
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Nothing happens to requests any more, and the network is there again. Connections that hang end. */
  async mend(): Promise<void> {
    this.#rules = [];
    for (const socket of this.#sockets) if (socket.isPaused()) socket.destroy();
    this.#isCut = false;
    if (!this.#server || this.#server.listening) return;
    this.#server.listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
  }

  async #serve(near: Socket): Promise<void> {
    const at = { host: "127.0.0.1", port: this.storagePort };
    const far = this.#isSecret ? tlsConnect({ ...at, rejectUnauthorized: false }) : connect(at);
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    }
    far.on("close", () => near.destroy());
    const requests = new ByteReader(near);
    const answers = new ByteReader(far);
    for (;;) {
      const request = await requests.take((bytes) => this.#protocol.requestLength(bytes));
      if (!request) break;
      if (!(await this.#pass(request, near, far, answers))) return;
    }
    far.destroy();
  }

  /** Whether the connection goes on. */
  async #pass(request: Buffer, near: Socket, far: Socket, answers: ByteReader): Promise<boolean> {
    const operation = this.#protocol.operationOf(request, this.stage);
    const rule = this.#rules.find((one) => one.operation === operation && one.times > 0);
    const trouble = rule?.trouble ?? { kind: "none" };
    const { kind } = trouble;
    const strike = (): void => {
      if (!rule) return;
      rule.times -= 1;
      this.#waiting.delete(rule);
      rule.struck();
    };
    if (kind === "hang" || kind === "cut") {
      strike();
      if (kind === "cut") this.cut();
      else near.pause();
      return false;
    }
    if (kind === "not now" || kind === "answered") {
      strike();
      near.write(trouble.kind === "answered" ? trouble.answer() : this.#protocol.notNow);
      return true;
    }

    const sentAt = now();
    far.write(request);
    const answer = await answers.take((bytes) => this.#protocol.answerLength(bytes, request));
    if (!answer) {
      near.destroy();
      return false;
    }
    if ((operation === "acquire" || operation === "renew") && this.#protocol.isDone(answer)) this.#keptAt = sentAt;
    if (rule && !this.#protocol.isRepeated(answer)) {
      strike();
      if (rule.trouble.kind === "answer lost") {
        near.destroy();
        return false;
      }
      if (rule.trouble.kind === "answer late") await sleep(rule.trouble.byMs);
    }
    if (!near.destroyed) near.write(answer);
    return true;
  }
}
