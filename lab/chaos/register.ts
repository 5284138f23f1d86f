import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { MachineClock } from "./machine-clock.ts";

/** What a worker sends under a lock. */
export type Request = { readonly hold: string; readonly key: string; readonly token: number } & (
  | { readonly kind: "read" }
  /** What its writer had read, and adds one to. */
  | { readonly kind: "write"; readonly base: Reading }
);

/** The state of both registers. */
export interface Reading {
  readonly plain: Cell;
  readonly fenced: Cell;
}

export interface Cell {
  readonly number: number;
  /** How many writes it took. Numbers may come twice, versions never. */
  readonly version: number;
}

/** What came in, in the order in which it did. Times are the machine's. */
export type Touch = {
  readonly hold: string;
  readonly key: string;
  readonly token: number;
  readonly at: number;
  /** Whether the fenced register took it. */
  readonly isAccepted: boolean;
} & (
  | { readonly kind: "read" }
  | {
      readonly kind: "write";
      /** What each register was at, and what its writer took it to be at. */
      readonly plain: Versions;
      readonly fenced: Versions;
    }
);

export interface Versions {
  readonly found: number;
  readonly base: number;
}

interface Registers {
  plain: Cell;
  fenced: Cell;
  highestToken: number;
}

/**
 * What is written under the locks: per key a number that takes every write, and one that refuses every token lower than
 * one it has seen, be it on a read or on a write. It serves one request after the other and notes the true time of
 * each.
 */
export class Register implements AsyncDisposable {
  readonly touches: Touch[] = [];
  /** How many milliseconds the next write is under way; what a slow network does. */
  lateness: () => number = () => 0;
  readonly #clock: MachineClock;
  readonly #server: Server;
  readonly #registers = new Map<string, Registers>();

  private constructor(clock: MachineClock) {
    this.#clock = clock;
    this.#server = createServer(
      { keepAliveTimeout: 600_000 },
      (incoming, outgoing) => void this.#serve(incoming, outgoing),
    );
  }

  static async start(clock: MachineClock): Promise<Register> {
    const register = new Register(clock);
    register.#server.listen(0, "127.0.0.1");
    await once(register.#server, "listening");
    return register;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What the fenced register of each key says. */
  get fencedNumbers(): Record<string, number> {
    return Object.fromEntries([...this.#registers].map(([key, { fenced }]) => [key, fenced.number]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    let text = "";
    try {
      for await (const chunk of incoming.setEncoding("utf8")) text += chunk;
    } catch {
      return; // Its sender was killed within the request, which has not arrived then.
    }
    const request = JSON.parse(text) as Request;
    const late = request.kind === "write" ? this.lateness() : 0;
    if (late > 0) await new Promise((resolve) => setTimeout(resolve, late));
    outgoing.end(JSON.stringify(this.#touch(request)));
  }

  /** A client with too low a token is told nothing. */
  #touch(request: Request): Reading | null {
    const { hold, key, token } = request;
    const registers = this.#registersOf(key);
    const { plain, fenced } = registers;
    const isAccepted = token >= registers.highestToken;
    const touch = { hold, key, token, at: this.#clock.now(), isAccepted };
    if (isAccepted) registers.highestToken = token;
    if (request.kind === "read") this.touches.push({ ...touch, kind: "read" });
    else {
      const { base } = request;
      this.touches.push({
        ...touch,
        kind: "write",
        plain: { found: plain.version, base: base.plain.version },
        fenced: { found: fenced.version, base: base.fenced.version },
      });
      registers.plain = { number: base.plain.number + 1, version: plain.version + 1 };
      if (isAccepted) registers.fenced = { number: base.fenced.number + 1, version: fenced.version + 1 };
    }
    return isAccepted ? { plain: registers.plain, fenced: registers.fenced } : null;
  }

  #registersOf(key: string): Registers {
    const nothing: Cell = { number: 0, version: 0 };
    const registers = this.#registers.get(key) ?? { plain: nothing, fenced: nothing, highestToken: 0 };
    this.#registers.set(key, registers);
    return registers;
  }
}
