import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type BreakOptions, type BreakResult, isMutexError } from "../index.ts";
import { printable } from "../status/printable.ts";
import { breakOptionsOf, breakRequestIn } from "./break-request.ts";
import { rejectForeign } from "./foreign-request.ts";
import type { LockPoller } from "./lock-poller.ts";
import { Session } from "./session.ts";

const LOOPBACK = "127.0.0.1";
const LONGEST_BODY = 16_384;

const HEADERS: Readonly<Record<string, string>> = Object.freeze({
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-store",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cross-Origin-Opener-Policy": "same-origin",
});

/** The files of the page and their types. They contain nothing about a lock, and are served without a session. */
const ASSETS: Readonly<Record<string, readonly [file: string, type: string]>> = Object.freeze({
  "/": ["index.html", "text/html; charset=utf-8"],
  "/page.js": ["page.js", "text/javascript; charset=utf-8"],
  "/page.css": ["page.css", "text/css; charset=utf-8"],
});

/** Called with a key, the part of it that was to be broken, and the result. */
export type BreakListener = (key: string, options: BreakOptions, result: BreakResult) => void;

export interface StatusPageOptions {
  readonly poller: LockPoller;
  /** The folder of the page's files. */
  readonly assets: URL;
  /** Breaks a lock. Left out, the page cannot break locks. */
  readonly breakLock?: ((key: string, options: BreakOptions) => Promise<BreakResult>) | undefined;
  /** Called with the result of each break. Default: no call. */
  readonly onBreak?: BreakListener | undefined;
  /** Called with an unexpected error. */
  onDefect(error: unknown): void;
}

/** The server of the page. It listens on the loopback address alone, and answers only requests of its own page. */
export class StatusPage {
  readonly #options: StatusPageOptions;
  readonly #session = new Session();
  readonly #assets: ReadonlyMap<string, { readonly body: Buffer; readonly type: string }>;
  readonly #server: Server;

  constructor(options: StatusPageOptions) {
    this.#options = options;
    this.#assets = new Map(
      Object.entries(ASSETS).map(([path, [file, type]]) => [
        path,
        { body: readFileSync(new URL(file, options.assets)), type },
      ]),
    );
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        options.onDefect(error);
        if (response.headersSent) response.destroy();
        else sendMessage(response, 500, "an unexpected failure; the terminal in which azmutex ui runs says what");
      });
    });
  }

  /** Listens on a port, with 0 on any free one. Rejects with the error of Node where the port is taken. */
  async listen(port: number): Promise<void> {
    this.#server.listen(port, LOOPBACK);
    await once(this.#server, "listening");
    this.#session.port = this.#port;
  }

  /** The link to open. Its token lets the browser in; it is in the fragment, which browsers send to no server. */
  get link(): string {
    return `http://${LOOPBACK}:${this.#port}/#token=${this.#session.token}`;
  }

  async close(): Promise<void> {
    this.#options.poller.end();
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    const rejection = rejectForeign(request, this.#port);
    if (rejection !== undefined) return sendMessage(response, 403, rejection);
    const { method = "", url = "/", headers } = request;
    const [path = "/", query = ""] = url.split("?", 2);
    const asset = this.#assets.get(path);
    if (asset) {
      if (method !== "GET" && method !== "HEAD") return sendMessage(response, 405, "this can only be read");
      response.setHeader("Content-Type", asset.type).end(method === "HEAD" ? undefined : asset.body);
      return;
    }
    switch (`${method} ${path}`) {
      case "POST /session":
        if (!this.#session.hasToken(headers))
          return sendMessage(response, 401, "open the link that azmutex ui has printed");
        response.setHeader("Set-Cookie", this.#session.cookie);
        return sendJson(response, 200, {});
      case "GET /locks":
        if (!this.#isSignedIn(request)) return sendMessage(response, 401, "open the link that azmutex ui has printed");
        return await this.#sendLocks(new URLSearchParams(query), response);
      case "POST /break":
        if (!this.#options.breakLock)
          return sendMessage(response, 404, "locks can be broken only where azmutex ui was started with --allow-break");
        if (!this.#isSignedIn(request)) return sendMessage(response, 401, "open the link that azmutex ui has printed");
        return await this.#break(this.#options.breakLock, request, response);
      default:
        return sendMessage(response, 404, "there is nothing here");
    }
  }

  #isSignedIn({ headers }: IncomingMessage): boolean {
    return this.#session.hasToken(headers) && this.#session.hasCookie(headers);
  }

  async #sendLocks(query: URLSearchParams, response: ServerResponse): Promise<void> {
    const after = Number(query.get("after") ?? 0);
    const snapshot = await this.#options.poller.snapshot(
      query.get("run") ?? "",
      Number.isSafeInteger(after) && after >= 0 ? after : 0,
    );
    sendJson(response, 200, snapshot);
  }

  async #break(
    breakLock: NonNullable<StatusPageOptions["breakLock"]>,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    if (request.headers["content-type"] !== "application/json") return sendMessage(response, 415, "this takes JSON");
    const text = await bodyOf(request);
    if (text === undefined) return sendMessage(response, 413, `this takes up to ${LONGEST_BODY} bytes`);
    const asked = breakRequestIn(text);
    if (!asked) return sendMessage(response, 400, "this is no request to break a lock");
    if (asked.typed !== asked.key && asked.typed !== printable(asked.key))
      return sendMessage(response, 400, "what was typed is not the key; nothing was changed");
    try {
      const options = breakOptionsOf(asked);
      const result = await breakLock(asked.key, options);
      if (result.outcome === "broken") this.#options.poller.recordBreak(asked, result.freeInSeconds);
      this.#options.onBreak?.(asked.key, options, result);
      sendJson(response, 200, result);
    } catch (error) {
      // The messages of the library's errors contain no secret.
      if (error instanceof TypeError || error instanceof RangeError) return sendMessage(response, 400, error.message);
      if (!isMutexError(error)) throw error;
      sendMessage(response, error.code === "INVALID_KEY" ? 400 : 502, error.message);
    } finally {
      this.#options.poller.invalidate();
    }
  }
}

/** The body of a request. Undefined if it is longer than `LONGEST_BODY`. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length <= LONGEST_BODY) parts.push(part);
  }
  return length <= LONGEST_BODY ? Buffer.concat(parts).toString("utf8") : undefined;
}

function sendJson(response: ServerResponse, status: number, facts: object): void {
  response.writeHead(status, { "Content-Type": "application/json; charset=utf-8" }).end(JSON.stringify(facts));
}

function sendMessage(response: ServerResponse, status: number, message: string): void {
  sendJson(response, status, { message });
}
