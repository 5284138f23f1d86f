import { connect, type Socket } from "node:net";
import type { Clock, Timer } from "../../../time/clock.ts";

/** Nothing is sent for so long, in milliseconds, and the connection ends: a waiter asks more often than that. */
const IDLE_MS = 10_000;
/** For how long another process may leave unread what it is sent, in milliseconds, until it is taken for stopped. */
const STALLED_MS = 500;
/** What is sent while so many bytes wait is dropped. */
const MOST_UNSENT_BYTES = 16_384;
/** No process listens there: it is dead, or has left. */
const GONE = new Set(["ECONNREFUSED", "ENOENT"]);

/** Why a connection ended: no process listens, the other one closed it or reads nothing, or nothing was said. */
export type ConnectionEnd = "isGone" | "isClosed" | "isStalled" | "isOver";

/** A connection to another process, for writing only. It keeps no process alive, however slowly the other one reads. */
export class PeerConnection {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #onEnd: (end: ConnectionEnd) => void;
  #idle: Timer | undefined;
  #stalled: Timer | undefined;
  #sentAt = Number.NEGATIVE_INFINITY;
  #isClosing = false;
  #hasEnded = false;

  constructor(path: string, clock: Clock, onEnd: (end: ConnectionEnd) => void) {
    this.#clock = clock;
    this.#onEnd = onEnd;
    this.#socket = connect(path)
      .on("error", ({ code = "" }: NodeJS.ErrnoException) => this.#end(GONE.has(code) ? "isGone" : "isClosed"))
      .on("close", () => this.#end(this.#isClosing ? "isOver" : "isClosed"))
      // Nothing comes but its end.
      .resume()
      .unref();
    this.#endWhenIdle(IDLE_MS);
  }

  /** Sends a line, unless the other process has yet to read too many. */
  send(line: string): void {
    if (this.#hasEnded || this.#socket.writableLength > MOST_UNSENT_BYTES) return;
    this.#sentAt = this.#clock.now();
    this.#socket.write(line, "latin1");
    this.#watch();
  }

  /** Ends the connection once everything is sent. */
  close(): void {
    if (this.#hasEnded) return;
    this.#isClosing = true;
    this.#socket.end();
    this.#watch();
  }

  #endWhenIdle(ms: number): void {
    this.#idle = this.#clock.setTimer(ms, () => {
      const leftMs = this.#sentAt + IDLE_MS - this.#clock.now();
      if (leftMs > 0) this.#endWhenIdle(leftMs);
      else this.#end("isOver");
    });
  }

  /** What is on its way to a process that does not read would keep this process from ending. */
  #watch(): void {
    if (this.#stalled || this.#socket.writableLength === 0) return;
    this.#stalled = this.#clock.setTimer(STALLED_MS, () => {
      // This process may have been the slow one: it is told first what has happened meanwhile.
      this.#clock.nextTurn(() => {
        this.#stalled = undefined;
        if (this.#socket.writableLength > 0) this.#end("isStalled");
      });
    });
  }

  #end(end: ConnectionEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#idle?.cancel();
    this.#stalled?.cancel();
    this.#socket.destroy();
    this.#onEnd(end);
  }
}
